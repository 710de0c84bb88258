//! `apex test`: a plugin's examples as a contract, and what it makes of parameters that it does not take.

use std::{path::PathBuf, time::Duration};

use apex_plugins::{PluginManager, meta::Document, state::FileStateStore};
use serde_json::json;

use crate::{
    capture::Capture,
    command::{inspect::state_failure, run::read_configuration},
    duration, escape,
    exit::Exit,
    failure::Failure,
    output::Tone,
    session::{Session, build_failure},
    workshop::Workshop,
};

mod case;
mod invalid;

use case::{Case, Verdict};

const EXAMPLES: &str = "\
Examples:
  apex test .
  apex test greeter --config greeting.json --timeout 10s";

/// Build a plugin and test it against its own metadata
///
/// Each example of an action that is `read_only`, or that says `run`, is run, and its result compared. Each action also
/// gets parameters that do not fit it, which must be refused, and must not make it panic or crash. The plugin runs in a
/// child process, with a state of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin's crate
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// How long each call may take
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,

    /// The plugin's configuration, a JSON object
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Build in this cargo profile
    #[arg(long, value_name = "NAME", default_value = "dev")]
    profile: String,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let configuration = arguments.config.as_ref().map(read_configuration).transpose()?;
    let capture = Capture::start(&mut session.output, &session.stderr)?;
    let tested = async {
        let room =
            tempfile::tempdir().map_err(|error| Failure::io("make a directory in", &std::env::temp_dir(), &error))?;
        let workshop = Workshop::new(&arguments.directory, &arguments.profile)?;
        let document = workshop.package(&room.path().join("plugins"), None)?.document;
        let states = FileStateStore::open(room.path().join("states")).map_err(|error| state_failure(&error))?;
        let mut builder = PluginManager::builder().dev_root(room.path().join("plugins")).state(states);
        if let Some(configuration) = configuration {
            builder = builder.configuration(document.id().clone(), configuration.into());
        }
        let manager = builder.build().await.map_err(|error| build_failure(&error))?;
        let result = test(&manager, &document, arguments.timeout, session).await;
        manager.shutdown(Duration::ZERO).await;
        result
    };
    let result = tested.await;
    capture.finish();
    result
}

async fn test(
    manager: &PluginManager,
    document: &Document,
    timeout: Duration,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let mut failed = 0;
    let cases = Case::of(document);
    for case in &cases {
        let verdict = case.run(manager, document, timeout).await;
        failed += usize::from(matches!(verdict, Verdict::Failed(_)));
        show(case, &verdict, session)?;
    }
    let passed = cases.len() - failed;
    if !session.output.is_json() {
        let (tone, word) = if failed == 0 { (Tone::Good, "ok") } else { (Tone::Bad, "FAILED") };
        let word = session.output.paint(tone, word);
        session.output.line(format!("{word}: {passed} passed, {failed} failed"))?;
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::ActionFailed })
}

fn show(case: &Case, verdict: &Verdict, session: &mut Session) -> Result<(), Failure> {
    let message = match verdict {
        Verdict::Passed => None,
        Verdict::Failed(message) => Some(message),
    };
    if session.output.is_json() {
        return session.output.json(&json!({
            "action": case.action(), "case": case.name(), "ok": message.is_none(), "message": message,
        }));
    }
    let name = escape::line(&format!("{}: {}", case.action(), case.name())).into_owned();
    match message {
        None => session.output.line(format!("{} {name}", session.output.paint(Tone::Good, "ok    "))),
        Some(message) => {
            session.output.line(format!("{} {name}", session.output.paint(Tone::Bad, "FAILED")))?;
            session.output.line(format!("       {}", escape::line(message)))
        }
    }
}
