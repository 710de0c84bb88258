//! What may stand on the command line.

use std::path::PathBuf;

use apex_plugins::trust::Policy;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{command, exit};

const EXAMPLES: &str = "\
Examples:
  apex list
  apex run com.acme.greeter greet -p name=Ada
  apex why 'com.acme.greeter@^1'
  apex trust add acme --key acme.pub --prefix com.acme";

/// Discover, verify and run plugins of an AI agent
#[derive(Debug, Parser)]
#[command(name = "apex", version, term_width = 80, after_help = EXAMPLES, after_long_help = long_help())]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{}", exit::HELP)
}

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Options {
    /// Search this directory alone; repeat for more
    ///
    /// Without it, plugins are searched in this order: the directories of the variable APEX_PLUGIN_PATH, the user's
    /// data directory, the install store, the system's directory, and the roots of the trust store. The working
    /// directory is never searched unasked.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) root: Vec<PathBuf>,

    /// Search this directory too, with lenient rules
    ///
    /// The rules are those for plugins under development: they may be unsigned or changed, but run in a child process
    /// alone.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) dev_root: Vec<PathBuf>,

    /// The install store
    ///
    /// Without it, the variable APEX_STORE names it. It also holds which plugins the operator enabled or disabled.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) store: Option<PathBuf>,

    /// Where the plugins' state is kept
    ///
    /// Without it, the variable APEX_STATE_DIR names it.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state_dir: Option<PathBuf>,

    /// Where the discovery cache is kept
    ///
    /// Without it, the variable APEX_CACHE_DIR names it. It only spares time: nothing is trusted on its strength.
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "no_cache")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Do without the discovery cache
    ///
    /// Everything is read, checked and hashed again.
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,

    /// The directory that ${workspace} stands for in permissions
    ///
    /// Without it there is none, and grants below it have no effect: the working directory is never taken unasked.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) workspace: Option<PathBuf>,

    /// The trust store
    ///
    /// What is granted to plugins is kept beside it, in `grants.json`. Without it, `trust.json` in the user's configuration directory; no variable can name it.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) trust: Option<PathBuf>,

    /// How strict trust is
    #[arg(long, value_name = "LEVEL", global = true)]
    pub(crate) policy: Option<PolicyName>,

    /// Show results, errors and progress as JSON
    ///
    /// Results go to standard output. Everything else goes to standard error, one object a line.
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say more on standard error; repeat for still more
    #[arg(short, long, action = clap::ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: u8,

    /// Say nothing but errors on standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// The policy levels that an operator may choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PolicyName {
    /// Only what a trusted publisher signed.
    Strict,
    /// Also unsigned plugins with a checksum, in a child process.
    Standard,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(command::list::Arguments),
    Inspect(command::inspect::Arguments),
    Check(command::check::Arguments),
    Run(command::run::Arguments),
    Why(command::why::Arguments),
    Verify(command::verify::Arguments),
    Enable(command::enable::EnableArguments),
    Disable(command::enable::DisableArguments),
    New(command::new::Arguments),
    Dev(command::dev::Arguments),
    Test(command::test::Arguments),
    Manifest(command::manifest::Arguments),
    Package(command::package::Arguments),
    Sign(command::sign::Arguments),
    Install(command::install::Arguments),
    Remove(command::remove::Arguments),
    Update(command::update::Arguments),
    Rollback(command::rollback::Arguments),
    Pin(command::pin::PinArguments),
    Unpin(command::pin::UnpinArguments),
    UpdatePolicy(command::update_policy::Arguments),
    Outdated(command::outdated::Arguments),
    Search(command::search::Arguments),
    Source(command::source::Arguments),
    Index(command::index::Arguments),
    Lock(command::lock::Arguments),
    Sync(command::sync::Arguments),
    Bundle(command::bundle::Arguments),
    Clean(command::clean::Arguments),
    Grant(command::grant::GrantArguments),
    Ungrant(command::grant::UngrantArguments),
    State(command::state::Arguments),
    Keys(command::keys::Arguments),
    Trust(command::trust::Arguments),
    Audit(command::audit::Arguments),
    Watch(command::watch::Arguments),
    Doctor(command::doctor::Arguments),
    Completions(command::completions::Arguments),
}

impl From<PolicyName> for Policy {
    fn from(name: PolicyName) -> Self {
        match name {
            PolicyName::Strict => Self::strict(),
            PolicyName::Standard => Self::standard(),
        }
    }
}
