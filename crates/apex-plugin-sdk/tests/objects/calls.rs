//! Calls through the real objects: results, errors, progress, cancellation, context (R6.3, R6.6, R6.8, R6.15).

use crate::host::{FakeHost, Running};
use apex_abi::{PluginError, StateScope, outcome};
use apex_plugin_sdk::{
    Context, Error, ErrorKind, Host, LogLevel, Params, Plugin, Progress, Reply, Result, ResultExt, async_trait,
    blocking, linked, reply, serde_json::json,
};
use futures::executor::block_on;
use serde_json::{Map, Value};

struct Desk {
    greeting: String,
}

#[async_trait]
impl Plugin for Desk {
    async fn initialize(host: &Host) -> Result<Self> {
        #[derive(serde::Deserialize)]
        struct Configuration {
            #[serde(default)]
            greeting: Option<String>,
        }
        let Configuration { greeting } = host.configuration()?;
        host.info("ready");
        let greeting = greeting.ok_or_else(|| Error::new(ErrorKind::Configuration, "no greeting"))?;
        Ok(Self { greeting })
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        match action {
            "greet" => reply(format!("{}, {}!", self.greeting, params.get::<&str>("name")?)),
            "work" => work(&params, context).await,
            "wait" => context.cancelled_or(std::future::pending::<()>()).await.map(|()| Reply::raw(b"1".to_vec())),
            "cancelled" => reply(context.is_cancelled()),
            "who" => reply(json!([context.call_context()?, context.remaining().map(|left| left.as_millis() as u64)])),
            "read" => Err(std::io::Error::new(std::io::ErrorKind::NotFound, "no file")).context("cannot read the book"),
            "block" => reply(blocking(|| std::thread::current().name().map(str::to_owned)).await?),
            "block_badly" => reply(blocking(|| -> u8 { panic!("while blocking") }).await?),
            "log" => {
                context.log(LogLevel::Warn, "odd", &Map::from_iter([("n".to_owned(), json!(1))]));
                reply(())
            }
            _ => Err(Error::action_not_found(action)),
        }
    }
}

async fn work(params: &Params, context: &Context) -> Result<Reply> {
    let steps = params.get::<u64>("steps")?;
    context.progress(0, 0, "starting");
    for step in 1..=steps {
        context.progress(step, steps, "working");
    }
    let details = Map::from_iter([("file".to_owned(), json!("a"))]);
    context.report_progress(&Progress { percentage: None, message: None, details });
    reply(steps)
}

fn desk() -> Running {
    Running::start::<Desk>(&json!({"greeting": "Good day"})).unwrap().0
}

fn kind(result: std::result::Result<Value, PluginError>) -> ErrorKind {
    result.unwrap_err().kind
}

#[test]
fn an_action_answers() {
    assert_eq!(desk().call("greet", &json!({"name": "Ada"})).unwrap(), "Good day, Ada!");
    assert_eq!(linked::<Desk>().type_name(), "Desk");
}

#[test]
fn errors_keep_kind_message_details_and_causes_across_the_boundary() {
    let desk = desk();
    assert_eq!(kind(desk.call("dance", &json!({}))), ErrorKind::ActionNotFound);
    let missing = desk.call("greet", &json!({})).unwrap_err();
    assert_eq!(missing.kind, ErrorKind::InvalidParameters);
    assert_eq!(missing.details, Some(json!({"pointer": "/name"})));
    let read = desk.call("read", &json!({})).unwrap_err();
    assert_eq!((read.kind, read.message.as_str()), (ErrorKind::Execution, "cannot read the book"));
    assert_eq!(read.causes, ["no file"]);
}

#[test]
fn initialization_fails_with_the_authors_error() {
    let error = Running::start::<Desk>(&json!({})).map(drop).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Configuration, "no greeting"));
    let error = Running::start::<Desk>(&json!({"greeting": 1})).map(drop).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Configuration, "the configuration does not fit"));
}

#[test]
fn the_life_cycle_is_kept_to() {
    let (host, _canceller) = FakeHost::new();
    let fresh = linked::<Desk>().create().unwrap();
    let early = outcome(fresh.execute(host.call(), "greet".into(), b"{}".to_vec().into()));
    assert_eq!(block_on(early).unwrap_err().kind, ErrorKind::ProtocolViolation);

    let desk = desk();
    let again = desk.plugin.initialize(apex_abi::host_box(host), br#"{"greeting": "Hi"}"#.to_vec().into());
    assert_eq!(block_on(outcome(again)).unwrap_err().message, "initialized twice");
    assert_eq!(desk.call("greet", &json!({"name": "Ada"})).unwrap(), "Good day, Ada!");
    block_on(outcome(desk.plugin.shutdown())).unwrap();
    assert_eq!(desk.call("greet", &json!({})).unwrap_err().message, "called after it was shut down");
    assert_eq!(block_on(outcome(desk.plugin.shutdown())).unwrap_err().kind, ErrorKind::ProtocolViolation);
}

#[test]
fn progress_arrives_in_order_with_percentage_message_and_details() {
    let desk = desk();
    desk.call("work", &json!({"steps": 4})).unwrap();
    let heard = std::mem::take(&mut desk.host.heard.lock().unwrap().progress);
    let percentages: Vec<_> = heard.iter().map(|(percentage, ..)| *percentage).collect();
    assert_eq!(percentages, [None, Some(25.0), Some(50.0), Some(75.0), Some(100.0), None]);
    assert_eq!(heard[0].1, "starting");
    assert_eq!(heard[5].2, json!({"file": "a"}));
}

#[test]
fn cancellation_reaches_the_plugin() {
    let (desk, canceller) = Running::start::<Desk>(&json!({"greeting": "Hi"})).unwrap();
    assert_eq!(desk.call("cancelled", &json!({})).unwrap(), false);
    let waiting = desk.begin("wait", &json!({}));
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| block_on(waiting));
        canceller.cancel();
        assert_eq!(answer.join().unwrap().unwrap_err().kind, ErrorKind::Cancelled);
    });
    assert_eq!(desk.call("cancelled", &json!({})).unwrap(), true);
}

#[test]
fn the_plugin_knows_on_whose_behalf_it_is_called_and_how_long_it_has() {
    let (mut host, _canceller) = FakeHost::new();
    host.remaining_ms = Some(1500);
    host.context.user = Some("ada".into());
    let desk = Running::start_on(linked::<Desk>(), host, &json!({"greeting": "Hi"})).unwrap();
    assert_eq!(desk.call("who", &json!({})).unwrap(), json!([{"tenant": "acme", "user": "ada"}, 1500]));
}

#[test]
fn log_lines_carry_level_and_fields() {
    let desk = desk();
    desk.call("log", &json!({})).unwrap();
    let heard = desk.host.heard.lock().unwrap();
    assert_eq!(heard.log[0], (LogLevel::Info, "ready".to_owned(), Value::Null));
    assert_eq!(heard.log[1], (LogLevel::Warn, "odd".to_owned(), json!({"n": 1})));
}

#[test]
fn blocking_code_runs_on_a_thread_of_the_plugin() {
    let desk = desk();
    assert_eq!(desk.call("block", &json!({})).unwrap(), "apex-plugin");
    let error = desk.call("block_badly", &json!({})).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::PluginPanicked, "panicked: while blocking"));
}

#[test]
fn a_plugin_without_streams_or_migration_says_so() {
    let desk = desk();
    assert_eq!(desk.stream("greet", &json!({})).map(drop).unwrap_err().kind, ErrorKind::StreamingNotSupported);
    let migrated = desk.plugin.migrate_state("0.9.0".into(), b"1".to_vec().into());
    assert!(block_on(outcome(migrated)).unwrap().is_none());
    assert_eq!(StateScope::default().as_str(), "global");
}
