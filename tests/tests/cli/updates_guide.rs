//! The commands of `docs/updates_guide.md` do what it says, in its order.

use apex_plugins_tests::package_changed;

use crate::{
    guide::{commands, shell},
    house::House,
};

#[test]
fn the_updates_guides_commands_do_what_it_says() {
    let house = House::new();
    std::fs::create_dir(house.path("packages")).unwrap();
    for plugin in ["counter", "counter_v1_1", "counter_v2"] {
        let out = tempfile::tempdir_in(house.path("")).unwrap();
        let archive = package_changed(plugin, Some(house.publisher()), out.path(), |_| ()).archive;
        std::fs::copy(&archive, house.path("packages").join(archive.file_name().unwrap())).unwrap();
    }
    house.key().public_key().write(&house.path("acme.pem.pub")).unwrap();
    let commands = commands("docs/updates_guide.md");
    assert!(commands.len() > 20, "the guide shows {} commands", commands.len());
    for shown in commands {
        shown.check(&shell(&house, &shown.line, ""));
    }
}
