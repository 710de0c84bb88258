//! Where `apex` looks, and what it does not let slip in (R2.1, row 92 of the attack catalogue).

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::house::{Ended, House, Proof, write};

/// The ids that a listing shows.
fn ids(ended: &Ended) -> Vec<String> {
    let listing: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    let plugins = listing["plugins"].as_array().unwrap();
    plugins.iter().filter_map(|plugin| plugin["id"].as_str().map(str::to_owned)).collect()
}

fn config(house: &House, text: &str) -> std::path::PathBuf {
    let directory = house.path("home/.config/apex");
    fs::create_dir_all(&directory).unwrap();
    let file = directory.join("config.toml");
    write(&file, text);
    file
}

#[test]
fn the_working_directory_slips_nothing_in() {
    let house = House::new();
    house.plant("x", Proof::Signature(house.key()), |_| ());
    // The working directory holds `plugins/`, `trust.json` and settings that would make use of them.
    write(&house.path("config.toml"), &format!("dev_roots = ['{}']", house.root().display()));
    fs::create_dir(house.path("apex")).unwrap();
    fs::copy(house.path("config.toml"), house.path("apex/config.toml")).unwrap();
    assert_eq!(ids(&Ended::of(house.bare().args(["--json", "list"])).expect(0)), [""; 0]);
    for (variable, value) in [
        ("APEX_PLUGIN_PATH", "plugins:"),
        ("APEX_DEV_ROOT", "plugins"),
        ("APEX_TRUST", "trust.json"),
        ("APEX_POLICY", "standard"),
        ("APEX_CONFIG", "config.toml"),
        ("XDG_CONFIG_HOME", "."),
    ] {
        let ended = Ended::of(house.bare().env(variable, value).args(["--json", "list"])).expect(0);
        assert_eq!(ids(&ended), [""; 0], "{variable}");
    }
    // Named by its full path, the root is searched, but the trust store is still not the one that lies about.
    let ended = Ended::of(house.bare().env("APEX_PLUGIN_PATH", house.root()).args(["--json", "list"])).expect(0);
    assert_eq!(ids(&ended), ["com.acme.x"]);
    assert!(ended.stdout.contains("UntrustedKey"), "{}", ended.stdout);
}

#[test]
fn a_projects_plugins_are_searched_only_after_it_was_trusted_and_never_besides_root() {
    let house = House::new();
    house.plant("x", Proof::Signature(house.key()), |_| ());
    Ended::of(house.bare().args(["trust", "root", "plugins"])).expect(0);
    assert!(house.path("home/.config/apex/trust.json").exists());
    assert_eq!(ids(&Ended::of(house.bare().args(["--json", "list"])).expect(0)), ["com.acme.x"]);
    let other = house.path("other");
    fs::create_dir(&other).unwrap();
    let ended = Ended::of(house.bare().arg("--root").arg(&other).args(["--json", "list"])).expect(0);
    assert_eq!(ids(&ended), [""; 0]);
}

#[test]
fn plugins_in_the_users_data_directory_and_the_store_are_found() {
    let house = House::new();
    let planted = house.plant("x", Proof::Signature(house.key()), |_| ());
    let data = house.path("home/.local/share/apex/plugins");
    fs::create_dir_all(&data).unwrap();
    apex_plugins_tests::copy_tree(&planted, &data.join("x"));
    assert_eq!(ids(&Ended::of(house.bare().args(["--json", "list"])).expect(0)), ["com.acme.x"]);
}

#[test]
fn settings_name_roots_trust_and_policy() {
    let house = House::new();
    house.plant("signed", Proof::Signature(house.key()), |_| ());
    house.plant("unsigned", Proof::Checksum, |manifest| manifest["id"] = "org.nobody.x".into());
    let (root, trust) = (house.root(), house.path("trust.json"));
    config(&house, &format!("roots = ['{}']\ntrust = '{}'\npolicy = 'strict'", root.display(), trust.display()));
    let listing: Value =
        serde_json::from_str(&Ended::of(house.bare().args(["--json", "list"])).expect(0).stdout).unwrap();
    let status = |name| crate::house::find(&listing, name)["status"].clone();
    assert_eq!((status("signed"), status("unsigned")), ("ready".into(), "blocked".into()));
    let ended = Ended::of(house.bare().args(["--policy", "standard", "--json", "list"])).expect(0);
    let listing: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(crate::house::find(&listing, "unsigned")["status"], "ready", "the command line wins");
}

#[test]
fn broken_and_foreign_settings_are_errors_that_say_what_to_do() {
    let house = House::new();
    for (text, cause) in [("polcy = 'strict'", "polcy"), ("roots = ['plugins']", "relative"), ("[", "line 1")] {
        config(&house, text);
        let ended = Ended::of(house.bare().arg("list")).expect(7);
        assert!(ended.stderr.contains(cause) && ended.stderr.contains("\n  help: "), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
    let file = config(&house, "policy = 'strict'");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).unwrap();
    let error = Ended::of(house.bare().args(["--json", "list"])).expect(4).error();
    assert_eq!(error["code"], "InsecurePermissions");
    // What needs no settings works all the same.
    Ended::of(house.bare().args(["completions", "zsh"])).expect(0);
}

#[test]
fn without_a_home_directory_the_user_is_told_what_to_give() {
    let house = House::new();
    let ended = Ended::of(house.bare().env("HOME", "relative").arg("list")).expect(2);
    assert!(ended.stderr.contains("HOME"), "{}", ended.stderr);
    house.apex(&["list"]).expect(0);
}
