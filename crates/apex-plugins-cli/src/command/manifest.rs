//! `apex manifest`: the `plugin.json` that a crate's code and `Cargo.toml` make.

use std::path::PathBuf;

use crate::{capture::Capture, exit::Exit, failure::Failure, session::Session, workshop::Workshop};

const EXAMPLES: &str = "\
Examples:
  apex manifest .
  apex manifest greeter > plugin.json";

/// Build a plugin's crate and show its plugin.json
///
/// It is made of what the code says about its actions, of Cargo.toml, and of [package.metadata.apex] there; a plugin.json
/// that is written by hand is shown as it is. Checksum and signature come with `apex package`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin's crate
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Build in this cargo profile
    #[arg(long, value_name = "NAME", default_value = "dev")]
    profile: String,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let workshop = Workshop::new(&arguments.directory, &arguments.profile)?;
    let capture = Capture::start(&mut session.output, &session.stderr)?;
    let manifest = workshop.manifest();
    capture.finish();
    let manifest = manifest?;
    match session.output.is_json() {
        true => session.output.json(manifest.value())?,
        false => session.output.pretty_json(manifest.value())?,
    }
    Ok(Exit::Done)
}
