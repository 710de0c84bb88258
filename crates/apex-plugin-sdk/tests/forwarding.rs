//! A library's `tracing` events reach the host that the call came from; this program plays the library.
#![cfg(feature = "tracing")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "each test uses its part")]
#[path = "objects/host.rs"]
mod host;

use apex_abi::{LogLevel, PluginModule};
use apex_plugin_sdk::{
    __private::Library,
    Context, Host, Params, Plugin, Reply, Result, async_trait, blocking, reply,
    serde_json::json,
    tokio,
    tracing::{self, Instrument as _, info_span},
};
use host::{FakeHost, Running};

struct Chatty;

/// Logs when it is shown, which must not lead round in circles.
struct Talkative;

impl std::fmt::Debug for Talkative {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        tracing::warn!("while shown");
        f.write_str("talkative")
    }
}

#[async_trait]
impl Plugin for Chatty {
    async fn initialize(_: &Host) -> Result<Self> {
        tracing::info!("initializing");
        Ok(Self)
    }

    async fn execute(&self, action: &str, _: Params, _: &Context) -> Result<Reply> {
        match action {
            "spans" => {
                let inner = async {
                    tokio::task::yield_now().await;
                    tracing::warn!(answer = 42, ok = true, "within");
                };
                let outer = info_span!("outer", user = "ada", late = tracing::field::Empty);
                outer.record("late", 7);
                async { inner.instrument(info_span!("inner")).await }.instrument(outer).await;
            }
            "elsewhere" => {
                blocking(|| tracing::info!("on a thread that blocks")).await?;
                let spawned = async { tracing::info!("in a task") }.instrument(info_span!("task"));
                tokio::spawn(spawned).await?;
            }
            "recursive" => tracing::info!(value = ?Talkative, "shown"),
            "long" => tracing::info!(text = "x".repeat(100_000), "{}", "y".repeat(100_000)),
            _ => tracing::info!("outside of spans"),
        }
        reply(())
    }
}

fn start() -> Running {
    let module = PluginModule::linked::<Library<Chatty>>();
    Running::start_on(module, FakeHost::new().0, &json!({})).unwrap()
}

#[test]
fn an_event_carries_level_message_fields_and_the_spans_around_it() {
    let running = start();
    running.call("spans", &json!({})).unwrap();
    let heard = running.host.heard.lock().unwrap();
    assert_eq!(heard.log[0].1, "initializing");
    let spans = json!([{"span": "outer", "user": "ada", "late": 7}, {"span": "inner"}]);
    let expected = (LogLevel::Warn, "within".to_owned(), json!({"answer": 42, "ok": true, "spans": spans}));
    assert_eq!(heard.log[1], expected);
    assert_eq!(heard.log.len(), 2, "a span that ended is not named any more, and is no event of its own");
}

/// Calls of several instances at once: each event goes to the host that it belongs to.
#[test]
fn events_on_other_threads_belong_to_their_call() {
    let (first, second) = (start(), start());
    first.call("elsewhere", &json!({})).unwrap();
    assert_eq!(first.log(), ["initializing", "on a thread that blocks", "in a task"]);
    assert_eq!(second.log(), ["initializing"]);
}

#[test]
fn what_showing_a_value_logs_is_not_forwarded_in_turn() {
    let running = start();
    running.call("recursive", &json!({})).unwrap();
    running.call("plain", &json!({})).unwrap();
    assert_eq!(running.log(), ["initializing", "shown", "outside of spans"]);
}

#[test]
fn long_texts_are_cut() {
    let running = start();
    running.call("long", &json!({})).unwrap();
    let heard = running.host.heard.lock().unwrap();
    let (_, message, fields) = &heard.log[1];
    assert!(message.len() < 5000 && fields["text"].as_str().unwrap().len() < 5000);
}
