//! `apex outdated`: which installed plugins there are newer versions of.

use apex_plugins::{
    PluginId, PluginVersion,
    install::{Installed, Plan},
};
use serde_json::json;

use crate::{
    command::workbench::{Workbench, elsewhere},
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::{Session, install_failure},
};

/// Show which installed plugins there are newer versions of
///
/// AVAILABLE is the version that would go together with all that is installed, LATEST the highest that a source has.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex outdated --json")]
pub(crate) struct Arguments {}

/// An installed plugin with what there is of it.
struct Row<'a> {
    plugin: &'a PluginId,
    installed: &'a PluginVersion,
    available: Option<&'a PluginVersion>,
    latest: &'a PluginVersion,
}

pub(crate) async fn run(_: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let manager = session.manager(&bench.settings).await?;
    let planner = bench.planner().elsewhere(elsewhere(&manager)).newest(true);
    let plan = planner.plan(&[]).map_err(|error| install_failure(&error))?;
    let rows: Vec<_> = bench.ledger.active().filter_map(|(plugin, tree)| row(&bench, &plan, plugin, tree)).collect();
    if session.output.is_json() {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "id": row.plugin, "installed": row.installed, "available": row.available, "latest": row.latest,
                })
            })
            .collect();
        session.output.json(&json!({ "plugins": rows }))?;
    } else if rows.is_empty() {
        session.output.line("Everything is up to date.")?;
    } else {
        let rows: Vec<_> = rows.iter().map(cells).collect();
        session.output.table(&["ID", "INSTALLED", "AVAILABLE", "LATEST"], &rows)?;
    }
    Ok(Exit::Done)
}

fn row<'a>(bench: &'a Workbench, plan: &'a Plan, plugin: &'a PluginId, tree: &'a Installed) -> Option<Row<'a>> {
    let offered = bench.offered.iter().flat_map(|(_, index)| &index.packages);
    let candidates = offered.filter(|package| package.id == *plugin && package.yanked.is_none());
    let latest = candidates.map(|package| &package.version).max().filter(|latest| **latest > tree.version)?;
    let available = plan.steps.iter().find(|step| step.plugin == *plugin).and_then(|step| step.to.as_ref());
    Some(Row { plugin, installed: &tree.version, available, latest })
}

fn cells(row: &Row<'_>) -> Vec<Cell> {
    vec![
        Cell::new(row.plugin).tone(Tone::Strong),
        Cell::new(row.installed),
        Cell::or_dash(row.available).tone(Tone::Good),
        Cell::new(row.latest),
    ]
}
