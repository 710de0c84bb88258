//! Which program hosts plugins in child processes.

use std::{
    ffi::{OsStr, OsString},
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use apex_trust::Verified;

/// The program that is started as the child process of a plugin.
///
/// It is never searched for in `PATH`: whoever builds the host names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildProgram {
    which: Which,
    environment: Vec<(OsString, OsString)>,
    copies: Option<PathBuf>,
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
        Self { which: Which::Own, environment: Vec::new(), copies: None }
    }

    /// The program in that file, such as `apex-host`.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { which: Which::At(path.into()), environment: Vec::new(), copies: None }
    }

    /// Adds a variable to the child's environment, which holds nothing else: neither a plugin nor the dynamic linker
    /// finds there what this process was given.
    #[must_use]
    pub fn with_env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Lets children load their libraries from copies in that directory, which debuggers can follow as they cannot
    /// follow memory.
    ///
    /// The copies are made of the verified bytes. Nobody else may be able to write to the directory.
    #[must_use]
    pub fn with_library_copies(mut self, directory: impl Into<PathBuf>) -> Self {
        self.copies = Some(directory.into());
        self
    }

    /// Copies a plugin's library to where the child is to load it from, if there is to be a copy.
    pub(super) fn copy(&self, verified: &Verified) -> io::Result<Option<PathBuf>> {
        let Some(directory) = &self.copies else { return Ok(None) };
        let (id, version) = (verified.id(), verified.version());
        let path = directory.join(format!("{id}-{version}.so"));
        // The same bytes, should an earlier process have had them: a library is never written to once it is loaded.
        match OpenOptions::new().write(true).create_new(true).mode(0o500).open(&path) {
            Ok(mut file) => io::copy(&mut verified.library().reader(), &mut file).map(drop)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(Some(path))
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
