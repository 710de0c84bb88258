//! An action in a unit test, without a host.
//!
//! A [`Harness`] starts a plugin as a host does, over the very objects that cross to one, and keeps what the plugin reports,
//! logs and saves. Parameters reach the action as the test gives them: nothing is validated before, so that a test can see
//! what the action itself makes of wrong ones. Defaults are filled in by the plugin's own code.
//!
//! ```
//! use apex_plugin_sdk::{Result, plugin, serde_json::json, testing::{Harness, block_on}};
//!
//! #[derive(Default)]
//! struct Greeter;
//!
//! #[plugin(id = "com.acme.greeter")]
//! impl Greeter {
//!     /// Greets a person.
//!     #[action(read_only)]
//!     fn greet(&self, name: String) -> String {
//!         format!("Hello, {name}!")
//!     }
//! }
//!
//! # fn main() -> Result<()> {
//! block_on(async {
//!     let harness = Harness::<Greeter>::start().await?;
//!     assert_eq!(harness.call("greet", json!({"name": "Ada"})).await?, "Hello, Ada!");
//!     assert!(harness.call("greet", json!({"name": 7})).await.is_err());
//!     Ok(())
//! })
//! # }
//! ```

use std::marker::PhantomData;

use apex_abi::{PluginBox, PluginError, RVec, host_box, outcome};
use apex_meta::{CallContext, ErrorKind, Progress};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};

use crate::{Chunk, Description, Error, LogLevel, Plugin, Result, StateScope, linked};

mod host;

use host::MemoryHost;

/// Waits for a future on this thread, for tests that have no runtime.
pub use futures::executor::block_on;

/// An instance of a plugin with a host in memory.
pub struct Harness<P> {
    plugin: PluginBox,
    host: MemoryHost,
    kind: PhantomData<fn() -> P>,
}

impl<P: Plugin> Harness<P> {
    /// Starts an instance without configuration.
    ///
    /// # Errors
    /// What the plugin's initialization fails with.
    pub async fn start() -> Result<Self> {
        Self::start_with(json!({})).await
    }

    /// Starts an instance with a configuration, an object.
    ///
    /// # Errors
    /// What the plugin's initialization fails with.
    pub async fn start_with(configuration: Value) -> Result<Self> {
        let harness = Self { plugin: linked::<P>().create()?, host: MemoryHost::default(), kind: PhantomData };
        outcome(harness.plugin.initialize(host_box(harness.host.clone()), bytes(&configuration))).await?;
        Ok(harness)
    }

    /// Says on whose behalf calls are made from now on.
    #[must_use]
    pub fn on_behalf_of(self, context: CallContext) -> Self {
        self.host.set_context(context);
        self
    }

    /// Puts a file of the plugin's own in place, to be read with [`Context::resource`](crate::Context::resource).
    pub fn set_resource(&self, path: &str, bytes: &[u8]) {
        self.host.set_resource(path, bytes);
    }

    /// Calls an action and waits for its result.
    ///
    /// # Errors
    /// What the action fails with, a panic in it included.
    pub async fn call(&self, action: &str, params: Value) -> Result<Value> {
        let reply = outcome(self.plugin.execute(self.host.call(), action.into(), bytes(&params))).await?;
        value(&reply)
    }

    /// Calls an action that streams; chunks are made as they are asked for.
    ///
    /// # Errors
    /// What the action fails with before its first chunk; later errors are items.
    pub async fn stream(&self, action: &str, params: Value) -> Result<impl Stream<Item = Result<Chunk>> + Unpin> {
        let stream = outcome(self.plugin.execute_stream(self.host.call(), action.into(), bytes(&params))).await?;
        Ok(apex_abi::Chunks::new(stream).map(|chunk| Ok(Chunk::from_abi(chunk?))))
    }

    /// Calls an action that streams, and waits for all of its chunks: JSON as it is, bytes as numbers.
    ///
    /// # Errors
    /// What the action or its stream fails with.
    pub async fn chunks(&self, action: &str, params: Value) -> Result<Vec<Value>> {
        let chunks = self.stream(action, params).await?;
        chunks.and_then(|chunk| std::future::ready(chunk.to_value())).try_collect().await
    }

    /// Migrates a state as an update does, before there is an instance.
    ///
    /// # Errors
    /// What the migration fails with.
    pub async fn migrate(from: &str, state: Value) -> Result<Option<Value>> {
        let plugin = linked::<P>().create()?;
        let migrated = outcome(plugin.migrate_state(from.into(), bytes(&state))).await?;
        migrated.into_option().map(|state| value(&state)).transpose()
    }

    /// Cancels the calls under way, and all later ones.
    pub fn cancel(&self) {
        self.host.cancel();
    }

    /// The progress that was reported so far.
    pub fn progress(&self) -> Vec<Progress> {
        self.host.progress()
    }

    /// The lines that were logged so far.
    pub fn log(&self) -> Vec<(LogLevel, String)> {
        self.host.log_lines()
    }

    /// What is saved as state for everybody, if anything is.
    pub fn state(&self) -> Option<Value> {
        self.state_of(StateScope::Global)
    }

    /// What is saved as state in a scope of the calls made last.
    pub fn state_of(&self, scope: StateScope) -> Option<Value> {
        self.host.state(scope)
    }

    /// Puts a state for everybody in place, as if it had been saved.
    pub fn set_state(&self, state: &Value) {
        self.host.set_state(state);
    }

    /// Lets so many saves meet in a conflict with somebody else's, as they may with two instances.
    pub fn refuse_saves(&self, number: usize) {
        self.host.refuse_saves(number);
    }

    /// What the plugin says about itself, if it does.
    pub fn description() -> Option<Description> {
        P::describe()
    }

    /// Ends the instance.
    ///
    /// # Errors
    /// What the plugin's shutdown fails with.
    pub async fn shutdown(self) -> Result<()> {
        Ok(outcome(self.plugin.shutdown()).await?)
    }
}

fn bytes(value: &Value) -> RVec<u8> {
    value.to_string().into_bytes().into()
}

fn value(bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::ProtocolViolation, "the plugin returned what is not JSON").context(error.to_string())
    })
}

impl Chunk {
    /// A JSON chunk as it is, one of bytes as a list of numbers.
    fn to_value(&self) -> Result<Value> {
        match self.as_abi() {
            apex_abi::Chunk::Json(json) => value(json),
            apex_abi::Chunk::Bytes(bytes) => Ok(bytes.iter().copied().collect()),
        }
    }
}

fn refused(kind: ErrorKind, message: &str) -> PluginError {
    PluginError::new(kind, message)
}
