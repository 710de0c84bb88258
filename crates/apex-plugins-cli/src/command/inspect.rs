//! `apex inspect`: everything that is known of a plugin.

use apex_plugins::{
    PluginManager, PluginPermissions, PluginSpec,
    discover::{Catalogue, Entry},
    meta::{ActionName, Digest, PluginId},
    state::{FileStateStore, StateEntry, StateError, StateListing, StateStore as _},
    trust::Definitions,
};
use serde_json::{Map, Value, json};

use crate::{
    command::{enable, grant::grants_failure, list, why},
    exit::Exit,
    failure::Failure,
    session::Session,
    settings::Settings,
};

mod show;

const EXAMPLES: &str = "\
Examples:
  apex inspect com.acme.greeter
  apex inspect 'com.acme.greeter@^1' --json | jq .manifest.actions";

/// Show everything that is known of a plugin
///
/// Of several versions, the one that would be called; if none can be called, the best that was found.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin, and perhaps which versions
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let manager = session.manager(&settings).await?;
    let catalogue = manager.catalogue();
    let entry = best(&manager, &catalogue, &arguments.plugin)?;
    let states = states(&settings, &arguments.plugin.id).await?;
    let permissions = manager.permissions(entry).map_err(|error| grants_failure(&error))?;
    if session.output.is_json() {
        session.output.json(&to_json(entry, &permissions, &states))?;
    } else {
        show::entry(entry, &permissions, &states, &mut session.output)?;
    }
    Ok(Exit::Done)
}

/// The find that would be called, or else the first one that matches: the newest.
pub(crate) fn best<'a>(
    manager: &PluginManager,
    catalogue: &'a Catalogue,
    plugin: &'a PluginSpec,
) -> Result<&'a Entry, Failure> {
    match manager.select(plugin) {
        Ok(selection) => Ok(&catalogue.versions(&plugin.id)[selection.index]),
        Err(error) => enable::matching(catalogue, plugin).next().ok_or_else(|| why::not_chosen(&error)),
    }
}

/// What is stored of a plugin's state.
struct States {
    directory: String,
    listing: StateListing,
}

async fn states(settings: &Settings, id: &PluginId) -> Result<States, Failure> {
    let root = settings.state_dir()?;
    let directory = root.join(id.as_str());
    // Looking must not make the directories that are looked for.
    let listing = if directory.is_dir() {
        let store = FileStateStore::open(&root).map_err(|error| state_failure(&error))?;
        store.list(id).await.map_err(|error| state_failure(&error))?
    } else {
        StateListing::default()
    };
    Ok(States { directory: directory.to_string_lossy().into_owned(), listing })
}

/// What is wrong with the store of states, and what to do.
pub(crate) fn state_failure(error: &StateError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint())
}

fn to_json(entry: &Entry, permissions: &PluginPermissions, states: &States) -> Value {
    let mut json = list::entry_to_json(entry);
    let manifest = entry.document().map(|document| document.value().clone());
    json["root"] = entry.root().map(|root| root.path().to_string_lossy()).into();
    json["dev"] = entry.is_dev().into();
    json["enabled"] = entry.intended_state().map(|intended| intended.enabled).into();
    json["manifest"] = manifest.into();
    json["faults"] = json!(entry.faults());
    json["warnings"] = json!(entry.warnings());
    json["digest"] = entry.digest().map(ToString::to_string).into();
    json["trust"] = json!({
        "trusted": entry.is_trusted(),
        "signer": entry.signer(),
        "placement": entry.placement(),
    });
    json["permissions_required"] = json!(entry.permissions());
    json["definitions"] = definitions(entry);
    json["grants"] = json!(permissions.granted);
    json["permissions"] = json!({
        "in_effect": permissions.in_effect,
        "granted_to_others": permissions.granted_to_others,
        "not_enforced": permissions.gaps,
    });
    json["state"] = states.to_json();
    json
}

/// What a later version's actions and permissions are to be compared with.
fn definitions(entry: &Entry) -> Value {
    let Some(Ok(definitions)) = entry.manifest().map(Definitions::of) else { return Value::Null };
    let named = |(name, digest): (&ActionName, &Digest)| (name.to_string(), Value::from(digest.to_string()));
    let actions: Map<String, Value> = definitions.actions.iter().map(named).collect();
    json!({"actions": actions, "permissions": definitions.permissions.to_string()})
}

impl States {
    fn to_json(&self) -> Value {
        let state = |state: &StateEntry| {
            json!({
                "version": state.key.version,
                "scope": state.key.scope,
                "generation": state.generation,
                "bytes": state.bytes,
            })
        };
        json!({
            "directory": self.directory,
            "entries": self.listing.entries.iter().map(state).collect::<Vec<_>>(),
            "unreadable": self.listing.unreadable.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    }
}
