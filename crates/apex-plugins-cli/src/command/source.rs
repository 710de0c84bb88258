//! `apex source`: where packages come from.

use std::path::PathBuf;

use apex_plugins::install::{Source, Sources};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::{Session, install_failure},
};

/// Say where packages come from
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArguments),
    Add(AddArguments),
    Remove(RemoveArguments),
}

/// Show the sources
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex source list")]
struct ListArguments {}

/// Add a source: a directory with an index.json, or such a file
///
/// Earlier sources win over later ones. A source is not trusted with anything: what is installed from it is verified by
/// its own signature.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex source add mirror /mnt/mirror")]
struct AddArguments {
    /// A name of your choice
    name: String,
    /// The directory, or the index.json in it
    location: PathBuf,
}

/// Remove a source
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex source remove mirror")]
struct RemoveArguments {
    /// Its name
    name: String,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let file = settings.sources_file()?;
    let sources = match &arguments.command {
        Command::List(ListArguments {}) => Sources::load(&file),
        Command::Add(AddArguments { name, location }) => {
            let location = std::path::absolute(location).map_err(|error| Failure::io("find", location, &error))?;
            let source = Source { name: name.clone(), location };
            // A source that cannot be read is a mistake that shows at once.
            source.index().map_err(|error| install_failure(&error))?;
            settings.create_store()?;
            Sources::add(&file, source)
        }
        Command::Remove(RemoveArguments { name }) => Sources::remove(&file, name),
    };
    let sources = sources.map_err(|error| install_failure(&error))?;
    if session.output.is_json() {
        session.output.json(&json!({ "sources": sources.iter().collect::<Vec<_>>() }))?;
    } else {
        let row =
            |source: &Source| vec![Cell::new(&source.name).tone(Tone::Strong), Cell::new(&source.location.display())];
        session.output.table(&["NAME", "LOCATION"], &sources.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(Exit::Done)
}
