//! Panics in every place where an author's code runs, and streams that stop (R6.7, R6.9).

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Waker},
};

use crate::host::{FakeHost, Running};
use apex_abi::{Chunk as AbiChunk, PluginError, host_box, outcome};
use apex_plugin_sdk::{
    Chunk, Chunks, Context, Error, ErrorKind, Host, Params, Plugin, Reply, Result, async_trait, linked, reply,
    serde_json::json,
};
use futures::{
    StreamExt,
    executor::{block_on, block_on_stream},
    stream,
};

struct Grenade(&'static str);

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload's drop");
    }
}

struct Clumsy {
    #[expect(dead_code, reason = "dropped, not read")]
    held: Option<Grenade>,
    bad_end: bool,
}

#[async_trait]
impl Plugin for Clumsy {
    async fn initialize(host: &Host) -> Result<Self> {
        let mode: String = host.configuration()?;
        match mode.as_str() {
            "panic" => panic!("in initialize"),
            mode => Ok(Self { held: (mode == "drop").then(|| Grenade("the plugin's drop")), bad_end: mode == "end" }),
        }
    }

    async fn execute(&self, action: &str, _: Params, _: &Context) -> Result<Reply> {
        match action {
            "panic" => panic!("in execute"),
            "bomb" => std::panic::panic_any(Bomb),
            "wait" => {
                let _held = Grenade("the future's drop");
                std::future::pending::<Result<Reply>>().await
            }
            "fine" => reply("fine"),
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn execute_stream(self: Arc<Self>, action: &str, _: Params, _: Context) -> Result<Chunks> {
        let numbers = stream::iter(0_u32..).map(Ok);
        match action {
            "start" => panic!("before the stream"),
            "numbers" => Ok(Chunks::json(numbers)),
            "bytes" => Ok(Chunks::bytes(stream::iter([Ok(vec![0, 255]), Ok(Vec::new())]))),
            "panic" => Ok(Chunks::json(numbers.map(|n| match n {
                Ok(2) => panic!("in poll_next"),
                n => n,
            }))),
            "fail" => Ok(Chunks::json(numbers.map(|n| match n {
                Ok(2) => Err(Error::execution("midway")),
                n => n,
            }))),
            "grenade" => {
                let held = Grenade("the stream's drop");
                Ok(Chunks::new(numbers.take(1).map(move |_| {
                    let _held = &held;
                    Ok(Chunk::raw(b"1".to_vec()))
                })))
            }
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn migrate_state(_: &str, _: serde_json::Value) -> Result<Option<serde_json::Value>> {
        panic!("in migrate_state")
    }

    async fn shutdown(&self) -> Result<()> {
        if self.bad_end {
            panic!("in shutdown");
        }
        Ok(())
    }
}

fn clumsy() -> Running {
    Running::start::<Clumsy>(&json!("")).unwrap().0
}

fn panicked<T>(result: std::result::Result<T, PluginError>) -> String {
    let error = result.map(drop).unwrap_err();
    assert_eq!(error.kind, ErrorKind::PluginPanicked);
    error.message
}

#[test]
fn a_panic_in_initialize_execute_migration_or_shutdown_is_the_calls_error() {
    let error = Running::start::<Clumsy>(&json!("panic")).map(drop);
    assert_eq!(panicked(error), "panicked: in initialize");

    let clumsy = clumsy();
    assert_eq!(panicked(clumsy.call("panic", &json!({}))), "panicked: in execute");
    assert_eq!(panicked(clumsy.call("bomb", &json!({}))), "panicked: with a payload that is not text");
    assert_eq!(panicked(clumsy.stream("start", &json!({}))), "panicked: before the stream");
    let migrate = clumsy.plugin.migrate_state("1.0.0".into(), b"1".to_vec().into());
    assert_eq!(panicked(block_on(outcome(migrate))), "panicked: in migrate_state");
    assert_eq!(clumsy.call("fine", &json!({})).unwrap(), "fine", "the instance lives on");

    let (bad_end, _canceller) = Running::start::<Clumsy>(&json!("end")).unwrap();
    assert_eq!(panicked(block_on(outcome(bad_end.plugin.shutdown()))), "panicked: in shutdown");
}

#[test]
fn a_panic_in_the_drop_of_a_call_that_was_given_up_is_logged() {
    let clumsy = clumsy();
    let mut call = clumsy.begin("wait", &json!({}));
    assert!(Pin::new(&mut call).poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
    drop(call);
    assert_eq!(clumsy.log(), ["panicked: the future's drop after nobody waited any more"]);
}

#[test]
fn a_panic_in_the_plugins_drop_is_the_error_of_its_shutdown_or_logged() {
    let (clumsy, _canceller) = Running::start::<Clumsy>(&json!("drop")).unwrap();
    assert_eq!(panicked(block_on(outcome(clumsy.plugin.shutdown()))), "panicked: the plugin's drop");

    let (host, _canceller) = FakeHost::new();
    let plugin = linked::<Clumsy>().create().unwrap();
    block_on(outcome(plugin.initialize(host_box(host.clone()), br#""drop""#.to_vec().into()))).unwrap();
    drop(plugin);
    let log = &host.heard.lock().unwrap().log;
    assert_eq!(log[0].1, "panicked: the plugin's drop after nobody waited any more");
}

#[test]
fn chunks_are_json_or_bytes_in_order() {
    let clumsy = clumsy();
    let numbers: Vec<_> = block_on_stream(clumsy.stream("numbers", &json!({})).unwrap()).take(3).collect();
    let expected: Vec<_> = ["0", "1", "2"].map(|n| Ok(AbiChunk::Json(n.as_bytes().to_vec().into()))).into();
    assert_eq!(numbers, expected);
    let bytes: Vec<_> = block_on_stream(clumsy.stream("bytes", &json!({})).unwrap()).collect();
    assert_eq!(bytes, [Ok(AbiChunk::Bytes(vec![0, 255].into())), Ok(AbiChunk::Bytes(Vec::new().into()))]);
}

#[test]
fn errors_and_panics_midway_reach_the_consumer_and_end_the_stream() {
    let clumsy = clumsy();
    let failed: Vec<_> = block_on_stream(clumsy.stream("fail", &json!({})).unwrap()).collect();
    assert_eq!(failed.len(), 3);
    assert_eq!(failed[2].clone().unwrap_err().message, "midway");
    let broken: Vec<_> = block_on_stream(clumsy.stream("panic", &json!({})).unwrap()).collect();
    assert_eq!(broken.len(), 3);
    assert_eq!(panicked(broken[2].clone()), "panicked: in poll_next");
    let dropped: Vec<_> = block_on_stream(clumsy.stream("grenade", &json!({})).unwrap()).collect();
    assert_eq!(dropped.len(), 2);
    assert_eq!(panicked(dropped[1].clone()), "panicked: the stream's drop");
}

#[test]
fn a_panic_in_the_drop_of_a_stream_that_was_given_up_is_logged() {
    let clumsy = clumsy();
    drop(clumsy.stream("grenade", &json!({})).unwrap());
    assert_eq!(clumsy.log(), ["panicked: the stream's drop after nobody waited any more"]);
}

#[test]
fn every_producer_stops_when_its_consumer_does() {
    struct Counting(Arc<AtomicUsize>);
    struct Producer(Arc<AtomicUsize>);
    impl Drop for Producer {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    static DROPPED: std::sync::OnceLock<Arc<AtomicUsize>> = std::sync::OnceLock::new();
    #[async_trait]
    impl Plugin for Counting {
        async fn initialize(_: &Host) -> Result<Self> {
            Ok(Self(DROPPED.get_or_init(Arc::default).clone()))
        }
        async fn execute_stream(self: Arc<Self>, _: &str, _: Params, _: Context) -> Result<Chunks> {
            let producer = Producer(self.0.clone());
            Ok(Chunks::json(stream::repeat_with(move || {
                let _held = &producer;
                Ok(1)
            })))
        }
    }
    let (counting, _canceller) = Running::start::<Counting>(&json!({})).unwrap();
    let dropped = DROPPED.get_or_init(Arc::default);
    let mut stream = block_on_stream(counting.stream("any", &json!({})).unwrap());
    assert!(stream.next().is_some());
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(stream);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}
