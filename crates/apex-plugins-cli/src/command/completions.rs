//! `apex completions`: completion scripts for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{arguments, environment, exit::Exit, failure::Failure, session::Session};

const EXAMPLE: &str = "\
Example:
  apex completions bash > ~/.local/share/bash-completion/completions/apex";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut arguments::Arguments::command(), environment::NAME, &mut script);
    session.output.write(&script)?;
    Ok(Exit::Done)
}
