//! `apex bundle`: all that is active in one file.

use std::path::PathBuf;

use apex_plugins::install::bundle;
use serde_json::json;

use crate::{
    command::workbench::{Workbench, scratch},
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

/// Write all that is active into one file, for machines that reach no source
///
/// The file holds the packages, their index and the lock; `apex sync --from FILE` installs exactly that elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex bundle all.apexbundle")]
pub(crate) struct Arguments {
    /// Where to write it
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let scratch = scratch()?;
    let lock = bundle(&bench.store, &bench.ledger, &bench.grants, &arguments.file, scratch.path())
        .map_err(|error| install_failure(&error))?;
    if session.output.is_json() {
        session.output.json(&json!({ "bundle": arguments.file, "lock": lock }))?;
    } else {
        let count = lock.plugins.len();
        let plural = if count == 1 { "" } else { "s" };
        session.output.line(format!("{count} plugin{plural} in {}", arguments.file.display()))?;
    }
    Ok(Exit::Done)
}
