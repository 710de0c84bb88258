//! What the host offers to a plugin.

use std::sync::{Arc, Mutex};

use apex_abi::{LogLevel, PluginError, StateScope};
use apex_exec::{CallRequest, HostServices, Instance, InstanceOptions, Limits, LogLine};
use apex_meta::{CallContext, ErrorKind};
use async_trait::async_trait;
use serde_json::{Value, json};

use crate::probe::{start, start_with};

struct Memory {
    state: Mutex<Option<(u64, Value)>>,
    lines: Mutex<Vec<String>>,
    calls: Mutex<Vec<u64>>,
    wanted: Option<LogLevel>,
    panics: bool,
}

impl Default for Memory {
    fn default() -> Self {
        let (state, lines, calls) = Default::default();
        Self { state, lines, calls, wanted: Some(LogLevel::Trace), panics: false }
    }
}

#[async_trait]
impl HostServices for Memory {
    async fn load_state(&self, _: StateScope, _: &CallContext) -> Result<Option<(u64, Value)>, PluginError> {
        assert!(!self.panics, "on purpose");
        // Needs the host's runtime, wherever the plugin is polled.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        Ok(self.state.lock().unwrap().clone())
    }

    async fn save_state(&self, _: StateScope, _: &CallContext, expected: u64, data: Value) -> Result<u64, PluginError> {
        let mut state = self.state.lock().unwrap();
        let generation = state.as_ref().map_or(0, |(generation, _)| *generation);
        if generation != expected {
            return Err(PluginError::new(ErrorKind::StateConflict, "saved by somebody else"));
        }
        *state = Some((generation + 1, data));
        Ok(generation + 1)
    }

    fn log(&self, line: &LogLine<'_>) {
        assert!(!self.panics, "on purpose");
        let user = line.context.user.as_deref();
        self.calls.lock().unwrap().extend(line.call);
        self.lines.lock().unwrap().push(format!("{} {:?} {user:?}: {}", line.level, line.action, line.message));
    }

    fn log_level(&self) -> Option<LogLevel> {
        self.wanted
    }
}

#[test]
fn state_and_log_reach_the_host_with_the_context_of_the_call() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let services = Arc::new(Memory::default());
    let options =
        InstanceOptions { services: Arc::clone(&services) as Arc<dyn HostServices>, ..InstanceOptions::default() };
    let instance =
        runtime.block_on(async { apex_exec::Instance::start(crate::probe::loaded(), options).await }).unwrap();
    for total in 1..=3 {
        assert_eq!(runtime.block_on(instance.result(CallRequest::new("total"))).unwrap(), total);
    }
    // The host's services find the host's runtime even when the caller has none.
    assert_eq!(instance.result_blocking(CallRequest::new("total")).unwrap(), 4);
    let context = CallContext { user: Some("ada".into()), ..CallContext::default() };
    instance.result_blocking(CallRequest::new("log").context(context)).unwrap();
    assert_eq!(*services.lines.lock().unwrap(), [r#"warn Some("log") Some("ada"): something is odd"#]);
}

#[test]
fn a_panic_of_the_host_does_not_cross() {
    let services = Arc::new(Memory { panics: true, ..Memory::default() });
    let instance = start_with(InstanceOptions { services, ..InstanceOptions::default() });
    instance.result_blocking(CallRequest::new("total")).unwrap_err();
    assert!(instance.result_blocking(CallRequest::new("log")).is_ok());
}

#[test]
fn a_host_without_state_says_so() {
    let error = start().result_blocking(CallRequest::new("total")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StateIo);
}

fn logging(memory: Memory, limits: Limits) -> (Arc<Memory>, Instance) {
    let memory = Arc::new(memory);
    let services = Arc::clone(&memory) as Arc<dyn HostServices>;
    (memory, start_with(InstanceOptions { services, limits, ..InstanceOptions::default() }))
}

fn log(instance: &Instance, count: u64, bytes: usize) {
    instance.result_blocking(CallRequest::new("log").params(json!({"count": count, "bytes": bytes}))).unwrap();
}

#[test]
fn a_flood_of_log_lines_is_bounded_and_counted() {
    // Row 79: also within one second, and whatever comes next gets through again.
    let (memory, instance) = logging(Memory::default(), Limits { log_lines_per_second: 50, ..Limits::default() });
    log(&instance, 10_000, 0);
    let passed = memory.lines.lock().unwrap().len() as u64;
    assert!((50..10_000).contains(&passed), "{passed} lines");
    assert_eq!(instance.log_lines_left_out(), 10_000 - passed);
}

#[test]
fn long_lines_are_cut_and_long_fields_left_out() {
    let (memory, instance) = logging(Memory::default(), Limits { max_log_bytes: 100, ..Limits::default() });
    log(&instance, 1, 5_000);
    let lines = memory.lines.lock().unwrap();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].len() < 200, "{}", lines[0]);
}

#[test]
fn levels_that_the_host_does_not_want_are_not_counted_either() {
    let limits = || Limits { log_lines_per_second: 1, ..Limits::default() };
    for wanted in [None, Some(LogLevel::Error)] {
        let (memory, instance) = logging(Memory { wanted, ..Memory::default() }, limits());
        log(&instance, 5, 0);
        assert_eq!((memory.lines.lock().unwrap().len(), instance.log_lines_left_out()), (0, 0), "{wanted:?}");
    }
}

#[test]
fn lines_of_one_call_have_its_number_and_no_other_has_it() {
    let (memory, instance) = logging(Memory::default(), Limits::default());
    log(&instance, 2, 0);
    log(&instance, 1, 0);
    let calls = memory.calls.lock().unwrap();
    assert_eq!(calls[0], calls[1]);
    assert_ne!(calls[0], calls[2]);
}
