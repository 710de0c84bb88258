//! The commands of `docs/operators_guide.md` do what it says, in its order.

use crate::{
    guide::{commands, shell},
    house::House,
    installing::{package, package_asking},
};

#[test]
fn the_operators_guides_commands_do_what_it_says() {
    let house = House::new();
    std::fs::create_dir(house.path("packages")).unwrap();
    for version in ["1.0.0", "1.1.0"] {
        package_asking(&house, "mail", version, &["com.acme.base"], &["net.connect:587"]);
    }
    package(&house, "base", "1.0.0", &[]);
    house.key().public_key().write(&house.path("acme.pem.pub")).unwrap();
    let commands = commands("docs/operators_guide.md");
    assert!(commands.len() > 25, "the guide shows {} commands", commands.len());
    for shown in commands {
        shown.check(&shell(&house, &shown.line, ""));
    }
}
