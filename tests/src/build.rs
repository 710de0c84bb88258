//! Building, once a process and one process at a time.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The directory of the workspace's `Cargo.toml`.
pub fn workspace_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the test package stands in the workspace")
}

/// The built command line `apex`.
pub fn apex() -> PathBuf {
    built().join(format!("apex{}", std::env::consts::EXE_SUFFIX))
}

/// The built program that hosts plugins in child processes.
pub fn apex_host() -> PathBuf {
    built().join(format!("apex-host{}", std::env::consts::EXE_SUFFIX))
}

/// The built program with this repository's own tasks.
pub fn xtask() -> PathBuf {
    built().join(format!("xtask{}", std::env::consts::EXE_SUFFIX))
}

/// The built library of the workspace's plugin whose library is named `name`, such as `greeter`.
pub fn library(name: &str) -> PathBuf {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    built().join(format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
}

/// `target/<profile>` with everything in it.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = profile_directory();
        let lock = File::create(directory.join(".apex-tests.lock")).expect("the target directory can be written");
        lock.lock().expect("the lock file can be locked");
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(name) => name,
        };
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--workspace", "--lib", "--bins", "--profile", profile, "--target-dir"])
            .arg(target_directory())
            .current_dir(workspace_root())
            .status()
            .expect("cargo can be run");
        assert!(status.success(), "the plugins or `apex` do not build");
        directory
    })
}

/// The target directory that the running test was built in.
pub fn target_directory() -> PathBuf {
    profile_directory().parent().expect("a profile's directory stands in the target directory").to_path_buf()
}

/// Where cargo put the running test: `target/<profile>/deps/<test>`.
fn profile_directory() -> PathBuf {
    let executable = std::env::current_exe().expect("a running program knows its file");
    executable.ancestors().nth(2).expect("a test stands in target/<profile>/deps").to_path_buf()
}
