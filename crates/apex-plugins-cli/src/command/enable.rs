//! `apex enable` and `apex disable`: the operator's word on which plugins are switched on.

use apex_plugins::{
    EnableError, PluginSpec,
    discover::{Catalogue, Entry},
    meta::Status,
};
use serde_json::json;

use crate::{
    command::{list, why},
    exit::Exit,
    failure::Failure,
    output::Cell,
    session::{Session, build_failure, overrides_failure},
};

const ENABLE_EXAMPLE: &str = "\
Example:
  apex enable com.acme.greeter";

/// Switch a plugin on, whatever its manifest says
///
/// The decision is stored and bound to the publisher, or to the digest of an unsigned plugin. A plugin that crashed too
/// often, and is blocked as PluginQuarantined, may run again.
#[derive(Debug, clap::Args)]
#[command(after_help = ENABLE_EXAMPLE)]
pub(crate) struct EnableArguments {
    /// The plugin, and perhaps which versions
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,
}

const DISABLE_EXAMPLE: &str = "\
Example:
  apex disable 'com.acme.greeter@<2'";

/// Switch a plugin off until it is enabled again
///
/// The decision is stored and bound to the publisher, or to the digest of an unsigned plugin.
#[derive(Debug, clap::Args)]
#[command(after_help = DISABLE_EXAMPLE)]
pub(crate) struct DisableArguments {
    /// The plugin, and perhaps which versions
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,
}

pub(crate) async fn enable(arguments: &EnableArguments, session: &mut Session) -> Result<Exit, Failure> {
    set(&arguments.plugin, true, session).await
}

pub(crate) async fn disable(arguments: &DisableArguments, session: &mut Session) -> Result<Exit, Failure> {
    set(&arguments.plugin, false, session).await
}

async fn set(plugin: &PluginSpec, enabled: bool, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let manager = session.manager(&settings).await?;
    if matching(&manager.catalogue(), plugin).next().is_none()
        && let Err(error) = manager.select(plugin)
    {
        return Err(why::not_chosen(&error));
    }
    settings.create_store()?;
    let entries = manager.set_enabled(plugin, enabled).await.map_err(|error| enable_failure(plugin, &error))?;
    if session.output.is_json() {
        let entries: Vec<_> = entries.iter().map(list::entry_to_json).collect();
        session.output.json(&json!({ "plugins": entries }))?;
    } else {
        let rows: Vec<_> = entries.iter().map(row).collect();
        session.output.table(&["ID", "VERSION", "STATUS", "REASON"], &rows)?;
    }
    Ok(Exit::Done)
}

/// Every find of a plugin in the versions that are asked for.
pub(crate) fn matching<'a>(catalogue: &'a Catalogue, plugin: &'a PluginSpec) -> impl Iterator<Item = &'a Entry> {
    let satisfies = |entry: &&Entry| match (&plugin.specifier, entry.version()) {
        (None, _) => true,
        (Some(specifier), version) => version.is_some_and(|version| specifier.matches(version.as_semver())),
    };
    catalogue.versions(&plugin.id).iter().filter(satisfies)
}

fn row(entry: &Entry) -> Vec<Cell> {
    let reason = entry.reason().filter(|_| entry.status() != Status::Ready);
    vec![
        list::name_cell(entry),
        Cell::or_dash(entry.version()),
        Cell::new(&entry.status()).tone(list::tone(entry.status())),
        reason.map_or_else(|| Cell::new(""), |reason| Cell::new(&reason.code)),
    ]
}

fn enable_failure(plugin: &PluginSpec, error: &EnableError) -> Failure {
    match error {
        EnableError::File(source) => overrides_failure(source),
        EnableError::Rescan(source) => build_failure(source),
        _ => Failure::new("NothingToBind", format!("the decision about {plugin} can be bound to nothing"))
            .causes([error.to_string()])
            .hint(format!(
                "a decision is bound to the publisher or the digest; `apex verify {plugin}` shows why there is none"
            )),
    }
}
