//! Loading, as far as it goes without a plugin's library.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
};

use apex_exec::{CallError, Loader};
use apex_meta::{Document, ErrorKind, Placement};
use apex_trust::Verified;
use tempfile::TempDir;

use crate::{
    minimal_elf::{DT_NEEDED, MinimalElf},
    probe::manifest,
};

/// A verified plugin whose library is a copy of this file.
fn verified(library: &Path, placement: Placement) -> Verified {
    let directory = TempDir::new().unwrap();
    let document: Document = manifest();
    let mut json = File::create_new(directory.path().join("plugin.json")).unwrap();
    json.write_all(document.value().to_string().as_bytes()).unwrap();
    fs::copy(library, directory.path().join("libprobe.so")).unwrap();
    Verified::assume_trusted(directory.path(), &document, placement, "a test of loading").unwrap()
}

fn fails_to_load(library: &Path, placement: Placement) -> CallError {
    let error = Loader::new().load(verified(library, placement)).unwrap_err();
    assert!(error.to_string().starts_with("com.apexagent.tests.probe 1.0.0: "), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
    error
}

/// A library that is mapped in this process, and is no plugin.
fn some_library() -> std::path::PathBuf {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let paths = maps.lines().filter_map(|line| line.split_whitespace().last());
    paths.filter(|path| path.contains("/libgcc_s.so") || path.contains("/libc.so")).map(Into::into).next().unwrap()
}

#[test]
fn what_policy_wants_in_a_child_never_runs_in_process() {
    // R6.12
    let error = fails_to_load(&some_library(), Placement::Process);
    assert_eq!(error.kind(), ErrorKind::ChildHostMissing);
    assert!(error.hint().unwrap().contains("run_if_child"));
}

#[test]
fn a_library_that_is_no_plugin_does_not_fit() {
    // R6.1
    let error = fails_to_load(&some_library(), Placement::InProcess);
    assert_eq!(error.kind(), ErrorKind::AbiMismatch);
    assert_eq!(error.message(), "its library does not fit this host: it exports no plugin");
    assert!(error.hint().is_some());
}

#[test]
fn a_library_that_the_dynamic_linker_refuses_fails_to_load() {
    // It needs the runtime of another C library, which is an honest wish, and not there.
    let other = if cfg!(target_env = "musl") { "libc.so.6" } else { "libc.musl-x86_64.so.1" };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&MinimalElf::new().naming(DT_NEEDED, other).build()).unwrap();
    let error = fails_to_load(file.path(), Placement::InProcess);
    assert_eq!(error.kind(), ErrorKind::LoadFailed);
}
