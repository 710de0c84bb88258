//! Property: progress arrives in the order of each reporter and never after the one end, whatever the plugin does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    thread,
};

use apex_exec::{CallEvent, CallRequest, Instance};
use apex_meta::Progress;
use apex_plugin_sdk::{Context, Error, Reply, Result, reply, tokio::task::yield_now};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::probe::{hears, start};

/// What the plugin is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Report from within the call.
    Report(f64),
    /// Let others go on.
    Yield,
    /// Start a thread that reports so many times; it may well go on after the end.
    Thread(u8),
    /// Wait until all threads are through.
    Join,
    /// Wait for a key's release.
    Hear(String),
    Fail,
    Panic,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Script {
    steps: Vec<Step>,
}

pub(crate) async fn play(script: Script, context: &Context) -> Result<Reply> {
    let (mut threads, mut reporter) = (Vec::new(), 0);
    for (number, step) in script.steps.into_iter().enumerate() {
        match step {
            Step::Report(percentage) => report(context, 0, number, percentage),
            Step::Yield => yield_now().await,
            Step::Thread(count) => {
                reporter += 1;
                let context = context.clone();
                threads.push(thread::spawn(move || {
                    (0..count).for_each(|number| report(&context, reporter, number.into(), 0.0));
                }));
            }
            Step::Join => threads.drain(..).for_each(|thread| thread.join().unwrap()),
            Step::Hear(key) => _ = hears(&key, "release"),
            Step::Fail => return Err(Error::execution("on purpose")),
            Step::Panic => panic!("on purpose"),
        }
    }
    reply(true)
}

fn report(context: &Context, reporter: u32, number: usize, percentage: f64) {
    let details = Map::from_iter([("by".to_owned(), json!(reporter)), ("number".to_owned(), json!(number))]);
    context.report_progress(&Progress { details, ..Progress::percent(percentage) });
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0.0..100.0).prop_map(Step::Report),
        3 => Just(Step::Yield),
        2 => (1u8..8).prop_map(Step::Thread),
        1 => Just(Step::Join),
        1 => Just(Step::Fail),
        1 => Just(Step::Panic),
    ];
    prop::collection::vec(step, 0..20)
}

/// Checks the order of each reporter's numbers.
#[derive(Default)]
struct Seen(HashMap<u64, u64>);

impl Seen {
    fn take(&mut self, progress: &Progress) {
        let (by, number) = (progress.details["by"].as_u64().unwrap(), progress.details["number"].as_u64().unwrap());
        let before = self.0.insert(by, number);
        assert!(before.is_none_or(|before| before < number), "reporter {by}: {number} after {before:?}");
    }
}

fn ending(steps: &[Step]) -> Option<&'static str> {
    steps.iter().find_map(|step| match step {
        Step::Fail => Some("Execution"),
        Step::Panic => Some("PluginPanicked"),
        _ => None,
    })
}

fn check_events(instance: &Instance, request: CallRequest, steps: &[Step]) {
    let mut events = instance.events_blocking(request);
    let mut seen = Seen::default();
    loop {
        match events.next() {
            Some(CallEvent::Progress(progress)) => seen.take(&progress),
            Some(CallEvent::Done(result)) => {
                assert_eq!((result, ending(steps)), (Value::Bool(true), None));
                break;
            }
            Some(CallEvent::Failed(error)) => {
                assert_eq!(Some(error.code()), ending(steps));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    for _ in 0..10 {
        assert!(events.next().is_none(), "nothing follows the end");
        thread::yield_now();
    }
}

fn check_sink(instance: &Instance, request: CallRequest, steps: &[Step]) {
    let seen = Arc::new(Mutex::new((Seen::default(), false)));
    let sink = Arc::clone(&seen);
    let request = request.progress(Arc::new(move |progress: &Progress| {
        let mut seen = sink.lock().unwrap();
        assert!(!seen.1, "progress after the end");
        seen.0.take(progress);
    }));
    let result = instance.result_blocking(request);
    seen.lock().unwrap().1 = true;
    assert_eq!(result.err().map(|error| error.code()), ending(steps));
    thread::yield_now();
    assert!(seen.lock().is_ok(), "the sink panicked");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn progress_is_in_order_and_never_after_the_one_end(steps in steps()) {
        // R6.6
        thread_local!(static INSTANCE: Instance = start());
        INSTANCE.with(|instance| {
            for action in ["script", "blocking_script"] {
                let request = CallRequest::new(action).params(json!({"steps": steps}));
                check_events(instance, request.clone(), &steps);
                check_sink(instance, request, &steps);
            }
        });
    }
}
