//! `apex grant` and `apex ungrant`: bound to an owner, ahead of an install too, recorded, and what they lead to.

use std::fs;

use serde_json::{Value, json};

use crate::house::{House, Proof};

const PROBE: &str = "com.apexagent.examples.probe";

fn granted(value: &Value) -> Vec<(&str, &Value)> {
    let grants = value["grants"].as_array().unwrap();
    grants.iter().map(|grant| (grant["permission"].as_str().unwrap(), &grant["owner"])).collect()
}

#[test]
fn a_grant_is_bound_to_an_owner_who_may_be_known_before_the_plugin_is() {
    let house = House::new();
    // Nothing is installed yet, but the id is reserved for a publisher.
    let acme = json!({"publisher": "acme"});
    let shown = house.json(&["grant", "com.acme.tool", "net.connect:443", "execute_shell_commands"]);
    assert_eq!(granted(&shown), [("net.connect:443", &acme), ("process.spawn", &acme)]);
    let nobody = house.apex(&["--json", "grant", "org.neighbour.tool", "process.spawn"]).expect(3).error();
    assert_eq!(nobody["code"], "NothingToBind");
    let named = house.json(&["grant", "org.neighbour.tool", "process.spawn", "--publisher", "neighbour"]);
    assert_eq!(granted(&named), [("process.spawn", &json!({"publisher": "neighbour"}))]);
    // An unsigned plugin that is there: its bytes.
    house.plant("unsigned", Proof::Checksum, |manifest| manifest["id"] = "org.other.tool".into());
    let digest = house.json(&["inspect", "org.other.tool"])["digest"].clone();
    let bound = house.json(&["grant", "org.other.tool", "env:LANG"]);
    let owner = &bound["grants"][0]["owner"]["digest"];
    assert_eq!(bound["grants"][0]["permission"], "env:LANG");
    assert_eq!(json!(format!("blake3:{}", owner["value"].as_str().unwrap())), digest);
    fs::File::create(house.root().join("unsigned/more")).unwrap();
    house.plant("unsigned", Proof::Checksum, |manifest| manifest["id"] = "org.other.tool".into());
    let inspected = house.json(&["inspect", "org.other.tool"]);
    assert_eq!((&inspected["grants"], &inspected["permissions"]["granted_to_others"]), (&json!([]), &json!(true)));

    let left = house.json(&["ungrant", "com.acme.tool", "net.connect:443"]);
    assert_eq!(granted(&left), [("process.spawn", &acme)]);
    let error = house.apex(&["--json", "ungrant", "com.acme.tool", "net.connect:443"]).expect(3).error();
    assert_eq!(error["code"], "NotListed");
    let recorded = house.apex(&["--json", "audit"]).expect(0).stdout;
    let recorded: Vec<Value> = recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let changes = recorded.iter().filter(|line| line["kind"] == "grant").map(|line| &line["granted"]);
    assert_eq!(changes.collect::<Vec<_>>(), [true, true, true, true, false]);
    house.apex(&["audit", "--verify"]).expect(0);
}

#[test]
fn what_is_no_permission_and_what_is_too_wide_are_refused() {
    let house = House::new();
    for (permission, said) in [
        ("network", "none of this name"),
        ("fs.read:data", "must start with"),
        ("net.connect:*", "from 1 to 65535"),
        ("env:LD_PRELOAD", "dynamic linker"),
    ] {
        let refused = house.apex(&["grant", "com.acme.tool", permission]).expect(2);
        assert!(refused.stderr.contains(said), "{permission}: {}", refused.stderr);
    }
    for directory in ["store", "states", ""] {
        let permission = format!("fs.write:{}", house.path(directory).display());
        let error = house.apex(&["--json", "grant", "com.acme.tool", &permission]).expect(4).error();
        assert_eq!(error["code"], "GrantTooWide", "{permission}");
    }
    let everything = house.apex(&["--json", "grant", "com.acme.tool", "file_system_write_all"]).expect(4);
    assert_eq!(everything.error()["code"], "GrantTooWide");
    assert!(!house.path("grants.json").exists());
}

/// What was denied says which command helps, and the command does.
#[test]
fn the_command_that_a_denial_names_grants_what_was_denied() {
    let house = House::new();
    house.install("probe");
    let workspace = house.path("workspace");
    fs::create_dir(&workspace).unwrap();
    fs::File::create(workspace.join("file")).unwrap();
    let (place, target) = (workspace.to_str().unwrap(), workspace.join("file"));
    let target = format!("target={}", target.display());
    let read =
        ["--workspace", place, "run", PROBE, "attempt", "--isolation", "process", "-p", "what=read", "-p", &target];
    if apex_plugins::Kernel::current().landlock() > 0 {
        let denied = house.apex(&read).expect(4);
        let command = format!("apex grant {PROBE} 'fs.read:${{workspace}}'");
        assert!(denied.stderr.contains(&command) && denied.stderr.contains("nothing is granted"), "{}", denied.stderr);
    }
    house.apex(&["grant", PROBE, "fs.read:${workspace}", "net.listen:80"]).expect(0);
    assert!(house.apex(&read).expect(0).stdout.contains("done"));
    let shown = house.apex(&["inspect", PROBE]).expect(0).stdout;
    for said in [
        "fs.read:${workspace}: granted",
        "net.connect:80: not granted; `apex grant",
        "net.listen:80, without effect",
        "where no permission is enforced",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let inspected = house.json(&["inspect", PROBE]);
    assert_eq!(inspected["permissions"]["in_effect"], json!(["fs.read:${workspace}"]));
}
