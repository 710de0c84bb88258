//! A host in memory that speaks to plugins over the real objects, with no runtime of its own.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use apex_abi::{
    AbiError, CallBox, CallObject, Chunks, FfiFuture, FfiFutureExt, HostObject, LoadedState, LogLevel, Outcome,
    PluginBox, PluginError, PluginModule, ROption, RString, RVec, SavedState, StateRecord, call_box, host_box, outcome,
};
use apex_meta::{CallContext, ErrorKind};
use apex_plugin_sdk::{Plugin, linked};
use futures::{channel::oneshot, executor::block_on, future::Shared};
use serde_json::Value;

/// What a fake host has heard and keeps.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) log: Vec<(LogLevel, String, Value)>,
    pub(crate) progress: Vec<(Option<f64>, String, Value)>,
    pub(crate) states: HashMap<String, StateRecord>,
    /// So many saves are refused as conflicts, after somebody else's save.
    pub(crate) conflicts: usize,
}

type Cancel = Shared<oneshot::Receiver<()>>;

#[derive(Clone)]
pub(crate) struct FakeHost {
    pub(crate) heard: Arc<Mutex<Heard>>,
    pub(crate) context: CallContext,
    pub(crate) remaining_ms: Option<u64>,
    cancel: Cancel,
}

/// Cancels the calls of its host.
pub(crate) struct Canceller(oneshot::Sender<()>);

impl Canceller {
    pub(crate) fn cancel(self) {
        self.0.send(()).unwrap();
    }
}

impl FakeHost {
    pub(crate) fn new() -> (Self, Canceller) {
        use futures::FutureExt;
        let (sender, receiver) = oneshot::channel();
        let host = Self {
            heard: Arc::default(),
            context: CallContext { tenant: Some("acme".into()), ..CallContext::default() },
            remaining_ms: None,
            cancel: receiver.shared(),
        };
        (host, Canceller(sender))
    }

    pub(crate) fn call(&self) -> CallBox {
        call_box(self.clone())
    }

    fn key(&self, scope: &str) -> Result<String, AbiError> {
        match (scope, &self.context.tenant) {
            ("global", _) => Ok("global".into()),
            ("tenant", Some(tenant)) => Ok(format!("tenant {tenant}")),
            _ => Err(PluginError::new(ErrorKind::StateIo, format!("no `{scope}` here")).into()),
        }
    }

    fn load(&self, scope: &str) -> LoadedState {
        let key = self.key(scope);
        key.map(|key| ROption::from(self.heard.lock().unwrap().states.get(&key).cloned())).into()
    }

    fn save(&self, scope: &str, expected: u64, data: RVec<u8>) -> SavedState {
        self.key(scope).and_then(|key| self.heard.lock().unwrap().save(&key, expected, data)).into()
    }
}

impl Heard {
    fn save(&mut self, key: &str, expected: u64, data: RVec<u8>) -> Result<u64, AbiError> {
        let generation = self.states.get(key).map_or(0, |record| record.generation);
        if self.conflicts > 0 {
            self.conflicts -= 1;
            self.states.entry(key.to_owned()).and_modify(|record| record.generation += 1);
            return Err(PluginError::new(ErrorKind::StateConflict, "somebody else saved").into());
        }
        if generation != expected {
            return Err(PluginError::new(ErrorKind::StateConflict, "not the generation expected").into());
        }
        self.states.insert(key.to_owned(), StateRecord { generation: generation + 1, data });
        Ok(generation + 1)
    }

    fn hear(&mut self, level: u8, message: RString, fields: &[u8]) {
        self.log.push((LogLevel::from_number(level), message.into_string(), json(fields)));
    }
}

fn json(bytes: &[u8]) -> Value {
    if bytes.is_empty() { Value::Null } else { serde_json::from_slice(bytes).unwrap() }
}

impl HostObject for FakeHost {
    fn log(&self, level: u8, _: RString, message: RString, fields: RVec<u8>) {
        self.heard.lock().unwrap().hear(level, message, &fields);
    }
    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        std::future::ready(self.load(&scope)).into_ffi()
    }
    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        std::future::ready(self.save(&scope, expected, data)).into_ffi()
    }
}

impl CallObject for FakeHost {
    fn progress(&self, percentage: ROption<f64>, message: RString, details: RVec<u8>) {
        let progress = (percentage.into_option(), message.into_string(), json(&details));
        self.heard.lock().unwrap().progress.push(progress);
    }
    fn is_cancelled(&self) -> bool {
        self.cancel.peek().is_some_and(Result::is_ok)
    }
    fn cancelled(&self) -> FfiFuture<()> {
        let cancel = self.cancel.clone();
        async move {
            if cancel.await.is_err() {
                std::future::pending::<()>().await;
            }
        }
        .into_ffi()
    }
    fn remaining_ms(&self) -> ROption<u64> {
        self.remaining_ms.into()
    }
    fn context(&self) -> RVec<u8> {
        serde_json::to_vec(&self.context).unwrap().into()
    }
    fn log(&self, level: u8, _: RString, message: RString, fields: RVec<u8>) {
        self.heard.lock().unwrap().hear(level, message, &fields);
    }
    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        std::future::ready(self.load(&scope)).into_ffi()
    }
    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        std::future::ready(self.save(&scope, expected, data)).into_ffi()
    }
}

/// An instance of a plugin, with the host that it talks to.
pub(crate) struct Running {
    pub(crate) plugin: PluginBox,
    pub(crate) host: FakeHost,
}

impl Running {
    /// Creates and initializes a plugin with a host of its own.
    pub(crate) fn start<P: Plugin>(configuration: &Value) -> Result<(Self, Canceller), PluginError> {
        let (host, canceller) = FakeHost::new();
        Self::start_on(linked::<P>(), host, configuration).map(|running| (running, canceller))
    }

    pub(crate) fn start_on(module: PluginModule, host: FakeHost, configuration: &Value) -> Result<Self, PluginError> {
        let plugin = module.create()?;
        block_on(outcome(plugin.initialize(host_box(host.clone()), bytes(configuration))))?;
        Ok(Self { plugin, host })
    }

    /// Begins a call; nothing happens before it is polled.
    pub(crate) fn begin(&self, action: &str, params: &Value) -> Outcome<RVec<u8>> {
        outcome(self.plugin.execute(self.host.call(), action.into(), bytes(params)))
    }

    pub(crate) fn call(&self, action: &str, params: &Value) -> Result<Value, PluginError> {
        block_on(self.begin(action, params)).map(|reply| json(&reply))
    }

    pub(crate) fn stream(&self, action: &str, params: &Value) -> Result<Chunks, PluginError> {
        let call = self.host.call();
        block_on(outcome(self.plugin.execute_stream(call, action.into(), bytes(params)))).map(Chunks::new)
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.host.heard.lock().unwrap().log.iter().map(|(_, message, _)| message.clone()).collect()
    }
}

fn bytes(value: &Value) -> RVec<u8> {
    value.to_string().into_bytes().into()
}
