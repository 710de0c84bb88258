//! Asking a built library what it says about itself, in a process of its own.
//!
//! To ask is to run the library's code: what `cargo build` has just made, on the author's own machine. It happens in a child
//! process, so that a library that crashes, hangs or prints takes nobody along. The child is a program that calls
//! [`run_if_describing`] first thing in its `main`.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use apex_abi::{PluginModule, load_module};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The first argument of a program that is started to describe a library; the library and a file for the answer follow.
const ASKED: &str = "--apex-describe-library";

/// How long a library may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a library says about itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    /// The name of the plugin's type, the second half of the entry point.
    pub(crate) type_name: String,
    /// The members of `plugin.json` that follow from the code; nothing if the code leaves them to the author.
    pub(crate) members: Option<Map<String, Value>>,
}

/// Describes a library and ends the process, if it was started for that; else does nothing.
///
/// To be called first thing in `main` by a program that packages plugins.
pub fn run_if_describing() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(ASKED)) {
        return;
    }
    let (Some(library), Some(answer)) = (arguments.next(), arguments.next()) else { std::process::exit(2) };
    let described = describe_here(Path::new(&library));
    let written = serde_json::to_vec(&described).map_err(io::Error::from).and_then(|bytes| write(answer, &bytes));
    std::process::exit(i32::from(written.is_err()));
}

/// The running program, to be started once more: as a [`Build::describer`](crate::Build::describer).
///
/// On Linux the path leads to it even if its file was replaced since, as by a build in another shell.
///
/// # Errors
/// The operating system does not tell which program this is.
pub fn this_program() -> io::Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if cfg!(target_os = "linux") && own.exists() { Ok(own.to_owned()) } else { std::env::current_exe() }
}

fn write(file: OsString, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut fs::File::create_new(file)?, bytes)
}

fn describe_here(library: &Path) -> Result<Description, String> {
    // SAFETY: the caller has just built this library and asks for its code to be run; nothing else lives in this process.
    #[expect(unsafe_code, reason = "dlopen runs code that no compiler here has seen")]
    let module = unsafe { load_module(library) }.map_err(|error| error.to_string())?;
    describe_module(module)
}

fn describe_module(module: PluginModule) -> Result<Description, String> {
    let described = module.describe().map_err(|error| error.to_string())?;
    let members = described.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    let members = members.map_err(|error| format!("what it says is not a JSON object: {error}"))?;
    Ok(Description { type_name: module.type_name().to_owned(), members })
}

/// Asks a library what it says about itself, in a process of its own that runs `program`.
pub(crate) fn describe(program: &Path, library: &Path) -> Result<Description, DescribeError> {
    let not_run = |source| DescribeError::NotRun { program: program.to_owned(), source };
    let room = tempfile::tempdir().map_err(not_run)?;
    let answer = room.path().join("description.json");
    let mut command = Command::new(program);
    command.arg(ASKED).arg(library).arg(&answer).stdin(Stdio::null()).stdout(Stdio::null());
    let status = wait(command.spawn().map_err(not_run)?, library)?;
    let library = library.to_owned();
    let Ok(bytes) = fs::read(&answer) else { return Err(DescribeError::Crashed { library, status }) };
    match serde_json::from_slice::<Result<Description, String>>(&bytes) {
        Ok(Ok(description)) => Ok(description),
        Ok(Err(message)) => Err(DescribeError::Refused { library, message }),
        Err(_) => Err(DescribeError::Crashed { library, status }),
    }
}

fn wait(mut child: Child, library: &Path) -> Result<ExitStatus, DescribeError> {
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if began.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(2)),
            _ => {
                // It may have ended this very moment, which is as good.
                _ = child.kill();
                _ = child.wait();
                return Err(DescribeError::Hangs { library: library.to_owned() });
            }
        }
    }
}

/// Why a library could not be asked what it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DescribeError {
    /// The program that asks cannot be started.
    #[error("cannot run {} to ask the library what it is", program.display())]
    NotRun {
        /// The program.
        program: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The library ended the process that asked.
    #[error("{} ended the process that asked what it is: {status}", library.display())]
    Crashed {
        /// The library.
        library: PathBuf,
        /// How the process ended.
        status: ExitStatus,
    },
    /// The library did not answer in a minute.
    #[error("{} does not say what it is within {} seconds", library.display(), PATIENCE.as_secs())]
    Hangs {
        /// The library.
        library: PathBuf,
    },
    /// The library cannot be loaded, or fails to say what it is.
    #[error("{} does not say what it is: {message}", library.display())]
    Refused {
        /// The library.
        library: PathBuf,
        /// What went wrong.
        message: String,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn refusal(program: &str) -> DescribeError {
        describe(Path::new(program), Path::new("/nonexistent/libx.so")).unwrap_err()
    }

    #[test]
    fn a_program_that_is_not_there_and_one_that_answers_nothing_are_told_apart() {
        assert!(matches!(refusal("/nonexistent/program"), DescribeError::NotRun { .. }));
        let crashed = refusal("false");
        assert!(matches!(crashed, DescribeError::Crashed { .. }));
        assert_eq!(crate::ManifestError::from(crashed).code(), "DescribeFailed");
    }

    #[test]
    fn what_is_no_library_is_refused_with_the_reason() {
        let error = describe_here(Path::new("/nonexistent/libx.so")).unwrap_err();
        assert!(error.contains("/nonexistent/libx.so"), "{error}");
    }
}
