//! What an author may get wrong is told at the place, in words that say what to do.
//!
//! Each file in `misuse/` is compiled against the SDK as it was built for this test, and what the compiler says is compared
//! with the `.stderr` beside it. So no dependency is built twice. `APEX_BLESS=1` writes those files anew, to be read.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn each_misuse_is_explained_where_it_happens() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/misuse");
    let room = tempfile::tempdir().unwrap();
    let mut files: Vec<_> = fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    assert!(files.len() > 10, "{files:?}");
    let (dependencies, sdk) = built_sdk();
    let mut wrong = Vec::new();
    for file in files {
        let output = Command::new(Path::new(env!("CARGO")).with_file_name("rustc"))
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata", "--color=never", "--out-dir"])
            .arg(room.path())
            .arg(format!("-Ldependency={}", dependencies.display()))
            .arg(format!("--extern=apex_plugin_sdk={}", sdk.display()))
            .arg(file.file_name().unwrap())
            .current_dir(&cases)
            .output()
            .unwrap();
        let found = essence(&String::from_utf8(output.stderr).unwrap());
        assert!(!output.status.success(), "{} compiles", file.display());
        let expectation = file.with_extension("stderr");
        if std::env::var_os("APEX_BLESS").is_some() {
            #[expect(clippy::disallowed_methods, reason = "a file of the sources, written by hand if need be")]
            fs::write(&expectation, &found).unwrap();
        }
        let expected = fs::read_to_string(&expectation).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}:\n--- expected\n{expected}\n--- found\n{found}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What each error says and where. Left out are the margin, which is as wide as the longest line number, and the lists of
/// other types, which change with every dependency.
fn essence(diagnostics: &str) -> String {
    let is_told = |diagnostic: &&str| diagnostic.starts_with("error") && !diagnostic.starts_with("error: aborting");
    let told = diagnostics.split("\n\n").filter(is_told).map(|diagnostic| {
        let is_more = |line: &str| ["help:", "note:", "= "].iter().any(|start| line.trim_start().starts_with(start));
        let lines: Vec<_> = diagnostic.lines().take_while(|line| !is_more(line)).map(str::trim_start).collect();
        lines.join("\n").trim_end_matches([' ', '|', '\n']).to_owned() + "\n"
    });
    told.collect::<Vec<_>>().join("\n")
}

/// The directory of the dependencies, and the SDK's newest build there: this test's own.
fn built_sdk() -> (PathBuf, PathBuf) {
    let executable = std::env::current_exe().unwrap();
    let directory = executable.parent().unwrap().to_owned();
    let is_sdk = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libapex_plugin_sdk-") && name.ends_with(".rlib")
    };
    let libraries = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).filter(is_sdk);
    let newest = libraries.max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    (directory, newest.unwrap())
}
