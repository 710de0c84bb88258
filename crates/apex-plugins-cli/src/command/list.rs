//! `apex list`: every find, with its status and the reason for it.

use apex_plugins::{
    discover::{Catalogue, Entry, Problem},
    meta::{Reason, Status},
};
use serde_json::{Value, json};

use crate::{
    escape,
    exit::Exit,
    failure::Failure,
    output::{Cell, Output, Tone},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  apex list
  apex list --json | jq '.plugins[] | select(.status != \"ready\")'";

/// What to do where nothing is found.
pub(crate) const NOTHING_FOUND: &str =
    "No plugins were found; lay plugins out below a directory and name it with --root DIR.";

/// List every plugin, with its status and the reason
///
/// Blocked, invalid, shadowed and disabled plugins are listed with the reason. The exit code is 0 whatever is found.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

pub(crate) async fn run(_arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let manager = session.manager(&settings).await?;
    let catalogue = manager.catalogue();
    if session.output.is_json() {
        session.output.json(&to_json(&catalogue))?;
    } else {
        show(&catalogue, session)?;
    }
    Ok(Exit::Done)
}

fn to_json(catalogue: &Catalogue) -> Value {
    let plugins: Vec<_> = catalogue.entries().iter().map(entry_to_json).collect();
    let problems: Vec<_> = catalogue.problems().iter().map(problem_to_json).collect();
    json!({"plugins": plugins, "problems": problems})
}

/// One find, as every command shows it to programs.
pub(crate) fn entry_to_json(entry: &Entry) -> Value {
    let actions = entry.actions();
    json!({
        "id": entry.id(),
        "version": entry.version(),
        "status": entry.status(),
        "name": entry.name(),
        "path": path(entry),
        "actions": actions.iter().map(|action| action.name.as_str()).collect::<Vec<_>>(),
        "signer": entry.signer(),
        "placement": entry.placement(),
        "reason": entry.reason(),
        "warnings": entry.warnings(),
    })
}

fn problem_to_json(problem: &Problem) -> Value {
    let Reason { code, message, hint } = problem.reason();
    json!({"path": problem.path().to_string_lossy(), "code": code, "message": message, "hint": hint})
}

/// The directory of a find, if it has one.
pub(crate) fn path(entry: &Entry) -> Option<String> {
    entry.path().map(|path| path.to_string_lossy().into_owned())
}

fn show(catalogue: &Catalogue, session: &mut Session) -> Result<(), Failure> {
    let entries = catalogue.entries();
    if entries.is_empty() {
        session.note(NOTHING_FOUND);
    } else {
        let rows: Vec<_> = entries.iter().map(row).collect();
        session.output.table(&["ID", "VERSION", "STATUS", "SIGNER", "REASON"], &rows)?;
    }
    for entry in entries {
        show_reasons(entry, &mut session.output)?;
    }
    for problem in catalogue.problems() {
        let headline = format!("problem: {}", problem.path().display());
        show_reason(&headline, Tone::Warning, problem.reason(), &mut session.output)?;
    }
    Ok(())
}

fn row(entry: &Entry) -> Vec<Cell> {
    vec![
        name_cell(entry),
        Cell::or_dash(entry.version()),
        Cell::new(&entry.status()).tone(tone(entry.status())),
        Cell::or_dash(entry.signer()),
        entry.reason().map_or_else(|| Cell::new(""), |reason| Cell::new(&reason.code)),
    ]
}

/// The id; what has none is known by its directory.
pub(crate) fn name_cell(entry: &Entry) -> Cell {
    if let Some(id) = entry.id() {
        return Cell::new(id).tone(Tone::Strong);
    }
    let name = entry.path().and_then(|path| path.file_name()).unwrap_or_default();
    Cell::new(&format!("({})", name.to_string_lossy()))
}

/// How a status is meant.
pub(crate) fn tone(status: Status) -> Tone {
    match status {
        Status::Ready => Tone::Good,
        Status::Disabled | Status::Shadowed => Tone::Faint,
        Status::Blocked | Status::Invalid => Tone::Bad,
    }
}

fn show_reasons(entry: &Entry, output: &mut Output) -> Result<(), Failure> {
    if let Some(reason) = entry.reason() {
        show_reason(&headline(entry.status().as_str(), entry), tone(entry.status()), reason, output)?;
        for fault in entry.faults().iter().skip(1) {
            output.line(format!("  {}", escape::line(&fault.to_reason().to_string())))?;
        }
    }
    for warning in entry.warnings() {
        show_reason(&headline("warning", entry), Tone::Warning, warning, output)?;
    }
    Ok(())
}

/// A word about a find, with what it is and where.
pub(crate) fn headline(word: &str, entry: &Entry) -> String {
    let place = path(entry).unwrap_or_else(|| "linked into the host".to_owned());
    match (entry.id(), entry.version()) {
        (Some(id), Some(version)) => format!("{word}: {id} {version} in {place}"),
        (Some(id), None) => format!("{word}: {id} in {place}"),
        (None, _) => format!("{word}: {place}"),
    }
}

/// A headline with a reason below it.
pub(crate) fn show_reason(headline: &str, tone: Tone, reason: &Reason, output: &mut Output) -> Result<(), Failure> {
    output.line(format!("\n{}", output.paint(tone, headline)))?;
    output.line(format!("  {}", escape::line(&reason.to_string())))?;
    match &reason.hint {
        Some(hint) => output.line(format!("  help: {}", escape::line(hint))),
        None => Ok(()),
    }
}
