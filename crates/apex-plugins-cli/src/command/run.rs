//! `apex run`: one action of one plugin, from its parameters to its result.

use std::{fs, path::PathBuf, time::Duration};

use apex_plugins::{
    Call, PluginManager, PluginSpec,
    discover::Entry,
    meta::{Action, ActionName, ErrorKind, Placement},
    state::FileStateStore,
};
use clap::ValueEnum;
use serde_json::{Map, Value};

use crate::{
    capture::Capture,
    command::{inspect::state_failure, why},
    duration,
    exit::Exit,
    failure::Failure,
    interrupt::{GRACE, Interrupt},
    parameters::{self, Parameters},
    session::Session,
};

mod answer;
mod debugged;
mod driven;
mod measured;

use answer::Answer;
use debugged::Debugging;

const EXAMPLES: &str = "\
Examples:
  apex run com.acme.greeter greet -p name=Ada
  apex run 'com.acme.numbers@^1' count --params '{\"n\": 3}' --json
  apex run com.acme.slow work --timeout 30s --params-file - < params.json
  apex --dev-root . run com.acme.slow work --debug";

/// Run one action of a plugin and print its result
///
/// What the plugin itself prints goes to standard error. Ctrl-C cancels the action; a second one ends the program.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin, and perhaps which versions will do
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,

    /// The action, as `apex inspect ID` lists it
    action: ActionName,

    #[command(flatten)]
    parameters: parameters::Options,

    /// How long the action may take, such as 5s, 250ms or 1m30s
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    timeout: Option<Duration>,

    /// Where the plugin may run at most
    ///
    /// It can tighten what trust allows, never loosen it.
    #[arg(long, value_name = "WHERE")]
    isolation: Option<Isolation>,

    /// Let a debugger follow the plugin, which has to be in a developer's root
    ///
    /// Its process loads a private copy of the library instead of memory, no deadline is kept, and the process's number is
    /// told on standard error before the action begins. At a terminal, the action waits for Enter.
    #[arg(long, conflicts_with = "timeout")]
    debug: bool,

    /// The plugin's configuration, a JSON object
    ///
    /// It replaces the one in the settings.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where a plugin may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Isolation {
    /// In this process, if trust allows it.
    InProcess,
    /// In a child process of its own alone.
    Process,
}

impl From<Isolation> for Placement {
    fn from(isolation: Isolation) -> Self {
        match isolation {
            Isolation::InProcess => Self::InProcess,
            Isolation::Process => Self::Process,
        }
    }
}

pub(crate) async fn run(arguments: Arguments, session: &mut Session) -> Result<Exit, Failure> {
    // All that can be wrong with the command line is said before anything is looked for.
    let parameters = Parameters::read(&arguments.parameters)?;
    let configuration = arguments.config.as_ref().map(read_configuration).transpose()?;
    let interrupt = Interrupt::listen();
    let capture = Capture::start(&mut session.output, &session.stderr)?;
    let result = run_captured(&arguments, parameters, configuration, &interrupt, session).await;
    capture.finish();
    result
}

pub(crate) fn read_configuration(file: &PathBuf) -> Result<Map<String, Value>, Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::io("read the configuration", file, &error))?;
    parameters::object(&file.display().to_string(), &bytes).map_err(|failure| {
        failure.recode("Configuration").hint("write a JSON object; `apex inspect ID --json` shows its schema")
    })
}

async fn run_captured(
    arguments: &Arguments,
    parameters: Parameters,
    configuration: Option<Map<String, Value>>,
    interrupt: &Interrupt,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let states = FileStateStore::open(settings.state_dir()?).map_err(|error| state_failure(&error))?;
    let id = arguments.plugin.id.clone();
    let debugging = arguments.debug.then(Debugging::prepare).transpose()?;
    let manager = session
        .acting_manager(&settings, |mut builder| {
            if let Some(configuration) = configuration {
                builder = builder.configuration(id, configuration.into());
            }
            if let Some(isolation) = arguments.isolation {
                builder = builder.isolation(isolation.into());
            }
            if let Some(debugging) = &debugging {
                builder = builder.debugging(debugging.directory());
            }
            builder.state(states)
        })
        .await?;
    let result = call(arguments, parameters, &manager, interrupt, session).await;
    measured::tell(&manager);
    end(manager).await;
    match result {
        Ok(()) if interrupt.came() => Ok(Exit::Interrupted),
        Ok(()) => Ok(Exit::Done),
        Err(failure) if interrupt.came() && !failure.is_broken_pipe() => Err(failure.exit_with(Exit::Interrupted)),
        Err(failure) => Err(failure),
    }
}

async fn call(
    arguments: &Arguments,
    parameters: Parameters,
    manager: &PluginManager,
    interrupt: &Interrupt,
    session: &mut Session,
) -> Result<(), Failure> {
    let catalogue = manager.catalogue();
    let selection = match manager.select(&arguments.plugin) {
        Ok(selection) => selection,
        Err(error) => {
            manager.record_refusal(&arguments.plugin, &error).await;
            return Err(why::not_chosen(&error));
        }
    };
    let entry = &catalogue.versions(&arguments.plugin.id)[selection.index];
    let action = find_action(entry, &arguments.action)?;
    let parameters = parameters.for_schema(&action.parameters_object_schema());
    let call = manager.call(arguments.plugin.to_string(), arguments.action.as_str()).params(parameters);
    let call = call.cancel_with(interrupt.token());
    let (call, deadline) = if arguments.debug {
        debugged::begin(manager, &arguments.plugin, entry, interrupt, session).await?;
        (call.timeout(debugged::ALL_THE_TIME), None)
    } else {
        let call = arguments.timeout.into_iter().fold(call, Call::timeout);
        (call, arguments.timeout.or(action.timeout_ms.map(Duration::from_millis)))
    };
    let mut events = driven::Events::of(call, deadline, interrupt.clone());
    let mut answer = Answer::new(session, action.returns_stream);
    loop {
        if answer.show(events.next().await?)?.is_break() {
            return Ok(());
        }
    }
}

fn find_action<'a>(entry: &'a Entry, name: &ActionName) -> Result<&'a Action, Failure> {
    let actions = entry.manifest().map_or(&[][..], |manifest| &manifest.actions);
    actions.iter().find(|action| action.name == *name).ok_or_else(|| {
        let plugin = entry.id().map(ToString::to_string).unwrap_or_default();
        let names: Vec<_> = actions.iter().map(|action| action.name.as_str()).collect();
        Failure::new(ErrorKind::ActionNotFound.code(), format!("plugin `{plugin}` has no action `{name}`"))
            .hint(format!("its actions are: {}; `apex inspect {plugin}` shows what they expect", names.join(", ")))
    })
}

/// Ends what was started, in bounded time, whatever the plugin does.
async fn end(manager: PluginManager) {
    // In a task of its own, since a plugin's shutdown may block the thread that polls it.
    let shutdown = tokio::spawn(async move { manager.shutdown(Duration::ZERO).await });
    if let Ok(Ok(report)) = tokio::time::timeout(GRACE, shutdown).await {
        for leftover in report.leftovers {
            tracing::info!(plugin = %leftover.plugin, version = %leftover.version, calls = leftover.calls, "still runs");
        }
    }
}
