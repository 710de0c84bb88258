//! `apex install`: plugins with all that they need, from packages or sources, all of it or nothing.

use std::path::{Path, PathBuf};

use apex_plugins::{
    PluginSpec,
    install::{LOCK_FILE, Lock, Package},
    resolve::Request,
};

use crate::{
    command::{
        grant::GrantOptions,
        updating::{self, ConsentOptions},
        workbench::{ChangeOptions, Workbench, elsewhere, scratch},
    },
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

const EXAMPLES: &str = "\
Examples:
  apex install com.acme.greeter
  apex install 'com.acme.greeter@^1' --dry-run
  apex install ./com.acme.greeter-1.0.0.apexpkg --yes
  apex install com.acme.mail --grant net.connect:587
  apex install com.acme.greeter --locked";

/// Install plugins with all that they need
///
/// The packages come from the sources that `apex source add` names, or are named themselves. Either all of them are
/// installed or none. Where a version takes the place of another one, it is agreed to as in `apex update`, and takes the state
/// over.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A plugin and perhaps which versions will do, or a package's file
    #[arg(value_name = "ID[@SPEC]|FILE", required = true)]
    what: Vec<String>,
    /// Take nothing but what the lock names
    #[arg(long)]
    locked: bool,
    /// The lock
    #[arg(long, value_name = "FILE", default_value = LOCK_FILE)]
    lock_file: PathBuf,
    /// Take versions that are older than what was installed before
    #[arg(long)]
    allow_downgrade: bool,
    #[command(flatten)]
    consent: ConsentOptions,
    #[command(flatten)]
    grants: GrantOptions,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let manager = session.manager(&bench.settings).await?;
    let mut planner = bench.planner().elsewhere(elsewhere(&manager)).allow_downgrade(arguments.allow_downgrade);
    if arguments.locked {
        planner = planner.locked(Lock::load(&arguments.lock_file).map_err(|error| install_failure(&error))?);
    }
    let scratch = scratch()?;
    let mut requests = Vec::new();
    for what in &arguments.what {
        if is_file(what) {
            let package = Package::read(Path::new(what), scratch.path()).map_err(|error| install_failure(&error))?;
            requests.push(Request::exactly(package.document.id().clone(), package.document.version()));
            planner = planner.package(&package);
        } else {
            requests.push(request(what)?);
        }
    }
    let named: Vec<_> = requests.iter().map(|request| request.plugin.clone()).collect();
    let planner = arguments.grants.apply(planner, &named, &bench.settings)?;
    let plan = planner.plan(&requests).map_err(|error| install_failure(&error))?;
    let consent = arguments.consent.consent(&plan);
    updating::install(&bench, &plan, &arguments.change, consent, session).await
}

/// A plugin's id has no slash and does not end as a package does.
fn is_file(what: &str) -> bool {
    what.contains(std::path::MAIN_SEPARATOR) || what.ends_with(&format!(".{}", apex_package::EXTENSION))
}

pub(crate) fn request(what: &str) -> Result<Request, Failure> {
    let spec: PluginSpec = what.parse().map_err(|error: apex_plugins::InvalidSpec| {
        Failure::usage(error.to_string()).hint("give a plugin as ID or ID@SPEC, or a package's file by its path")
    })?;
    Ok(Request { plugin: spec.id, specifier: spec.specifier })
}
