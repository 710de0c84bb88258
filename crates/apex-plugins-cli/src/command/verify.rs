//! `apex verify`: digest and signature of plugins, taken now.

use apex_plugins::{
    PluginManager, PluginSpec,
    discover::{Catalogue, Entry},
    meta::{Digest, Reason},
    trust::Verified,
};
use serde_json::{Value, json};

use crate::{
    command::{enable, list, why},
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  apex verify
  apex verify 'com.acme.greeter@^1'";

/// Check checksums and signatures of plugins now
///
/// Without an argument, every plugin that is found. The exit code is 4 if a check fails.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin, and perhaps which versions
    #[arg(value_name = "ID[@SPEC]")]
    plugin: Option<PluginSpec>,
}

/// What the check of one find came to.
struct Row<'a> {
    entry: &'a Entry,
    outcome: Result<Verified, Reason>,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let manager = session.acting_manager(&settings, |builder| builder).await?;
    let catalogue = manager.catalogue();
    let entries = match &arguments.plugin {
        Some(plugin) => matching(&manager, &catalogue, plugin)?,
        None => catalogue.entries().iter().collect(),
    };
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.push(Row { entry, outcome: manager.verify_entry(entry).await });
    }
    if session.output.is_json() {
        let rows: Vec<_> = rows.iter().map(Row::to_json).collect();
        session.output.json(&json!({ "plugins": rows }))?;
    } else {
        show(&rows, session)?;
    }
    Ok(if rows.iter().any(|row| row.outcome.is_err()) { Exit::Blocked } else { Exit::Done })
}

/// Every find of the versions that are asked for, blocked and shadowed ones too.
fn matching<'a>(
    manager: &PluginManager,
    catalogue: &'a Catalogue,
    plugin: &'a PluginSpec,
) -> Result<Vec<&'a Entry>, Failure> {
    let found: Vec<_> = enable::matching(catalogue, plugin).collect();
    match manager.select(plugin) {
        // Selection words best what is missing.
        Err(error) if found.is_empty() => Err(why::not_chosen(&error)),
        _ => Ok(found),
    }
}

impl Row<'_> {
    fn to_json(&self) -> Value {
        let verified = self.outcome.as_ref().ok();
        let key_id = verified.and_then(Verified::key_id).map(ToString::to_string);
        json!({
            "id": self.entry.id(),
            "version": self.entry.version(),
            "path": list::path(self.entry),
            "ok": verified.is_some(),
            "digest": verified.and_then(Verified::digest).map(ToString::to_string),
            "signer": verified.and_then(Verified::publisher),
            "key_id": key_id,
            "placement": verified.map(Verified::placement),
            "reason": self.outcome.as_ref().err(),
            "warnings": self.entry.warnings(),
        })
    }

    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![list::name_cell(self.entry), Cell::or_dash(self.entry.version())];
        cells.extend(match &self.outcome {
            Ok(verified) => [
                Cell::new("ok").tone(Tone::Good),
                Cell::or_dash(verified.publisher()),
                Cell::or_dash(verified.digest().map(shortened)),
            ],
            Err(reason) => [Cell::new("failed").tone(Tone::Bad), Cell::or_dash(None::<&str>), Cell::new(&reason.code)],
        });
        cells
    }
}

/// Enough of a digest to compare by eye; `apex inspect` shows it whole.
fn shortened(digest: &Digest) -> String {
    let mut hex = digest.to_hex();
    hex.truncate(12);
    format!("{}:{hex}…", digest.algorithm())
}

fn show(rows: &[Row<'_>], session: &mut Session) -> Result<(), Failure> {
    if rows.is_empty() {
        session.note(list::NOTHING_FOUND);
        return Ok(());
    }
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    session.output.table(&["ID", "VERSION", "CHECK", "SIGNER", "DIGEST"], &cells)?;
    for row in rows {
        match &row.outcome {
            Err(reason) => {
                list::show_reason(&list::headline("failed", row.entry), Tone::Bad, reason, &mut session.output)?;
            }
            Ok(_) => {
                for warning in row.entry.warnings() {
                    let headline = list::headline("warning", row.entry);
                    list::show_reason(&headline, Tone::Warning, warning, &mut session.output)?;
                }
            }
        }
    }
    Ok(())
}
