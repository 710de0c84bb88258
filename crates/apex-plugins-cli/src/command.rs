//! The commands, one file each: their arguments, with the help text, and what they do.

pub(crate) mod audit;
pub(crate) mod bundle;
pub(crate) mod check;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod enable;
pub(crate) mod grant;
pub(crate) mod index;
pub(crate) mod inspect;
pub(crate) mod install;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod manifest;
pub(crate) mod new;
pub(crate) mod outdated;
pub(crate) mod package;
pub(crate) mod pin;
pub(crate) mod remove;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod sign;
pub(crate) mod source;
pub(crate) mod state;
pub(crate) mod sync;
pub(crate) mod test;
pub(crate) mod trust;
pub(crate) mod update;
pub(crate) mod update_policy;
mod updating;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod why;
mod workbench;

use crate::{arguments::Command, exit::Exit, failure::Failure, session::Session};

/// Does what the command line asks for.
pub(crate) async fn run(command: Command, session: &mut Session) -> Result<Exit, Failure> {
    match command {
        Command::List(arguments) => list::run(&arguments, session).await,
        Command::Inspect(arguments) => inspect::run(&arguments, session).await,
        Command::Check(arguments) => check::run(&arguments, session),
        Command::Run(arguments) => run::run(arguments, session).await,
        Command::Why(arguments) => why::run(&arguments, session).await,
        Command::Verify(arguments) => verify::run(&arguments, session).await,
        Command::Enable(arguments) => enable::enable(&arguments, session).await,
        Command::Disable(arguments) => enable::disable(&arguments, session).await,
        Command::New(arguments) => new::run(&arguments, session),
        Command::Dev(arguments) => dev::run(&arguments, session).await,
        Command::Test(arguments) => test::run(&arguments, session).await,
        Command::Manifest(arguments) => manifest::run(&arguments, session),
        Command::Package(arguments) => package::run(&arguments, session),
        Command::Sign(arguments) => sign::run(&arguments, session),
        Command::Install(arguments) => install::run(&arguments, session).await,
        Command::Remove(arguments) => remove::run(&arguments, session),
        Command::Update(arguments) => update::run(&arguments, session).await,
        Command::Rollback(arguments) => rollback::run(&arguments, session).await,
        Command::Pin(arguments) => pin::pin(&arguments, session),
        Command::Unpin(arguments) => pin::unpin(&arguments, session),
        Command::UpdatePolicy(arguments) => update_policy::run(&arguments, session),
        Command::State(arguments) => state::run(&arguments, session).await,
        Command::Outdated(arguments) => outdated::run(&arguments, session).await,
        Command::Search(arguments) => search::run(&arguments, session),
        Command::Source(arguments) => source::run(&arguments, session),
        Command::Index(arguments) => index::run(&arguments, session),
        Command::Lock(arguments) => lock::run(&arguments, session),
        Command::Sync(arguments) => sync::run(&arguments, session).await,
        Command::Bundle(arguments) => bundle::run(&arguments, session),
        Command::Clean(arguments) => clean::run(&arguments, session),
        Command::Grant(arguments) => grant::grant(&arguments, session).await,
        Command::Ungrant(arguments) => grant::ungrant(&arguments, session).await,
        Command::Keys(arguments) => keys::run(&arguments, session),
        Command::Trust(arguments) => trust::run(&arguments, session),
        Command::Audit(arguments) => audit::run(&arguments, session),
        Command::Watch(arguments) => watch::run(&arguments, session).await,
        Command::Doctor(arguments) => doctor::run(&arguments, session).await,
        Command::Completions(arguments) => completions::run(&arguments, session),
    }
}
