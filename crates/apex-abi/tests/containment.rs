//! What crosses the boundary, and that nothing unwinds across it (R6.9, R6.7).
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use apex_abi::{
    AbiError, CallBox, CallObject, Chunk, ChunkStreamBox, Chunks, Export, FfiFuture, FfiFutureExt, HostBox, HostObject,
    LoadedState, PluginBox, PluginError, PluginModule, PluginObject, ROption, RResult, RString, RVec, ReadResource,
    SavedState, call_box, contain, contained, contained_stream, host_box, outcome, plugin_box,
};
use apex_meta::ErrorKind;
use futures::{StreamExt, executor::block_on, stream};

/// A panic payload whose own drop panics.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the payload's drop");
    }
}

/// Panics when it is dropped.
struct Grenade(&'static str);

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Collects what nobody was left to hear of.
#[derive(Clone, Default)]
struct Lost(Arc<Mutex<Vec<String>>>);

impl Lost {
    fn keep(&self) -> impl FnOnce(PluginError) + Send + use<> {
        let list = self.0.clone();
        move |error| list.lock().unwrap().push(error.message)
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

fn message<T: std::fmt::Debug>(result: Result<T, PluginError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::PluginPanicked);
    error.message
}

#[test]
fn a_panic_keeps_its_message_whatever_its_payload_is() {
    assert_eq!(message(contain(|| panic!("plain"))), "panicked: plain");
    assert_eq!(message(contain(|| panic!("{} {}", "with", 1))), "panicked: with 1");
    let bomb = contain(|| std::panic::panic_any(Bomb));
    assert_eq!(message::<()>(bomb), "panicked: with a payload that is not text");
}

#[test]
fn a_panic_in_a_poll_is_the_calls_error() {
    let future = contained::<u8>(async { panic!("in a poll") }, |_| ());
    assert_eq!(message(block_on(outcome(future))), "panicked: in a poll");
}

#[test]
fn a_panic_in_the_drop_of_a_finished_future_is_the_calls_error() {
    struct Finished(#[expect(dead_code, reason = "dropped, not read")] Grenade);
    impl Future for Finished {
        type Output = Result<u8, PluginError>;
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
            Poll::Ready(Ok(1))
        }
    }
    let lost = Lost::default();
    let future = contained(Finished(Grenade("after the end")), lost.keep());
    assert_eq!(message(block_on(outcome(future))), "panicked: after the end");
    assert!(lost.all().is_empty(), "told once is enough");
}

#[test]
fn a_panic_in_the_drop_of_a_future_that_was_given_up_is_told_to_those_who_listen() {
    let lost = Lost::default();
    let grenade = Grenade("given up");
    let future = contained::<u8>(
        async move {
            let _held = grenade;
            std::future::pending().await
        },
        lost.keep(),
    );
    drop(future);
    assert_eq!(lost.all(), ["panicked: given up"]);
    // And if telling panics as well, that is the end of it.
    drop(contained::<u8>(
        async move {
            let _held = Grenade("again");
            std::future::pending().await
        },
        |_| panic!("while telling"),
    ));
}

#[test]
fn a_future_that_is_polled_after_its_end_says_so() {
    let mut future = contained(async { Ok(1) }, |_| ());
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut future).poll(&mut context).is_ready());
    let Poll::Ready(RResult::RErr(error)) = Pin::new(&mut future).poll(&mut context) else { panic!("no error") };
    assert_eq!(PluginError::from(error).kind, ErrorKind::ProtocolViolation);
}

#[test]
fn a_future_of_foreign_make_that_panics_is_an_error_too() {
    let future = async { panic!("not contained") }.into_ffi();
    let result: Result<u8, _> = block_on(outcome(future));
    assert_eq!(result.unwrap_err().kind, ErrorKind::PluginPanicked);
}

fn numbers(count: u8) -> impl futures::Stream<Item = Result<Chunk, PluginError>> + Send {
    stream::iter((0..count).map(|n| Ok(Chunk::Bytes(vec![n].into()))))
}

fn collect(stream: ChunkStreamBox) -> Vec<Result<Chunk, PluginError>> {
    block_on(Chunks::new(stream).collect())
}

#[test]
fn chunks_cross_in_order_and_end() {
    let chunks = collect(contained_stream(numbers(3), |_| ()));
    let expected: Vec<_> = (0..3).map(|n| Ok(Chunk::Bytes(vec![n].into()))).collect();
    assert_eq!(chunks, expected);
}

#[test]
fn an_error_ends_a_stream_and_so_does_a_panic() {
    let failed = stream::iter([Err(PluginError::new(ErrorKind::Execution, "midway")), Ok(Chunk::Json(RVec::new()))]);
    let chunks = collect(contained_stream(numbers(1).chain(failed), |_| ()));
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[1].clone().unwrap_err().message, "midway");

    let panics = stream::poll_fn(|_| panic!("in poll_next"));
    let chunks = collect(contained_stream(numbers(2).chain(panics), |_| ()));
    assert_eq!(chunks.len(), 3);
    assert_eq!(message(chunks[2].clone()), "panicked: in poll_next");
}

#[test]
fn a_panic_in_the_drop_of_an_ended_stream_is_its_last_item() {
    let grenade = Grenade("stream's drop");
    let held = stream::poll_fn(move |_| {
        let _held = &grenade;
        Poll::Ready(None)
    });
    let lost = Lost::default();
    let chunks = collect(contained_stream(numbers(1).chain(held), lost.keep()));
    assert_eq!(chunks.len(), 2);
    assert_eq!(message(chunks[1].clone()), "panicked: stream's drop");
    assert!(lost.all().is_empty());
}

#[test]
fn dropping_a_stream_drops_the_producer_and_tells_of_its_panic() {
    let drops = Arc::new(AtomicUsize::new(0));
    let counter = Counted(drops.clone());
    let producer = stream::poll_fn(move |_| {
        let _held = &counter;
        Poll::Pending
    });
    let stream = Chunks::new(contained_stream(producer, |_| ()));
    assert_eq!(drops.load(Ordering::SeqCst), 0);
    drop(stream);
    assert_eq!(drops.load(Ordering::SeqCst), 1);

    let lost = Lost::default();
    let grenade = Grenade("given up");
    let producer = stream::poll_fn(move |_| {
        let _held = &grenade;
        Poll::Pending
    });
    drop(contained_stream(producer, lost.keep()));
    assert_eq!(lost.all(), ["panicked: given up"]);
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A plugin and a host that panic wherever they can, without containing anything themselves.
struct Careless;

impl PluginObject for Careless {
    fn initialize(&self, _: HostBox, _: RVec<u8>) -> FfiFuture<RResult<(), AbiError>> {
        panic!("initialize")
    }
    fn execute(&self, _: CallBox, _: RString, _: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>> {
        panic!("execute")
    }
    fn execute_stream(&self, _: CallBox, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ChunkStreamBox, AbiError>> {
        panic!("execute_stream")
    }
    fn migrate_state(&self, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>> {
        panic!("migrate_state")
    }
    fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>> {
        panic!("shutdown")
    }
}

impl HostObject for Careless {
    fn log(&self, _: u8, _: RString, _: RString, _: RVec<u8>) {
        panic!("log")
    }
    fn load_state(&self, _: RString) -> FfiFuture<LoadedState> {
        panic!("load_state")
    }
    fn save_state(&self, _: RString, _: u64, _: RVec<u8>) -> FfiFuture<SavedState> {
        panic!("save_state")
    }
    fn read_resource(&self, _: RString) -> FfiFuture<ReadResource> {
        panic!("read_resource")
    }
}

impl CallObject for Careless {
    fn progress(&self, _: ROption<f64>, _: RString, _: RVec<u8>) {
        panic!("progress")
    }
    fn is_cancelled(&self) -> bool {
        panic!("is_cancelled")
    }
    fn cancelled(&self) -> FfiFuture<()> {
        panic!("cancelled")
    }
    fn remaining_ms(&self) -> ROption<u64> {
        panic!("remaining_ms")
    }
    fn context(&self) -> RVec<u8> {
        panic!("context")
    }
    fn log(&self, _: u8, _: RString, _: RString, _: RVec<u8>) {
        panic!("log")
    }
    fn load_state(&self, _: RString) -> FfiFuture<LoadedState> {
        panic!("load_state")
    }
    fn save_state(&self, _: RString, _: u64, _: RVec<u8>) -> FfiFuture<SavedState> {
        panic!("save_state")
    }
    fn read_resource(&self, _: RString) -> FfiFuture<ReadResource> {
        panic!("read_resource")
    }
}

impl Drop for Careless {
    fn drop(&mut self) {
        panic!("drop");
    }
}

impl Export for Careless {
    fn type_name() -> &'static str {
        panic!("type_name")
    }
    fn create() -> Result<PluginBox, PluginError> {
        panic!("create")
    }
}

#[test]
fn the_constructor_and_every_method_and_the_drop_of_a_plugin_are_guarded() {
    let module = PluginModule::linked::<Careless>();
    assert_eq!(module.type_name(), "");
    assert_eq!(message(module.create().map(drop)), "panicked: create");

    let plugin = plugin_box(Careless);
    let (host, call) = (host_box(Careless), || call_box(Careless));
    let (text, bytes) = (RString::new, RVec::new);
    assert_eq!(message(block_on(outcome(plugin.initialize(host, bytes())))), "panicked: initialize");
    assert_eq!(message(block_on(outcome(plugin.execute(call(), text(), bytes())))), "panicked: execute");
    let stream = block_on(outcome(plugin.execute_stream(call(), text(), bytes())));
    assert_eq!(message(stream.map(drop)), "panicked: execute_stream");
    assert_eq!(message(block_on(outcome(plugin.migrate_state(text(), bytes())))), "panicked: migrate_state");
    assert_eq!(message(block_on(outcome(plugin.shutdown()))), "panicked: shutdown");
}

#[test]
fn the_hosts_objects_are_guarded_and_answer_with_the_least() {
    let host = host_box(Careless);
    host.log(1, RString::new(), RString::new(), RVec::new());
    assert_eq!(message(block_on(outcome(host.load_state(RString::new())))), "panicked: load_state");
    assert_eq!(message(block_on(outcome(host.save_state(RString::new(), 0, RVec::new())))), "panicked: save_state");
    assert_eq!(message(block_on(outcome(host.read_resource(RString::new())))), "panicked: read_resource");

    let call = call_box(Careless);
    call.progress(ROption::RNone, RString::new(), RVec::new());
    call.log(1, RString::new(), RString::new(), RVec::new());
    assert!(!call.is_cancelled());
    assert_eq!(call.remaining_ms(), ROption::RNone);
    assert!(call.context().is_empty());
    assert_eq!(message(block_on(outcome(call.load_state(RString::new())))), "panicked: load_state");
    assert_eq!(message(block_on(outcome(call.save_state(RString::new(), 0, RVec::new())))), "panicked: save_state");
    assert_eq!(message(block_on(outcome(call.read_resource(RString::new())))), "panicked: read_resource");
    let mut cancelled = call.cancelled();
    assert!(Pin::new(&mut cancelled).poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
}
