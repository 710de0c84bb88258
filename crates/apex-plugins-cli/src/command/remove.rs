//! `apex remove`: plugins, unless others need them.

use apex_plugins::{PluginSpec, install::Plan, resolve::Request};

use crate::{
    command::workbench::{ChangeOptions, Workbench},
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

const EXAMPLES: &str = "\
Examples:
  apex remove com.acme.greeter
  apex remove 'com.acme.greeter@<1.2' --yes";

/// Remove installed plugins
///
/// What others need is not removed unless they go too, or --force is given. What was ever installed is remembered, so
/// that no older version is taken for a new one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin, and perhaps which of its versions
    #[arg(value_name = "ID[@SPEC]", required = true)]
    plugins: Vec<PluginSpec>,
    /// Remove it although others need it
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    change: ChangeOptions,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let request = |spec: &PluginSpec| Request { plugin: spec.id.clone(), specifier: spec.specifier.clone() };
    let requests: Vec<_> = arguments.plugins.iter().map(request).collect();
    let plan = Plan::removal(&bench.store, &bench.ledger, &requests, arguments.force)
        .map_err(|error| install_failure(&error))?;
    bench.carry_out(&plan, &arguments.change, session)
}
