//! `apex sync`: makes the store match a lock.

use std::path::{Path, PathBuf};

use apex_plugins::install::{Consent, Index, LOCK_FILE, Lock, Source, is_bundle, unbundle};

use crate::{
    command::{
        grant::GrantOptions,
        updating,
        workbench::{ChangeOptions, Workbench, elsewhere, scratch},
    },
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

const EXAMPLES: &str = "\
Examples:
  apex sync --dry-run
  apex sync --from all.apexbundle --yes
  apex sync --grant 'com.acme.mail=net.connect:587'";

/// Make the store match a lock: install, change and remove until exactly that is active
///
/// A lock grants nothing: where it names other grants than there are, it is refused until you grant them or take them back.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Take packages, and the lock if none is named, from this bundle or source alone
    #[arg(long, value_name = "FILE|DIR")]
    from: Option<PathBuf>,
    /// The lock; `apex.lock` if nothing is said, or that of the bundle
    #[arg(long, value_name = "FILE")]
    lock_file: Option<PathBuf>,
    #[command(flatten)]
    grants: GrantOptions,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let scratch = scratch()?;
    let failed = |error: apex_plugins::install::InstallError| install_failure(&error);
    let (bench, bundled) = match &arguments.from {
        None => (Workbench::open(session)?, None),
        Some(from) => {
            let (source, index, lock) = open(from, scratch.path())?;
            (Workbench::with_sources(session.settings()?, vec![(source, index)])?, lock)
        }
    };
    let lock = match (&arguments.lock_file, bundled) {
        (Some(file), _) => Lock::load(file).map_err(failed)?,
        (None, Some(lock)) => lock,
        (None, None) => Lock::load(Path::new(LOCK_FILE)).map_err(failed)?,
    };
    let manager = session.manager(&bench.settings).await?;
    let planner = bench.planner().elsewhere(elsewhere(&manager)).locked(lock);
    let plan = arguments.grants.apply(planner, &[], &bench.settings)?.sync().map_err(failed)?;
    // The lock names these very versions.
    updating::install(&bench, &plan, &arguments.change, Consent::to_all(), session).await
}

/// A bundle, taken apart, or a source; with the lock that lies there.
fn open(from: &Path, scratch: &Path) -> Result<(Source, Index, Option<Lock>), Failure> {
    let failed = |error: apex_plugins::install::InstallError| install_failure(&error);
    let (location, lock) = if is_bundle(from) {
        (scratch.to_owned(), Some(unbundle(from, scratch).map_err(failed)?))
    } else {
        let location = std::path::absolute(from).map_err(|error| Failure::io("find", from, &error))?;
        let lock = location.join(LOCK_FILE);
        (location, if lock.is_file() { Some(Lock::load(&lock).map_err(failed)?) } else { None })
    };
    let source = Source { name: "from".to_owned(), location };
    let index = source.index().map_err(failed)?;
    Ok((source, index, lock))
}
