//! `apex clean`: removes old versions, and what interrupted changes have left.

use serde_json::json;

use crate::{
    command::workbench::{Workbench, recorded},
    exit::Exit,
    failure::Failure,
    session::{Session, audit_sink, install_failure},
};

/// Remove versions that are not active any more, and what interrupted changes have left
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex clean --keep 1")]
pub(crate) struct Arguments {
    /// How many versions to keep beside the active one, those that were active last
    #[arg(long, value_name = "N", default_value_t = 2)]
    keep: usize,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let store = bench.store.clone().with_audit(audit_sink(&bench.settings)?);
    let done = store.collect(arguments.keep).map_err(|error| install_failure(&error))?;
    let trees = |ledger: &apex_plugins::install::Ledger| -> Vec<String> {
        let records = ledger.plugins();
        records
            .flat_map(|(id, record)| record.installed.iter().map(move |tree| format!("{id} {}", tree.version)))
            .collect()
    };
    let (before, after) = (trees(&bench.ledger), trees(&done.ledger));
    let removed: Vec<_> = before.into_iter().filter(|tree| !after.contains(tree)).collect();
    if session.output.is_json() {
        session.output.json(&json!({ "removed": removed }))?;
    } else if removed.is_empty() {
        session.output.line("Nothing is to be removed.")?;
    } else {
        for tree in removed {
            session.output.line(format!("removed {tree}"))?;
        }
    }
    recorded(&done.unrecorded).map(|()| Exit::Done)
}
