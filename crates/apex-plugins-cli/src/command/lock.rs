//! `apex lock`: writes down exactly what is active.

use std::path::PathBuf;

use apex_plugins::install::{LOCK_FILE, Lock};

use crate::{
    command::workbench::Workbench,
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

/// Write a lock: exactly the versions that are active, with their digests, signers and grants
///
/// `apex install --locked` refuses anything else, and `apex sync` makes a store match it. It grants nothing: both refuse it
/// while other permissions are granted than it names.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex lock --lock-file ./apex.lock")]
pub(crate) struct Arguments {
    /// Where to write it
    #[arg(long, value_name = "FILE", default_value = LOCK_FILE)]
    lock_file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let lock = Lock::of(&bench.ledger, &bench.grants);
    lock.save(&arguments.lock_file).map_err(|error| install_failure(&error))?;
    if session.output.is_json() {
        session.output.json(&lock)?;
    } else {
        let count = lock.plugins.len();
        let plural = if count == 1 { "" } else { "s" };
        session.output.line(format!("{count} plugin{plural} in {}", arguments.lock_file.display()))?;
    }
    Ok(Exit::Done)
}
