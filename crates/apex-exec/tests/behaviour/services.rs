//! What the host offers to a plugin.

use std::sync::{Arc, Mutex};

use apex_abi::{PluginError, StateScope};
use apex_exec::{CallRequest, HostServices, InstanceOptions, LogLine};
use apex_meta::{CallContext, ErrorKind};
use async_trait::async_trait;
use serde_json::Value;

use crate::probe::{start, start_with};

#[derive(Default)]
struct Memory {
    state: Mutex<Option<(u64, Value)>>,
    lines: Mutex<Vec<String>>,
    panics: bool,
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
        self.lines.lock().unwrap().push(format!("{} {:?} {user:?}: {}", line.level, line.action, line.message));
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
