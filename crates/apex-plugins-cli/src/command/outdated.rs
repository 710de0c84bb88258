//! `apex outdated`: which installed plugins there are newer versions of.

use apex_plugins::install::Outdated;
use serde_json::json;

use crate::{
    command::{
        updating,
        workbench::{Workbench, elsewhere},
    },
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::{Session, install_failure},
};

/// Show which installed plugins there are newer versions of
///
/// AVAILABLE is the version that would go together with all that is installed, LATEST the highest that a source has. What
/// the available version would change, and what of it concerns you, is in the JSON form, and shown by `apex update
/// --dry-run`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex outdated --json")]
pub(crate) struct Arguments {}

pub(crate) async fn run(_: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let manager = session.manager(&bench.settings).await?;
    let planner = bench.planner().elsewhere(elsewhere(&manager)).newest(true);
    let plan = planner.plan(&[]).map_err(|error| install_failure(&error))?;
    let updates = updating::updates(&bench, &plan)?;
    let outdated = Outdated::all(&bench.ledger, &plan, &updates, &bench.offered);
    if session.output.is_json() {
        session.output.json(&json!({ "plugins": outdated }))?;
    } else if outdated.is_empty() {
        session.output.line("Everything is up to date.")?;
    } else {
        let rows: Vec<_> = outdated.iter().map(cells).collect();
        session.output.table(&["ID", "INSTALLED", "AVAILABLE", "LATEST", "POLICY", "PIN", "CONCERNS"], &rows)?;
    }
    Ok(Exit::Done)
}

fn cells(outdated: &Outdated) -> Vec<Cell> {
    let concerns = outdated.update.iter().flat_map(|update| &update.concerns);
    let concerns: Vec<_> = concerns.map(|concern| concern.as_str()).collect();
    vec![
        Cell::new(&outdated.id).tone(Tone::Strong),
        Cell::new(&outdated.installed),
        Cell::or_dash(outdated.available.as_ref()).tone(Tone::Good),
        Cell::new(&outdated.latest),
        Cell::new(&outdated.policy),
        Cell::or_dash(outdated.pin.as_ref()),
        Cell::or_dash((!concerns.is_empty()).then(|| concerns.join(", "))).tone(Tone::Warning),
    ]
}
