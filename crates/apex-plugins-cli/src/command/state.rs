//! `apex state`: what plugins keep, to look at, to take elsewhere, to bring back, and to forget.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use apex_plugins::{
    FileStateStore, PluginId, PluginSpec, StateStore as _,
    state::{ExportError, StateEntry, StateExport, StateListing, StateRecord},
};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    command::{inspect::state_failure, workbench::confirm},
    exit::Exit,
    failure::Failure,
    output::Cell,
    session::Session,
};

/// Look at what plugins keep, take it elsewhere, bring it back, or forget it
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Show(ShowArguments),
    Export(ExportArguments),
    Import(ImportArguments),
    Clear(ClearArguments),
}

/// Show the states of a plugin, of all versions and scopes
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  apex state show com.acme.counter\n  apex --json state show com.acme.counter@==1.0.0"
)]
struct ShowArguments {
    /// The plugin, and perhaps which of its versions
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,
}

/// Write the states of a plugin into one JSON document
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex state export com.acme.counter --out counter.json")]
struct ExportArguments {
    /// The plugin
    #[arg(value_name = "ID")]
    plugin: PluginId,
    /// A new file to write to; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Save the states of a document that `apex state export` wrote
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex state import com.acme.counter counter.json --replace")]
struct ImportArguments {
    /// The plugin that the document is of
    #[arg(value_name = "ID")]
    plugin: PluginId,
    /// The document; - stands for standard input
    file: PathBuf,
    /// Put it in the place of what is there
    #[arg(long)]
    replace: bool,
}

/// Forget the states of a plugin, their backups, and what was set aside of them
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  apex state clear com.acme.counter --yes\n  apex state clear 'com.acme.counter@<2'"
)]
struct ClearArguments {
    /// The plugin, and perhaps which of its versions
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,
    /// Do it without asking
    #[arg(long, short = 'y')]
    yes: bool,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Show(arguments) => show(arguments, session).await,
        Command::Export(arguments) => export(arguments, session).await,
        Command::Import(arguments) => import(arguments, session).await,
        Command::Clear(arguments) => clear(arguments, session).await,
    }
}

/// The store of states; none if there is no directory, which looking must not make.
fn store(session: &Session) -> Result<Option<FileStateStore>, Failure> {
    let root = session.settings()?.state_dir()?;
    let open = || FileStateStore::open(&root).map_err(|error| state_failure(&error));
    if root.is_dir() { open().map(Some) } else { Ok(None) }
}

/// The states of a plugin that are meant.
async fn listing(store: Option<&FileStateStore>, spec: &PluginSpec) -> Result<StateListing, Failure> {
    let Some(store) = store else { return Ok(StateListing::default()) };
    let mut listing = store.list(&spec.id).await.map_err(|error| state_failure(&error))?;
    listing.entries.retain(|entry| spec.covers(&spec.id, &entry.key.version));
    Ok(listing)
}

async fn show(arguments: &ShowArguments, session: &mut Session) -> Result<Exit, Failure> {
    let store = store(session)?;
    let listing = listing(store.as_ref(), &arguments.plugin).await?;
    let mut states = Vec::new();
    if let Some(store) = &store {
        for entry in &listing.entries {
            let record = store.load(&entry.key).await.map_err(|error| state_failure(&error))?;
            states.extend(record.map(|record| (entry, record)));
        }
    }
    if session.output.is_json() {
        let unreadable = listing.unreadable.iter();
        let unreadable = unreadable.map(|error| json!({"code": error.code(), "message": error.to_string()}));
        let states: Vec<_> = states.iter().map(|(entry, record)| to_json(entry, record)).collect();
        let unreadable: Vec<Value> = unreadable.collect();
        session.output.json(&json!({ "id": arguments.plugin.id, "states": states, "unreadable": unreadable }))?;
        return Ok(Exit::Done);
    }
    for error in &listing.unreadable {
        tracing::warn!("{error}");
    }
    if states.is_empty() {
        session.note(&format!("{} keeps no state.", arguments.plugin));
    }
    for (entry, record) in &states {
        let (key, generation, bytes) = (&entry.key, entry.generation, entry.bytes);
        session.output.line(format!("{} {}: save {generation}, {bytes} bytes", key.version, key.scope))?;
        session.output.pretty_json(&record.data)?;
    }
    Ok(Exit::Done)
}

fn to_json(entry: &StateEntry, record: &StateRecord) -> Value {
    json!({
        "version": entry.key.version,
        "scope": entry.key.scope,
        "owner": entry.key.owner,
        "generation": record.generation,
        "bytes": entry.bytes,
        "recovered": record.recovered.is_some(),
        "data": record.data,
    })
}

async fn export(arguments: &ExportArguments, session: &mut Session) -> Result<Exit, Failure> {
    let nothing = || {
        let message = format!("{} keeps no state", arguments.plugin);
        Failure::new("NotListed", message).hint("`apex list` shows what there is")
    };
    let store = store(session)?.ok_or_else(nothing)?;
    let export = StateExport::of(&store, &arguments.plugin).await.map_err(|error| state_failure(&error))?;
    if export.states.is_empty() {
        return Err(nothing());
    }
    let bytes = export.to_bytes().map_err(|error| export_failure(&error))?;
    match &arguments.out {
        Some(file) => {
            write_private(file, &bytes).map_err(|error| Failure::io("write", file, &error))?;
            session.note(&format!("{} states are in {}.", export.states.len(), file.display()));
        }
        None => session.output.write(&bytes)?,
    }
    Ok(Exit::Done)
}

/// A new file for its owner alone: states may hold secrets.
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    file.write_all(bytes)?;
    file.sync_all()
}

async fn import(arguments: &ImportArguments, session: &mut Session) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    let read = match arguments.file == Path::new("-") {
        true => io::stdin().lock().read_to_end(&mut bytes).map(drop),
        false => fs::read(&arguments.file).map(|read| bytes = read),
    };
    read.map_err(|error| Failure::io("read", &arguments.file, &error))?;
    let export = StateExport::parse(&bytes).map_err(|error| export_failure(&error))?;
    if export.plugin != arguments.plugin {
        let message = format!("the document is of {}, not of {}", export.plugin, arguments.plugin);
        return Err(Failure::new("StateExportInvalid", message).hint("name the plugin that it is of"));
    }
    let root = session.settings()?.state_dir()?;
    let store = FileStateStore::open(&root).map_err(|error| state_failure(&error))?;
    let imported = export.import(&store, arguments.replace).await.map_err(|error| export_failure(&error))?;
    if session.output.is_json() {
        session.output.json(&json!({ "id": export.plugin, "imported": imported }))?;
    } else {
        session.output.line(format!("{imported} states of {} are imported.", export.plugin))?;
    }
    Ok(Exit::Done)
}

async fn clear(arguments: &ClearArguments, session: &mut Session) -> Result<Exit, Failure> {
    let store = store(session)?;
    let listing = listing(store.as_ref(), &arguments.plugin).await?;
    if !listing.entries.is_empty() && !arguments.yes {
        if !session.output.is_json() {
            let row = |entry: &StateEntry| vec![Cell::new(&entry.key.version), Cell::new(&entry.key.scope)];
            session.output.table(&["VERSION", "SCOPE"], &listing.entries.iter().map(row).collect::<Vec<_>>())?;
        }
        confirm(session)?;
    }
    let mut cleared = 0;
    if let Some(store) = &store {
        for entry in &listing.entries {
            cleared += usize::from(store.clear(&entry.key).await.map_err(|error| state_failure(&error))?);
        }
    }
    if session.output.is_json() {
        session.output.json(&json!({ "id": arguments.plugin.id, "cleared": cleared }))?;
    } else {
        session.output.line(format!("{cleared} states of {} are forgotten.", arguments.plugin))?;
    }
    // What cannot be read is not cleared either, and the operator hears of it.
    match listing.unreadable.first() {
        Some(error) => Err(state_failure(error)),
        None => Ok(Exit::Done),
    }
}

fn export_failure(error: &ExportError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint())
}
