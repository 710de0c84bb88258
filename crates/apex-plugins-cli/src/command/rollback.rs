//! `apex rollback`: the version that was active before, with the state that it had then.

use apex_plugins::{PluginId, PluginVersion, install::Consent};

use crate::{
    command::{
        updating::{self, carry_out},
        workbench::{ChangeOptions, Workbench},
    },
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

const EXAMPLES: &str = "\
Examples:
  apex rollback com.acme.greeter --yes
  apex rollback com.acme.greeter --to 1.2.0 --dry-run";

/// Go back to the version that was active before, with its state
///
/// The state is what it was at the update; what the newer version saved since stays under its own number. No policy returns
/// to the newer version; `apex update` does.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin
    #[arg(value_name = "ID")]
    plugin: PluginId,
    /// Go back to this version, which must still be in the store
    #[arg(long, value_name = "VERSION")]
    to: Option<PluginVersion>,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let manager = updating::manager(&bench.settings, session).await?;
    let plan = bench.planner().rollback(&arguments.plugin, arguments.to.as_ref(), "you ask for it");
    let plan = plan.map_err(|error| install_failure(&error))?;
    // It was agreed to once.
    carry_out(&bench, &manager, &plan, &arguments.change, Consent::to_all(), session).await
}
