//! `apex check`: every fault with its place, before anything is installed.

use std::{fs, io::Write as _};

use serde_json::{Value, json};

use crate::house::{House, Proof, manifest, write};

#[test]
fn a_good_directory_is_ok_and_says_who_signed_it() {
    let house = House::new();
    let directory = house.plant("good", Proof::Signature(house.key()), |_| ());
    let path = directory.to_str().unwrap();
    let ended = house.apex(&["check", path]).expect(0);
    assert_eq!(ended.stdout, format!("{path}: ok, signed by acme\n"));
    let checked = house.json(&["check", path]);
    assert_eq!((&checked["ok"], &checked["faults"]), (&json!(true), &json!([])));
    assert_eq!(checked["trust"]["signer"], "acme");
}

#[test]
fn every_fault_of_metadata_is_drawn_under_its_line() {
    let house = House::new();
    let file = house.path("plugin.json");
    let text = serde_json::to_string_pretty(&manifest("x")).unwrap();
    write(&file, &text.replace("\"1.0.0\"", "\"one\"").replace("\"license\": \"MIT\"", "\"licence\": 5"));
    let ended = house.apex(&["check", file.to_str().unwrap()]).expect(5);
    let line = 1 + text.lines().position(|line| line.contains("version")).unwrap();
    let place = format!("--> {}:{line}:", file.display());
    assert!(ended.stdout.contains("error[InvalidVersion]") && ended.stdout.contains(&place), "{}", ended.stdout);
    assert!(ended.stdout.contains("^^^^^") && ended.stdout.contains("= help: "), "{}", ended.stdout);
    assert!(ended.stdout.contains("warning[UnknownProperty]"), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("plugin.json: 1 error, 1 warning\n"), "{}", ended.stdout);
    let checked = house.json(&["check", file.to_str().unwrap()]);
    assert_eq!(checked["ok"], false);
    let fault = &checked["faults"][0];
    assert_eq!(
        (&fault["code"], &fault["pointer"], &fault["line"]),
        (&json!("InvalidVersion"), &json!("/version"), &json!(line))
    );
    assert!(fault["column"].is_u64() && fault["message"].is_string() && fault.get("hint").is_some(), "{fault:#}");
}

#[test]
fn a_tampered_directory_ends_with_4_and_names_the_check() {
    let house = House::new();
    let directory = house.plant("tampered", Proof::Signature(house.key()), |_| ());
    write(&directory.join("more.txt"), "more");
    let path = directory.to_str().unwrap();
    let ended = house.apex(&["check", path]).expect(4);
    assert!(ended.stdout.contains("error[ChecksumMismatch]") && ended.stdout.contains("= help: "), "{}", ended.stdout);
    let checked = house.json(&["check", path]);
    assert_eq!(checked["faults"][0]["code"], "ChecksumMismatch");
    assert_eq!(checked["faults"][0]["pointer"], Value::Null);
}

#[test]
fn several_paths_give_one_object_each_and_the_worst_exit() {
    let house = House::new();
    let good = house.plant("good", Proof::Signature(house.key()), |_| ());
    let bare = house.plant("bare", Proof::Nothing, |manifest| manifest["id"] = "org.nobody.bare".into());
    let broken = house.root().join("broken");
    fs::create_dir(&broken).unwrap();
    write(&broken.join("plugin.json"), "{\n  \"name\": \u{1b}\n}");
    let paths: Vec<_> = [&good, &bare, &broken].iter().map(|path| path.to_str().unwrap()).collect();
    let ended = house.apex(&["--json", "check", paths[0], paths[1], paths[2]]).expect(5);
    let codes: Vec<Value> = ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["faults"][0]["code"].clone())
        .collect();
    assert_eq!(codes, [Value::Null, json!("MissingChecksum"), json!("MetadataSyntax")]);
    house.apex(&["check", paths[0], paths[1]]).expect(4);
    let ended = house.apex(&["check", paths[2]]).expect(5);
    assert!(!ended.stdout.contains('\u{1b}'), "{:?}", ended.stdout);
}

#[test]
fn what_is_not_there_is_an_error_that_says_so() {
    let house = House::new();
    let error = house.apex(&["--json", "check", "nowhere"]).expect(7).error();
    assert_eq!(error["code"], "Io");
    assert!(error["message"].as_str().unwrap().contains("nowhere") && error["hint"].is_string());
    let empty = house.path("empty");
    fs::create_dir(&empty).unwrap();
    house.apex(&["check", empty.to_str().unwrap()]).expect(7);
}

#[test]
fn a_package_is_checked_as_its_directory_and_a_forged_one_refused() {
    let house = House::new();
    let directory = house.plant("good", Proof::Signature(house.key()), |_| ());
    let archive = house.path("good-1.0.0.apexpkg");
    apex_package::pack(&directory, &archive).unwrap();
    let ended = house.apex(&["check", "good-1.0.0.apexpkg"]).expect(0);
    assert_eq!(ended.stdout, "good-1.0.0.apexpkg: ok, signed by acme\n");
    let mut bytes = fs::read(&archive).unwrap();
    bytes.extend(b"more");
    fs::remove_file(&archive).unwrap();
    fs::File::create_new(&archive).unwrap().write_all(&bytes).unwrap();
    assert_eq!(house.json(&["check", "good-1.0.0.apexpkg"])["faults"][0]["code"], "NonCanonicalArchive");
    house.apex(&["check", "good-1.0.0.apexpkg"]).expect(4);
    write(&house.path("text.apexpkg"), "no archive");
    let ended = house.apex(&["check", "text.apexpkg"]).expect(4);
    assert!(ended.stdout.contains("help: "), "{}", ended.stdout);
}
