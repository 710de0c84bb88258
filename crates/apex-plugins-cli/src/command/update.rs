//! `apex update`: newer versions of what is installed, code and state together.

use std::path::PathBuf;

use apex_plugins::{
    PluginSpec,
    install::{InstallError, LOCK_FILE, Lock, Outdated, Plan, UpdatePolicy},
    resolve::Request,
};

use crate::{
    command::{
        grant::GrantOptions,
        updating::{self, ConsentOptions, carry_out},
        workbench::{ChangeOptions, Workbench, elsewhere},
    },
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

const EXAMPLES: &str = "\
Examples:
  apex update --dry-run
  apex update com.acme.greeter --yes
  apex update 'com.acme.mail@^2' --yes --allow-major --grant net.connect:587
  apex update --locked --yes
  apex update --by-policy --yes";

/// Update installed plugins to the newest versions that go together
///
/// Code and state change together: the state is migrated on a copy, the new version is started and asked for its health, and
/// if anything fails all is as it was. What concerns you is not taken for granted: a major version, a new permission, an
/// action that changed, another publisher. At a terminal you are asked; --yes alone agrees to none of it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin, and perhaps which versions will do; all that are installed, if none is named
    #[arg(value_name = "ID[@SPEC]")]
    plugins: Vec<PluginSpec>,
    /// Update only what a policy wants updated unasked, and what concerns nobody
    #[arg(long, conflicts_with = "plugins")]
    by_policy: bool,
    /// Take nothing but what the lock names, even if that is older
    #[arg(long)]
    locked: bool,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = LOCK_FILE)]
    lock_file: PathBuf,
    #[command(flatten)]
    consent: ConsentOptions,
    #[command(flatten)]
    grants: GrantOptions,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let manager = updating::manager(&bench.settings, session).await?;
    let is_absent = |spec: &&PluginSpec| bench.ledger.get(&spec.id).is_none_or(|record| record.active.is_none());
    if let Some(absent) = arguments.plugins.iter().find(is_absent) {
        return Err(install_failure(&InstallError::NotInstalled { what: format!("plugin `{}`", absent.id) }));
    }
    let mut requests: Vec<_> = arguments.plugins.iter().map(request).collect();
    let lock = match arguments.locked {
        true => Some(Lock::load(&arguments.lock_file).map_err(|error| install_failure(&error))?),
        false => None,
    };
    let planner = || {
        let planner = bench.planner().elsewhere(elsewhere(&manager));
        lock.iter().cloned().fold(planner, apex_plugins::install::Planner::locked)
    };
    let planner = if arguments.by_policy {
        let automatic = automatic(&bench, &planner().newest(true).plan(&[]).map_err(|error| install_failure(&error))?)?;
        requests = automatic.iter().cloned().map(Request::any).collect();
        planner().newest_of(automatic)
    } else if arguments.plugins.is_empty() {
        planner().newest(true)
    } else {
        planner().newest_of(arguments.plugins.iter().map(|spec| spec.id.clone()))
    };
    let named: Vec<_> = requests.iter().map(|request| request.plugin.clone()).collect();
    let planner = arguments.grants.apply(planner, &named, &bench.settings)?;
    let plan = planner.plan(&requests).map_err(|error| install_failure(&error))?;
    let consent = arguments.consent.consent(&plan);
    carry_out(&bench, &manager, &plan, &arguments.change, consent, session).await
}

fn request(spec: &PluginSpec) -> Request {
    Request { plugin: spec.id.clone(), specifier: spec.specifier.clone() }
}

/// The plugins that a policy wants updated, and whose update concerns nobody.
fn automatic(bench: &Workbench, plan: &Plan) -> Result<Vec<apex_plugins::PluginId>, Failure> {
    let updates = updating::updates(bench, plan)?;
    let outdated = Outdated::all(&bench.ledger, plan, &updates, &bench.offered).into_iter();
    let wanted = outdated.filter(|outdated| outdated.policy != UpdatePolicy::Manual && outdated.is_automatic());
    Ok(wanted.map(|outdated| outdated.id).collect())
}
