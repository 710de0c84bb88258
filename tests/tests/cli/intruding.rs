//! Settings, trust and roots that somebody tries to slip in (rows 87 and 92 of the attack catalogue).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use apex_plugins::{
    meta::Placement,
    trust::{SigningKey, TrustStore},
};
use serde_json::{Value, json};

use crate::house::{Ended, House, Proof, find, write};

/// A home whose owner goes by `strict`, with an unsigned plugin that this blocks, and a hostile directory to work in.
struct Home {
    house: House,
    cwd: PathBuf,
}

impl Home {
    fn new() -> Self {
        let house = House::new();
        let (cwd, config, data) =
            (house.path("cloned"), house.path("home/.config/apex"), house.path("home/.local/share/apex/plugins"));
        for directory in [&cwd, &config, &data] {
            fs::create_dir_all(directory).unwrap();
        }
        write(&config.join("config.toml"), "policy = 'strict'");
        fs::copy(house.path("trust.json"), config.join("trust.json")).unwrap();
        let mine = house.plant("mine", Proof::Signature(house.key()), |_| ());
        apex_plugins_tests::copy_tree(&mine, &data.join("mine"));
        let bare = house.plant("bare", Proof::Checksum, |manifest| manifest["id"] = "org.nobody.bare".into());
        apex_plugins_tests::copy_tree(&bare, &data.join("bare"));
        let home = Self { house, cwd };
        home.bait();
        home
    }

    /// Everything that could tempt the program, in the working directory.
    fn bait(&self) {
        let (key, plugins) = (SigningKey::generate().unwrap(), self.cwd.join("plugins"));
        let evil = self.house.plant("evil", Proof::Signature(&key), |manifest| {
            manifest["id"] = "com.acme.mine".into();
            manifest["version"] = "99.0.0".into();
        });
        apex_plugins_tests::copy_tree(&evil, &plugins.join("evil"));
        let mut store = TrustStore::empty();
        store.add_publisher("evil", key.public_key(), &["com.acme"], Placement::InProcess).unwrap();
        store.add_dev_root(&plugins);
        for place in ["", "apex", ".config/apex", ".apex"] {
            let directory = self.cwd.join(place);
            fs::create_dir_all(&directory).unwrap();
            store.save(&directory.join("trust.json")).unwrap();
            let (roots, trust) = (plugins.display(), directory.join("trust.json"));
            let settings = format!("dev_roots = ['{roots}']\npolicy = 'standard'\ntrust = '{}'", trust.display());
            write(&directory.join("config.toml"), &settings);
        }
        apex_plugins_tests::copy_tree(&plugins, &self.cwd.join(".local/share/apex/plugins"));
    }

    fn listing(&self, variables: &[(&str, &str)]) -> Value {
        let mut command = self.house.bare();
        command.current_dir(&self.cwd).envs(variables.iter().copied()).args(["--json", "list"]);
        let ended = Ended::of(&mut command).expect(0);
        serde_json::from_str(&ended.stdout).unwrap()
    }
}

/// Every file in a home with its content, but for the cache, which looking may fill.
fn kept(home: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut kept = contents(home);
    kept.retain(|path, _| !path.starts_with(home.join(".cache")));
    kept
}

/// Every file below a directory with its content.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
        }
    }
    found
}

#[test]
fn neither_variables_nor_the_working_directory_loosen_anything() {
    let home = Home::new();
    let before = kept(&home.house.path("home"));
    let expected = home.listing(&[]);
    assert_eq!(expected["plugins"].as_array().unwrap().len(), 2, "{expected:#}");
    assert_eq!(
        (&find(&expected, "mine")["status"], &find(&expected, "mine")["signer"]),
        (&json!("ready"), &json!("acme"))
    );
    assert_eq!(find(&expected, "bare")["reason"]["code"], "SignatureMissing");
    let plugins = home.cwd.join("plugins").display().to_string();
    for variable in [
        "APEX_TRUST",
        "APEX_TRUST_FILE",
        "APEX_TRUST_STORE",
        "APEX_DEV_ROOT",
        "APEX_DEV_ROOTS",
        "APEX_DEV_PLUGIN_PATH",
        "APEX_CONFIG",
        "APEX_CONFIG_DIR",
        "APEX_CONFIG_FILE",
        "APEX_POLICY",
        "APEX_ROOT",
        "APEX_ISOLATION",
        "APEX_AUDIT",
    ] {
        for value in ["trust.json", "config.toml", "plugins", "standard", ".", &plugins] {
            assert_eq!(home.listing(&[(variable, value)]), expected, "{variable}={value}");
        }
    }
    // A path that is searched by its variable gives candidates, which trust judges as any others.
    for value in ["plugins", "./plugins:", ".", ""] {
        assert_eq!(home.listing(&[("APEX_PLUGIN_PATH", value)]), expected, "APEX_PLUGIN_PATH={value}");
    }
    let searched = home.listing(&[("APEX_PLUGIN_PATH", &plugins)]);
    assert_eq!(find(&searched, "evil")["reason"]["code"], "UntrustedKey", "{searched:#}");
    assert_eq!(find(&searched, "mine")["status"], "ready", "{searched:#}");
    // Relative ones would lead into the working directory.
    for (variable, value) in
        [("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share"), ("XDG_CONFIG_HOME", ".")]
    {
        assert_eq!(home.listing(&[(variable, value)]), expected, "{variable}={value}");
    }
    assert_eq!(kept(&home.house.path("home")), before, "looking changed something");
}

/// A relative home would be the working directory too: nothing is taken from there, and the user is told.
#[test]
fn a_relative_home_is_refused() {
    let home = Home::new();
    let mut command = home.house.bare();
    let ended = Ended::of(command.current_dir(&home.cwd).env("HOME", ".").args(["--json", "list"])).expect(2);
    assert_eq!((ended.stdout.as_str(), &ended.error()["code"]), ("", &json!("Usage")));
}

/// Row 87: a cloned repository is no root before somebody trusts it, and then its high versions gain nothing.
#[test]
fn a_cloned_repositorys_plugins_wait_for_trust_and_do_not_outbid_signed_ones() {
    let home = Home::new();
    let bare = home.house.plant("bare99", Proof::Checksum, |manifest| {
        manifest["id"] = "com.acme.mine".into();
        manifest["version"] = "99.1.0".into();
    });
    apex_plugins_tests::copy_tree(&bare, &home.cwd.join("plugins/bare99"));
    let apex = |arguments: &[&str]| {
        let mut command = home.house.bare();
        Ended::of(command.current_dir(&home.cwd).args(["--policy", "standard", "--json"]).args(arguments))
    };
    let chosen = || {
        let why: Value = serde_json::from_str(&apex(&["why", "com.acme.mine"]).expect(0).stdout).unwrap();
        (why["chosen"].clone(), why["considered"].as_array().unwrap().len())
    };
    assert_eq!(chosen(), (json!("1.0.0"), 1));
    apex(&["trust", "root", "plugins"]).expect(0);
    assert_eq!(chosen(), (json!("1.0.0"), 3), "both are seen now, and neither is trusted");
    let listing: Value = serde_json::from_str(&apex(&["list"]).expect(0).stdout).unwrap();
    assert_eq!(find(&listing, "bare99")["reason"]["code"], "SignatureStripped");
    assert_eq!(find(&listing, "evil")["reason"]["code"], "UntrustedKey");
}

/// Row 42: what the dynamic linker was told to bring along runs before anybody could verify it.
#[test]
fn a_linker_that_is_told_to_bring_other_code_keeps_plugins_out_of_the_process_under_strict() {
    let house = House::new();
    house.install("greeter");
    let id = "com.apexagent.examples.greeter";
    let nowhere = house.path("nowhere");
    for variable in ["LD_LIBRARY_PATH", "LD_PRELOAD"] {
        let apex = |arguments: &[&str]| {
            // The linker complains of what it cannot preload, and goes on.
            Ended::of(house.command().env(variable, &nowhere).args(arguments))
        };
        let run = ["run", id, "greet", "-p", "name=Ada"];
        let ended = apex(&[&["--json", "--policy", "strict"], &run[..]].concat()).expect(4);
        let error = ended.error();
        assert_eq!(error["code"], "PluginBlocked", "{variable}: {error:#}");
        let message = format!("{} {}", error["message"], error["hint"]);
        assert!(message.contains("UnsafeEnvironment") && message.contains(variable), "{message}");
        assert!(apex(&run).expect(0).stdout.contains("Ada"), "{variable}");
    }
}
