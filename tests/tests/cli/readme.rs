//! The commands of `README.md` do what it says, in its order, and make the plugin that it shows.

use std::fs;

use apex_plugins_tests::{apex, workspace_root};
use serde_json::Value;

use crate::{
    authoring::{follow, house, in_house},
    guide,
    house::Ended,
};

/// The README's first block of a language.
fn block(language: &str) -> String {
    let text = fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap();
    rest.split("```").next().unwrap().to_owned()
}

#[test]
fn the_readmes_commands_do_what_it_says_and_make_the_plugin_that_it_shows() {
    let house = house();
    let commands = guide::commands("README.md");
    assert!(commands.len() > 10, "the README shows {} commands", commands.len());
    for shown in &commands {
        // It takes a minute, and the guide's test does it: here stands what it puts in place.
        if shown.line.starts_with("cargo install ") {
            let guide = guide::commands("docs/getting_started.md");
            assert!(guide.iter().any(|step| step.line == shown.line), "{} is no step of the guide", shown.line);
            fs::create_dir_all(house.path("installed/bin")).unwrap();
            std::os::unix::fs::symlink(apex(), house.path("installed/bin/apex")).unwrap();
        } else {
            follow(&house, shown);
        }
    }
    let made = fs::read_to_string(house.path("herald/src/lib.rs")).unwrap();
    assert!(made.ends_with(&block("rust")), "the README shows what `apex new` makes:\n{made}");
    let ended = Ended::of(in_house(&house, "apex").args(["--json", "manifest", "herald"])).expect(0);
    let manifest: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&block("json")).unwrap(), manifest, "{manifest:#}");
}
