//! A host in memory, behind the objects that plugins talk to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use apex_abi::{
    AbiError, CallBox, CallObject, FfiFuture, FfiFutureExt as _, HostObject, LoadedState, LogLevel, ROption, RString,
    RVec, ReadResource, SavedState, StateRecord, StateScope, call_box,
};
use apex_meta::{CallContext, ErrorKind, Progress};
use futures::{
    FutureExt as _,
    channel::oneshot,
    future::{Shared, pending, ready},
};
use serde_json::Value;

use super::refused;

/// A host in memory; its clones are the same host.
#[derive(Clone)]
pub(super) struct MemoryHost {
    memory: Arc<Mutex<Memory>>,
    cancelled: Shared<oneshot::Receiver<()>>,
}

struct Memory {
    log: Vec<(LogLevel, String)>,
    progress: Vec<Progress>,
    states: HashMap<String, StateRecord>,
    resources: HashMap<String, Vec<u8>>,
    refused_saves: usize,
    context: CallContext,
    cancel: Option<oneshot::Sender<()>>,
}

impl Default for MemoryHost {
    fn default() -> Self {
        let (cancel, cancelled) = oneshot::channel();
        let memory = Memory {
            log: Vec::new(),
            progress: Vec::new(),
            states: HashMap::new(),
            resources: HashMap::new(),
            refused_saves: 0,
            context: CallContext::default(),
            cancel: Some(cancel),
        };
        Self { memory: Arc::new(Mutex::new(memory)), cancelled: cancelled.shared() }
    }
}

impl MemoryHost {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn call(&self) -> CallBox {
        call_box(self.clone())
    }

    pub(super) fn set_context(&self, context: CallContext) {
        self.memory().context = context;
    }

    pub(super) fn cancel(&self) {
        // Nobody may be listening, and a second time is like the first.
        _ = self.memory().cancel.take().map(|cancel| cancel.send(()));
    }

    pub(super) fn progress(&self) -> Vec<Progress> {
        self.memory().progress.clone()
    }

    pub(super) fn log_lines(&self) -> Vec<(LogLevel, String)> {
        self.memory().log.clone()
    }

    pub(super) fn state(&self, scope: StateScope) -> Option<Value> {
        let memory = self.memory();
        let record = memory.states.get(&memory.place(scope.as_str()).ok()?)?;
        serde_json::from_slice(&record.data).ok()
    }

    pub(super) fn set_state(&self, state: &Value) {
        let mut memory = self.memory();
        let place = StateScope::Global.as_str().to_owned();
        let generation = memory.states.get(&place).map_or(0, |record| record.generation) + 1;
        memory.states.insert(place, StateRecord { generation, data: super::bytes(state) });
    }

    pub(super) fn set_resource(&self, path: &str, bytes: &[u8]) {
        self.memory().resources.insert(path.to_owned(), bytes.to_owned());
    }

    pub(super) fn refuse_saves(&self, number: usize) {
        self.memory().refused_saves = number;
    }
}

impl Memory {
    /// The name of a scope's state: tenant and user are those of the call.
    fn place(&self, scope: &str) -> Result<String, AbiError> {
        let name = match scope.parse() {
            Ok(StateScope::Global) => return Ok(scope.to_owned()),
            Ok(StateScope::Tenant) => &self.context.tenant,
            Ok(StateScope::User) => &self.context.user,
            _ => &None,
        };
        let name = name.as_ref().ok_or_else(|| refused(ErrorKind::StateIo, &format!("the call names no {scope}")))?;
        Ok(format!("{scope} {name}"))
    }

    fn load(&self, scope: &str) -> Result<Option<StateRecord>, AbiError> {
        Ok(self.states.get(&self.place(scope)?).cloned())
    }

    fn save(&mut self, scope: &str, expected: u64, data: RVec<u8>) -> Result<u64, AbiError> {
        let place = self.place(scope)?;
        let generation = self.states.get(&place).map_or(0, |record| record.generation);
        if self.refused_saves > 0 {
            self.refused_saves -= 1;
            self.states.entry(place).and_modify(|record| record.generation += 1);
            return Err(refused(ErrorKind::StateConflict, "somebody else saved in between").into());
        }
        if generation != expected {
            return Err(refused(ErrorKind::StateConflict, "not the generation that was expected").into());
        }
        self.states.insert(place, StateRecord { generation: generation + 1, data });
        Ok(generation + 1)
    }
}

impl HostObject for MemoryHost {
    fn log(&self, level: u8, _: RString, message: RString, _: RVec<u8>) {
        self.memory().log.push((LogLevel::from_number(level), message.into_string()));
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        let loaded = self.memory().load(&scope).map(ROption::from);
        ready(loaded.into()).into_ffi()
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        let saved = self.memory().save(&scope, expected, data);
        ready(saved.into()).into_ffi()
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        let read = self.memory().resources.get(path.as_str()).cloned().map(RVec::from);
        let absent = || refused(ErrorKind::ResourceNotFound, &format!("the plugin has no file `{path}`")).into();
        ready(read.ok_or_else(absent).into()).into_ffi()
    }
}

impl CallObject for MemoryHost {
    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        HostObject::read_resource(self, path)
    }

    fn progress(&self, percentage: ROption<f64>, message: RString, details: RVec<u8>) {
        let message = (!message.is_empty()).then(|| message.into_string());
        let details = serde_json::from_slice(&details).unwrap_or_default();
        self.memory().progress.push(Progress { percentage: percentage.into_option(), message, details });
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.peek().is_some_and(Result::is_ok)
    }

    fn cancelled(&self) -> FfiFuture<()> {
        let cancelled = self.cancelled.clone();
        async move {
            // A host that is gone cancels nothing.
            if cancelled.await.is_err() {
                pending::<()>().await;
            }
        }
        .into_ffi()
    }

    fn remaining_ms(&self) -> ROption<u64> {
        ROption::RNone
    }

    fn context(&self) -> RVec<u8> {
        serde_json::to_vec(&self.memory().context).unwrap_or_default().into()
    }

    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        HostObject::log(self, level, target, message, fields);
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        HostObject::load_state(self, scope)
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        HostObject::save_state(self, scope, expected, data)
    }
}
