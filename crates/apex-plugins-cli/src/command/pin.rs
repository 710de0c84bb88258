//! `apex pin` and `apex unpin`: which versions the operator keeps a plugin to.

use apex_plugins::{PluginId, VersionSpecifier};
use serde_json::json;

use crate::{
    command::workbench::Workbench,
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

/// Keep a plugin to certain versions, whatever installs or updates it
///
/// What is active stays so. `apex rollback` goes where it is told to.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  apex pin com.acme.greeter ^1.2\n  apex pin com.acme.greeter ==1.2.3")]
pub(crate) struct PinArguments {
    /// The plugin
    #[arg(value_name = "ID")]
    plugin: PluginId,
    /// The versions to keep it to
    #[arg(value_name = "SPEC")]
    versions: VersionSpecifier,
}

/// Let a plugin go to any version again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex unpin com.acme.greeter")]
pub(crate) struct UnpinArguments {
    /// The plugin
    #[arg(value_name = "ID")]
    plugin: PluginId,
}

pub(crate) fn pin(arguments: &PinArguments, session: &mut Session) -> Result<Exit, Failure> {
    set(&arguments.plugin, Some(arguments.versions.clone()), session)
}

pub(crate) fn unpin(arguments: &UnpinArguments, session: &mut Session) -> Result<Exit, Failure> {
    set(&arguments.plugin, None, session)
}

fn set(plugin: &PluginId, versions: Option<VersionSpecifier>, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    bench.store.pin(plugin, versions.clone()).map_err(|error| install_failure(&error))?;
    if session.output.is_json() {
        session.output.json(&json!({ "id": plugin, "pin": versions }))?;
    } else {
        match versions {
            Some(versions) => session.output.line(format!("{plugin} is kept to `{versions}`."))?,
            None => session.output.line(format!("{plugin} is kept to no version."))?,
        }
    }
    Ok(Exit::Done)
}
