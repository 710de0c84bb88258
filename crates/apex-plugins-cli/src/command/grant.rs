//! `apex grant` and `apex ungrant`: what the operator lets plugins do.

use std::time::SystemTime;

use apex_plugins::{
    AuditSink as _, Grants, GrantsError, Owner, Permission, PluginSpec,
    audit_log::{Happening, Record, Subject},
    install::{Plan, PlannedGrant, Planner},
    meta::{Digest, InvalidPermission, Manifest, PluginId},
    trust::{GrantRoots, GrantTooWide},
};
use serde_json::{Value, json};

use crate::{
    command::inspect,
    exit::Exit,
    failure::Failure,
    output::Cell,
    session::{Session, audit_sink},
    settings::Settings,
};

const GRANT_EXAMPLES: &str = "\
Examples:
  apex grant com.acme.mail net.connect:587
  apex grant com.acme.editor 'fs.read:${workspace}' 'fs.write:${workspace}'
  apex grant com.acme.mail";

/// Let a plugin do what it asks for
///
/// A grant is bound to the publisher of the plugin, or to the digest of an unsigned one, so that it does not follow the
/// id to anybody else. It may be given ahead of an install, and counts whenever the plugin's process is started. Without
/// a permission, what is granted is listed.
#[derive(Debug, clap::Args)]
#[command(after_help = GRANT_EXAMPLES)]
pub(crate) struct GrantArguments {
    /// The plugin
    #[arg(value_name = "ID")]
    plugin: PluginId,

    /// What to grant, such as fs.read:PATH, net.connect:PORT or process.spawn
    #[arg(value_name = "PERMISSION", value_parser = named)]
    permissions: Vec<Named>,

    #[command(flatten)]
    owner: OwnerOptions,
}

const UNGRANT_EXAMPLES: &str = "\
Examples:
  apex ungrant com.acme.mail net.connect:587";

/// Take back what was granted to a plugin
///
/// It counts whenever the plugin's process is started anew.
#[derive(Debug, clap::Args)]
#[command(after_help = UNGRANT_EXAMPLES)]
pub(crate) struct UngrantArguments {
    /// The plugin
    #[arg(value_name = "ID")]
    plugin: PluginId,

    /// What to take back
    #[arg(value_name = "PERMISSION", value_parser = named, required = true)]
    permissions: Vec<Named>,

    #[command(flatten)]
    owner: OwnerOptions,
}

/// Whose plugin is meant.
#[derive(Debug, Clone, clap::Args)]
struct OwnerOptions {
    /// The plugin of this publisher
    ///
    /// Without it, that of the plugin that is found; if none is found, the one whose prefix the id is under.
    #[arg(long, value_name = "NAME", conflicts_with = "digest")]
    publisher: Option<String>,

    /// The unsigned plugin of this digest
    #[arg(long, value_name = "DIGEST")]
    digest: Option<Digest>,
}

/// What a text of the command line names: a permission, or several.
#[derive(Debug, Clone)]
struct Named(Vec<Permission>);

fn named(text: &str) -> Result<Named, String> {
    let explained = |error: InvalidPermission| format!("{error}; {}", error.hint());
    Permission::named(text).map(Named).map_err(explained)
}

fn all(named: &[Named]) -> Vec<Permission> {
    named.iter().flat_map(|Named(permissions)| permissions).cloned().collect()
}

pub(crate) async fn grant(arguments: &GrantArguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let (id, permissions) = (&arguments.plugin, all(&arguments.permissions));
    if permissions.is_empty() {
        return list(id, &settings, session);
    }
    let (owner, manifest) = owner(id, &arguments.owner, &settings, session).await?;
    check_width(&permissions, &settings)?;
    let add = |grants: &mut Grants| {
        let is_new = |permission: &&Permission| grants.grant(id.clone(), owner.clone(), (*permission).clone());
        Ok::<_, GrantsError>(permissions.iter().filter(is_new).cloned().collect::<Vec<_>>())
    };
    let added = Grants::edit(&settings.grants_file()?, add).map_err(|error| grants_failure(&error))?;
    for permission in &added {
        record(id, &owner, permission, true, &settings)?;
    }
    if let Some(manifest) = manifest {
        let asked = manifest.permissions();
        for permission in permissions.iter().filter(|one| !asked.iter().any(|asked| one.meet(asked).is_some())) {
            session.note(&format!("{id} does not ask for {permission}: it has no effect until a version of it does"));
        }
    }
    list(id, &settings, session)
}

pub(crate) async fn ungrant(arguments: &UngrantArguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let (id, permissions) = (&arguments.plugin, all(&arguments.permissions));
    let named = arguments.owner.named();
    let take = |grants: &mut Grants| {
        let taken = |permission: &Permission| {
            let owners = grants.ungrant(id, named.as_ref(), permission);
            owners.into_iter().map(|owner| (owner, permission.clone())).collect::<Vec<_>>()
        };
        Ok::<_, GrantsError>(permissions.iter().flat_map(taken).collect::<Vec<_>>())
    };
    let taken = Grants::edit(&settings.grants_file()?, take).map_err(|error| grants_failure(&error))?;
    if taken.is_empty() {
        let hint = format!("`apex grant {id}` lists what is granted");
        return Err(Failure::new("NotListed", format!("nothing of this is granted to {id}")).hint(hint));
    }
    for (owner, permission) in &taken {
        record(id, owner, permission, false, &settings)?;
    }
    list(id, &settings, session)
}

impl OwnerOptions {
    /// The owner that the command line names.
    fn named(&self) -> Option<Owner> {
        let publisher = self.publisher.clone().map(Owner::Publisher);
        publisher.or(self.digest.map(Owner::Digest))
    }
}

/// To whom a grant is bound: the owner that is named, that of the plugin that is found, or the publisher whom the id is
/// reserved for.
async fn owner(
    id: &PluginId,
    options: &OwnerOptions,
    settings: &Settings,
    session: &Session,
) -> Result<(Owner, Option<Manifest>), Failure> {
    let manager = session.manager(settings).await?;
    let (catalogue, spec) = (manager.catalogue(), PluginSpec { id: id.clone(), specifier: None });
    let found = inspect::best(&manager, &catalogue, &spec).ok();
    let manifest = found.and_then(|entry| entry.manifest()).cloned();
    if let Some(owner) = options.named() {
        return Ok((owner, manifest));
    }
    let reserved = || {
        let (name, _) = settings.trust_store().ok()?.publisher_of_id(id).map(|(name, _)| (name.to_owned(), ()))?;
        Some(Owner::Publisher(name))
    };
    let owner = match found {
        Some(entry) => entry.owner(),
        None => reserved(),
    };
    let nobody = || {
        Failure::new(
            "NothingToBind",
            format!("there is nobody to bind a grant to: {id} is not found, and reserved for nobody"),
        )
        .hint("name the owner with --publisher NAME, or with --digest DIGEST for an unsigned plugin")
    };
    Ok((owner.ok_or_else(nobody)?, manifest))
}

/// Refuses to let a plugin write where the operator decides about plugins.
fn check_width(permissions: &[Permission], settings: &Settings) -> Result<(), Failure> {
    let roots = GrantRoots { plugin_data: settings.plugin_data(), workspace: settings.workspace()? };
    let protected = settings.protected()?;
    for permission in permissions {
        roots
            .check_width(permission, &protected)
            .map_err(|error| Failure::of(GrantTooWide::CODE, &error).hint(error.hint()))?;
    }
    Ok(())
}

/// Grants what a plan grants, which was carried out.
pub(crate) fn carry_out(plan: &Plan, settings: &Settings) -> Result<(), Failure> {
    if plan.grants.is_empty() {
        return Ok(());
    }
    let add = |grants: &mut Grants| {
        plan.grant(grants);
        Ok::<_, GrantsError>(())
    };
    Grants::edit(&settings.grants_file()?, add).map_err(|error| {
        let failure = grants_failure(&error);
        failure.hint("the plugins are installed, and granted nothing more: see to the file, then use `apex grant`")
    })?;
    for PlannedGrant { plugin, owner, permission, .. } in &plan.grants {
        record(plugin, owner, permission, true, settings)?;
    }
    Ok(())
}

/// What the operator grants with a change of the store.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct GrantOptions {
    /// Grant this with it, to the plugin that is named or, as ID=PERMISSION, to another one that comes with it; repeatable
    #[arg(long = "grant", value_name = "[ID=]PERMISSION", value_parser = named_for)]
    grants: Vec<NamedFor>,
}

/// What a text grants, and to which plugin if it says so.
#[derive(Debug, Clone)]
struct NamedFor {
    plugin: Option<PluginId>,
    named: Named,
}

/// What stands before an `=` is a plugin if it is an id; a permission with `=` in its argument has a `:` before it, as no
/// id has.
fn named_for(text: &str) -> Result<NamedFor, String> {
    let split = text.split_once('=').and_then(|(id, permission)| Some((id.parse().ok()?, permission)));
    match split {
        Some((plugin, permission)) => Ok(NamedFor { plugin: Some(plugin), named: named(permission)? }),
        None => Ok(NamedFor { plugin: None, named: named(text)? }),
    }
}

impl GrantOptions {
    /// Has a planner grant what is said, once none of it is too wide.
    pub(crate) fn apply<'a>(
        &self,
        mut planner: Planner<'a>,
        requested: &[PluginId],
        settings: &Settings,
    ) -> Result<Planner<'a>, Failure> {
        for NamedFor { plugin, named: Named(permissions) } in &self.grants {
            let plugin = match (plugin, requested) {
                (Some(plugin), _) => plugin,
                (None, [plugin]) => plugin,
                (None, _) => {
                    return Err(Failure::usage("--grant does not say to which plugin")
                        .hint("where not just one plugin is named, say --grant ID=PERMISSION"));
                }
            };
            check_width(permissions, settings)?;
            for permission in permissions {
                planner = planner.grant(plugin.clone(), permission.clone());
            }
        }
        Ok(planner)
    }
}

/// Shows what is granted under an id.
fn list(id: &PluginId, settings: &Settings, session: &mut Session) -> Result<Exit, Failure> {
    let grants = Grants::load(&settings.grants_file()?).map_err(|error| grants_failure(&error))?;
    let granted: Vec<_> = grants.of_id(id).collect();
    if session.output.is_json() {
        let grants: Vec<_> = granted.iter().map(|(owner, permission)| to_json(owner, permission)).collect();
        session.output.json(&json!({ "id": id, "grants": grants }))?;
        return Ok(Exit::Done);
    }
    if granted.is_empty() {
        session.note(&format!("Nothing is granted to {id}."));
        return Ok(Exit::Done);
    }
    let row =
        |(owner, permission): &(&Owner, &Permission)| vec![Cell::new(id), Cell::new(*permission), Cell::new(*owner)];
    let rows: Vec<_> = granted.iter().map(row).collect();
    session.output.table(&["ID", "PERMISSION", "GRANTED TO"], &rows)?;
    Ok(Exit::Done)
}

fn to_json(owner: &Owner, permission: &Permission) -> Value {
    json!({ "permission": permission, "owner": owner })
}

/// Keeps a record; a grant that leaves none is told of.
fn record(
    id: &PluginId,
    owner: &Owner,
    permission: &Permission,
    granted: bool,
    settings: &Settings,
) -> Result<(), Failure> {
    let subject = Subject::of_id(id.clone());
    let (owner, permission) = (owner.to_string(), permission.to_string());
    let happening = Happening::Grant { subject, owner, permission, granted };
    let kept = audit_sink(settings)?.append(&Record { at: SystemTime::now(), happening });
    kept.map_err(|error| {
        let message = "the grants are changed, but the audit log could not be written";
        Failure::new(error.code(), message).caused_by(&error).hint_if(error.hint())
    })
}

/// What is wrong with the stored grants, and what to do.
pub(crate) fn grants_failure(error: &GrantsError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint())
}
