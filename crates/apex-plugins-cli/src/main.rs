//! The command line `apex`: lists, checks, explains, verifies and runs plugins.
//!
//! Results go to standard output and everything else to standard error. The program never searches the working
//! directory for plugins, settings or trust unless it is told to on the command line.
#![forbid(unsafe_code)]

mod arguments;
mod capture;
mod command;
mod duration;
mod environment;
mod escape;
mod exit;
mod failure;
mod interrupt;
mod log;
mod output;
mod parameters;
mod progress;
mod scan_bar;
mod session;
mod settings;
mod signing_key;
mod snippet;
mod stderr;
mod usage;
mod workshop;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser as _;
use exit::Exit;
use failure::Failure;
use session::Session;
use stderr::Stderr;

fn main() -> ExitCode {
    // Before there is any thread: this program may have been started as the child process of itself.
    apex_plugins::run_if_child();
    // Or to ask a library that was just built what it is.
    apex_package::run_if_describing();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::report(&error).into(),
    };
    let stderr = Stderr::new(arguments.options.json);
    log::start(&arguments.options, &stderr);
    let checked = usage::check_roots(std::env::args_os(), &arguments.options);
    let exit = checked.and_then(|()| run(arguments, &stderr)).unwrap_or_else(|failure| {
        if !failure.is_broken_pipe() {
            stderr.failure(&failure);
        }
        failure.exit()
    });
    exit.into()
}

fn run(arguments: Arguments, stderr: &Stderr) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // One may be held by a plugin that never yields; somebody must still hear SIGINT and watch the deadline.
        .worker_threads(4)
        .enable_all()
        .build()
        .map_err(|error| Failure::new("Io", "cannot start the asynchronous runtime").caused_by(&error))?;
    let mut session = Session::new(arguments.options, stderr.clone());
    let result = runtime.block_on(command::run(arguments.command, &mut session));
    // A plugin that never yields must not keep the program.
    runtime.shutdown_background();
    result
}
