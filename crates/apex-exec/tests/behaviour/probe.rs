//! A plugin that does what the tests ask of it, and tells what it saw.

use std::{
    collections::HashSet,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use apex_exec::{Instance, InstanceOptions, Loaded};
use apex_meta::Document;
use apex_plugin_sdk::{
    Chunk, Chunks, Context, Error, ErrorKind, Host, Params, Plugin, Reply, Result, async_trait, futures,
    futures::stream, linked, reply,
};
use serde_json::{Value, json};

/// Longer than anything here takes, shorter than anybody waits.
pub(crate) const LONG: Duration = Duration::from_secs(20);

static SAID: Mutex<Option<HashSet<(String, &'static str)>>> = Mutex::new(None);
static HEARD: Condvar = Condvar::new();

/// Where the chunks of `watched_bytes` lie, as the plugin made them.
pub(crate) static PLACES: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Lets the other side, whichever it is, know something under a key.
pub(crate) fn say(key: &str, what: &'static str) {
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    said.get_or_insert_default().insert((key.to_owned(), what));
    HEARD.notify_all();
}

/// Waits until the other side says so, for [`LONG`]; says whether it did.
pub(crate) fn hears(key: &str, what: &'static str) -> bool {
    hears_within(key, what, LONG)
}

pub(crate) fn hears_within(key: &str, what: &'static str, at_most: Duration) -> bool {
    let until = Instant::now() + at_most;
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if said.get_or_insert_default().contains(&(key.to_owned(), what)) {
            return true;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        said = HEARD.wait_timeout(said, left).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Says `dropped` when it is.
struct Tell(String);

impl Drop for Tell {
    fn drop(&mut self) {
        say(&self.0, "dropped");
    }
}

pub(crate) struct Probe {
    configuration: Value,
    key: String,
}

#[async_trait]
impl Plugin for Probe {
    async fn initialize(host: &Host) -> Result<Self> {
        let configuration: Value = host.configuration()?;
        let key = configuration["key"].as_str().unwrap_or_default().to_owned();
        say(&key, "initializing");
        match configuration["start"].as_str() {
            Some("fail") => return Err(Error::new(ErrorKind::Initialization, "no disk").context("cannot start")),
            Some("panic") => panic!("on purpose"),
            Some("block") => _ = hears(&key, "release"),
            Some("never") => futures::future::pending().await,
            _ => {}
        }
        Ok(Self { configuration, key })
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        let key = || params.optional::<String>("key").map(Option::unwrap_or_default);
        match action {
            "echo" => reply(params.parse::<Value>()?),
            "configuration" => reply(&self.configuration),
            "whoami" => {
                reply(json!({"context": context.call_context()?, "has_deadline": context.remaining().is_some()}))
            }
            "fail" => {
                Err(Error::execution("the cable is out").context("cannot read").with_kind(ErrorKind::ResourceNotFound))
            }
            "panic" => panic!("on purpose"),
            "not_json" => Ok(Reply::raw(b"{".to_vec())),
            "big" => reply("x".repeat(params.get("bytes")?)),
            "wait_for_cancel" => {
                let key = key()?;
                say(&key, "started");
                context.cancelled().await;
                say(&key, "cancelled");
                Err(Error::cancelled())
            }
            "finish_on_cancel" => {
                say(&key()?, "started");
                context.cancelled().await;
                reply("finished all the same")
            }
            "never" => {
                let key = key()?;
                let _tell = Tell(key.clone());
                say(&key, "started");
                futures::future::pending().await
            }
            "block" | "hold_worker" => {
                let key = key()?;
                let _tell = Tell(key.clone());
                say(&key, "started");
                hears(&key, "release");
                say(&key, if context.is_cancelled() { "was cancelled" } else { "was not cancelled" });
                reply("released")
            }
            "thread_name" => reply(thread::current().name()),
            "late" => {
                let reports = context.clone();
                let key = key()?;
                thread::spawn(move || {
                    hears(&key, "release");
                    reports.progress(1, 1, "too late");
                    say(&key, if reports.is_cancelled() { "saw the end" } else { "saw no end" });
                });
                reply("done")
            }
            "steps" => {
                let n: u64 = params.get("n")?;
                for step in 1..=n {
                    context.progress(step, n, "step");
                    apex_plugin_sdk::tokio::task::yield_now().await;
                }
                reply(n)
            }
            "total" => reply(
                context
                    .update_state(|total: &mut u64| {
                        *total += 1;
                        *total
                    })
                    .await?,
            ),
            "log" => {
                let message = "x".repeat(params.optional("bytes")?.unwrap_or(0));
                for _ in 0..params.optional("count")?.unwrap_or(1) {
                    context.warn(if message.is_empty() { "something is odd" } else { &message });
                }
                reply(())
            }
            "script" | "blocking_script" => crate::ordering::play(params.parse()?, context).await,
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn execute_stream(self: Arc<Self>, action: &str, params: Params, context: Context) -> Result<Chunks> {
        let key = params.optional::<String>("key")?.unwrap_or_default();
        let tell = Tell(key.clone());
        match action {
            "count" | "blocking_count" => {
                let n: u64 = params.get("n")?;
                let fail_at: Option<u64> = params.optional("fail_at")?;
                Ok(Chunks::new(stream::iter(1..=n).map_with(tell, move |n| {
                    context.progress(n, 0, "counting");
                    match Some(n) == fail_at {
                        true => Err(Error::execution("out of numbers")),
                        false => Chunk::json(&n),
                    }
                })))
            }
            "endless" => Ok(Chunks::new(stream::iter(1u64..).map_with((tell, context), |n| Chunk::json(&n)))),
            "silent" => {
                let stream = stream::once(async move {
                    let _tell = tell;
                    say(&key, "started");
                    context.cancelled().await;
                    say(&key, "cancelled");
                    futures::future::pending::<Result<Chunk>>().await
                });
                Ok(Chunks::new(stream))
            }
            "blocking_silent" => {
                let stream = stream::once(async move {
                    let _tell = tell;
                    say(&key, "started");
                    hears(&key, "release");
                    Chunk::json(&1)
                });
                Ok(Chunks::new(stream))
            }
            "watched_bytes" => {
                let (n, size) = (params.get::<u8>("n")?, params.get::<usize>("size")?);
                Ok(Chunks::bytes(stream::iter((0..n).map(move |n| {
                    let chunk = vec![n; size];
                    PLACES.lock().unwrap_or_else(PoisonError::into_inner).push(chunk.as_ptr() as usize);
                    Ok(chunk)
                }))))
            }
            "bytes" => {
                let (n, size) = (params.get::<u8>("n")?, params.get::<usize>("size")?);
                Ok(Chunks::bytes(stream::iter((0..n).map(move |n| Ok(vec![n; size])))))
            }
            "bad_chunk" => {
                Ok(Chunks::new(stream::iter([Chunk::json(&1), Ok(Chunk::raw(b"{".to_vec())), Chunk::json(&3)])))
            }
            "panic_stream" => Ok(Chunks::new(stream::iter(1..=3).map_with((), |n| {
                assert!(n < 2, "on purpose");
                Chunk::json(&n)
            }))),
            "no_stream" => Err(Error::resource_not_found("nothing to stream")),
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn migrate_state(from: &str, mut state: Value) -> Result<Option<Value>> {
        match from {
            "0.9.0" => {
                state["migrated"] = true.into();
                Ok(Some(state))
            }
            "0.8.0" => Err(Error::execution("cannot read that")),
            _ => Ok(None),
        }
    }

    async fn shutdown(&self) -> Result<()> {
        say(&self.key, "shut down");
        match self.configuration["stop"].as_str() {
            Some("fail") => Err(Error::execution("cannot flush")),
            Some("never") => futures::future::pending().await,
            _ => Ok(()),
        }
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        say(&self.key, "plugin dropped");
    }
}

/// `map` with something that lives as long as the stream.
trait MapWith: futures::Stream + Sized {
    fn map_with<K: Send + 'static, T>(
        self,
        kept: K,
        mut map: impl FnMut(Self::Item) -> T + Send + 'static,
    ) -> impl futures::Stream<Item = T> + Send + 'static
    where
        Self: Send + 'static,
    {
        futures::StreamExt::map(self, move |item| {
            let _ = &kept;
            map(item)
        })
    }
}

impl<S: futures::Stream> MapWith for S {}

pub(crate) fn manifest() -> Document {
    let action = |name: &str, more: Value| {
        let mut action = json!({"name": name, "description": "For tests.", "parameters_schema": {"type": "object"}});
        action.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        action
    };
    let simple = [
        "configuration",
        "whoami",
        "fail",
        "panic",
        "not_json",
        "big",
        "wait_for_cancel",
        "finish_on_cancel",
        "never",
        "hold_worker",
        "late",
        "steps",
        "total",
        "log",
        "script",
    ];
    let blocking = ["block", "thread_name", "blocking_script"];
    let streaming = ["count", "endless", "silent", "bytes", "watched_bytes", "bad_chunk", "panic_stream", "no_stream"];
    let mut actions: Vec<_> = simple.iter().map(|name| action(name, json!({}))).collect();
    actions.extend(blocking.iter().map(|name| action(name, json!({"blocking": true}))));
    actions.extend(streaming.iter().map(|name| action(name, json!({"returns_stream": true}))));
    for name in ["blocking_count", "blocking_silent"] {
        actions.push(action(name, json!({"returns_stream": true, "blocking": true})));
    }
    actions.push(json!({"name": "echo", "description": "Echoes.", "timeout_ms": 60000, "parameters": [
        {"name": "text", "type": "string", "required": true},
        {"name": "times", "type": "integer", "default": 1, "minimum": 1},
    ]}));
    Document::from_value(json!({
        "name": "Probe", "id": "com.apexagent.tests.probe", "version": "1.0.0", "description": "For tests.",
        "author": "Tests", "entry_point": "probe::Probe", "actions": actions,
        "configuration_schema": {"properties": {
            "key": {"type": "string"}, "start": {"type": "string"}, "stop": {"type": "string"},
            "depth": {"type": "integer", "default": 3},
        }},
    }))
    .unwrap()
}

pub(crate) fn loaded() -> Loaded {
    Loaded::linked(manifest(), linked::<Probe>())
}

/// An instance with these options.
pub(crate) fn start_with(options: InstanceOptions) -> Instance {
    Instance::start_blocking(loaded(), options).unwrap()
}

pub(crate) fn start() -> Instance {
    start_with(InstanceOptions::default())
}
