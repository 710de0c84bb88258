//! Real metadata of other authors, most of it wrong by our schema: what `apex check` says of each file, to the letter.
//!
//! Covers R1.8. The expected texts stand in `fixtures/reference_metadata/expected`; with `APEX_BLESS=1` in the
//! environment the test writes them anew, for an author to read before they are committed.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use apex_plugins::meta::{FaultCode, check};
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    apex_plugins_tests::workspace_root().join("tests/fixtures/reference_metadata")
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert_eq!(files.len(), 8, "{files:?}");
    files
}

/// What `apex check` prints, started next to the file so that no path of this machine is in it.
fn apex_check(home: &Path, arguments: &[&str]) -> (String, i32) {
    let output = Command::new(apex_plugins_tests::apex())
        .current_dir(fixtures())
        .env_clear()
        .envs([("HOME", home), ("XDG_CONFIG_HOME", home), ("XDG_DATA_HOME", home), ("XDG_CACHE_HOME", home)])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

fn compare(expected: &Path, found: &str) {
    if std::env::var_os("APEX_BLESS").is_some() {
        #[expect(clippy::disallowed_methods, reason = "a file in the sources, under version control")]
        fs::write(expected, found).unwrap();
    }
    let wanted = fs::read_to_string(expected).unwrap_or_default();
    assert_eq!(found, wanted, "{} differs; read it, and set APEX_BLESS=1 to take it over", expected.display());
}

/// R1.8
#[test]
fn the_terminal_shows_every_fault_of_each_file_with_its_remedy() {
    let home = tempfile::tempdir().unwrap();
    for file in files() {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (shown, code) = apex_check(home.path(), &["check", name]);
        compare(&fixtures().join("expected").join(format!("{name}.txt")), &shown);
        let report = check(&fs::read(&file).unwrap());
        assert_eq!(code, if report.faults().is_empty() { 0 } else { 5 }, "{name}");
    }
}

/// R1.8
#[test]
fn scripts_get_the_same_faults() {
    let home = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for file in files() {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (shown, _) = apex_check(home.path(), &["--json", "check", name]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        let report = check(&fs::read(&file).unwrap());
        assert_eq!((&shown["faults"], &shown["warnings"]), (&json!(report.faults()), &json!(report.warnings())));
        all.push(shown);
    }
    let text = all.iter().map(|report| format!("{report:#}\n")).collect::<String>();
    compare(&fixtures().join("expected/faults.json"), &text);
}

/// Acceptance of "the output alone suffices": an author who does what it says, and nothing else, ends with a good file.
#[test]
fn who_does_what_each_remedy_says_has_a_valid_file() {
    for file in files() {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read(&file).unwrap();
        let report = check(&text);
        assert!(report.all().all(|fault| fault.hint.is_some()), "{name}: {report:#?}");
        let mut manifest: Value = serde_json::from_slice(&text).unwrap();
        for fault in report.all() {
            mend(&mut manifest, &fault.pointer, fault.code, fault.hint.as_deref().unwrap());
        }
        let mended = check(serde_json::to_string_pretty(&manifest).unwrap().as_bytes());
        assert_eq!(mended.all().collect::<Vec<_>>(), Vec::<&apex_plugins::meta::Fault>::new(), "{name}: {manifest:#}");
    }
}

/// Follows a remedy by its words alone.
fn mend(manifest: &mut Value, pointer: &str, code: FaultCode, hint: &str) {
    let quoted: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
    let (parent, member) = pointer.rsplit_once('/').unwrap_or_default();
    let take = |manifest: &mut Value, pointer: &str, name: &str| {
        manifest.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name)
    };
    // `"member": value`, as one would paste it.
    let written = quoted.iter().find(|part| part.starts_with('"')).map(|part| format!("{{{part}}}"));
    let written = written.map(|text| serde_json::from_str::<serde_json::Map<_, _>>(&text).unwrap());
    match code {
        _ if hint.contains(" in place of ") => {
            for replaced in &quoted {
                _ = take(manifest, "", replaced);
            }
            manifest.as_object_mut().unwrap().extend(written.unwrap());
        }
        FaultCode::UnknownProperty if hint.starts_with("did you mean") => {
            let value = take(manifest, parent, member).unwrap();
            let object = manifest.pointer_mut(parent).unwrap().as_object_mut().unwrap();
            match written {
                Some(written) => object.extend(written),
                None => _ = object.insert(quoted[0].to_owned(), value),
            }
        }
        _ if hint.starts_with("remove `checksum`") => _ = take(manifest, "", "checksum"),
        _ if hint.starts_with("remove") || hint.contains("remove this") => _ = take(manifest, parent, member),
        _ => {
            let written = written.unwrap_or_else(|| panic!("nothing to write in {hint:?}"));
            manifest
                .pointer_mut(if code == FaultCode::MissingProperty { pointer } else { parent })
                .unwrap()
                .as_object_mut()
                .unwrap()
                .extend(written);
        }
    }
}
