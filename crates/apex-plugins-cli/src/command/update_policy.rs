//! `apex update-policy`: when plugins are updated unasked.

use apex_plugins::{PluginId, install::UpdatePolicy};
use serde_json::json;

use crate::{
    command::workbench::Workbench,
    exit::Exit,
    failure::Failure,
    output::Cell,
    session::{Session, install_failure},
};

const EXAMPLES: &str = "\
Examples:
  apex update-policy
  apex update-policy on-restart
  apex update-policy immediate com.acme.greeter
  apex update-policy default com.acme.greeter";

/// Say when plugins are updated unasked, or show it
///
/// A policy carries out only what concerns nobody: no major version, no new permission, no changed action, the same
/// publisher. It is followed by hosts that are given the sources, and by `apex update --by-policy`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// manual, on-restart, immediate, or default to take the word back
    #[arg(value_name = "POLICY", value_parser = policy)]
    word: Option<Word>,
    /// The plugin; without it, the policy of all that have none of their own
    #[arg(value_name = "ID")]
    plugin: Option<PluginId>,
}

/// A policy, or none.
#[derive(Debug, Clone, Copy)]
struct Word(Option<UpdatePolicy>);

fn policy(text: &str) -> Result<Word, String> {
    match text {
        "default" => Ok(Word(None)),
        text => text.parse().map(|policy| Word(Some(policy))).map_err(|error| format!("{error}, or `default`")),
    }
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let mut bench = Workbench::open(session)?;
    if let Some(Word(policy)) = arguments.word {
        let done = bench.store.set_update_policy(arguments.plugin.as_ref(), policy);
        bench.ledger = done.map_err(|error| install_failure(&error))?.ledger;
    }
    let ledger = &bench.ledger;
    let all = ledger.update_policy_of_all().unwrap_or_default();
    let plugins: Vec<_> = ledger.active().map(|(id, _)| (id, ledger.update_policy(id))).collect();
    if session.output.is_json() {
        let plugins: Vec<_> = plugins.iter().map(|(id, policy)| json!({ "id": id, "policy": policy })).collect();
        session.output.json(&json!({ "all": all, "plugins": plugins }))?;
        return Ok(Exit::Done);
    }
    session.output.line(format!("Plugins without a policy of their own: {all}"))?;
    let rows: Vec<_> = plugins.iter().map(|(id, policy)| vec![Cell::new(*id), Cell::new(policy)]).collect();
    if !rows.is_empty() {
        session.output.table(&["ID", "POLICY"], &rows)?;
    }
    Ok(Exit::Done)
}
