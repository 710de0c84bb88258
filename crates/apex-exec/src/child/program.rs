//! Which program hosts plugins in child processes.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// The program that is started as the child process of a plugin.
///
/// It is never searched for in `PATH`: whoever builds the host names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildProgram {
    which: Which,
    environment: Vec<(OsString, OsString)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Which {
    Own,
    At(PathBuf),
}

impl ChildProgram {
    /// This very program, which therefore calls `apex_host::run_if_child` first thing in its `main`.
    ///
    /// It is started from the file that this process runs, even if the path leads to another one meanwhile.
    pub fn this_program() -> Self {
        Self { which: Which::Own, environment: Vec::new() }
    }

    /// The program in that file, such as `apex-host`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { which: Which::At(path.into()), environment: Vec::new() }
    }

    /// Adds a variable to the child's environment, which holds nothing else: neither a plugin nor the dynamic linker
    /// finds there what this process was given.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    pub(super) fn environment(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.environment.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    pub(super) fn path(&self) -> &Path {
        match &self.which {
            Which::Own => Path::new("/proc/self/exe"),
            Which::At(path) => path,
        }
    }
}
