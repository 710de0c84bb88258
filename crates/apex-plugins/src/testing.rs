//! Plugins for the tests of a host: they play a script, and need no library, no checksum, no key and no child process.
//!
//! A [`FakePlugin`] goes in by [`Builder::builtin`](crate::Builder::builtin) and is called like any other: its parameters
//! are checked, deadlines and cancellation bind, progress and chunks come as they would. What it does in a call, a
//! [`Script`] says; which calls it got, [`FakePlugin::calls`] tells.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use apex_plugins::{ErrorKind, PluginManager, testing::{FakePlugin, Script}};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # futures::executor::block_on(async {
//! let weather = FakePlugin::new("com.acme.weather")
//!     .action("today", Script::new().progress(50.0, "looking outside").reply(json!({"sky": "grey"})))
//!     .action("flaky", Script::new().crash())
//!     .action("flaky", Script::new().reply(json!("better now")))
//!     .action("slow", Script::new().delay(Duration::from_secs(3600)).reply(json!(null)));
//! let plugins = PluginManager::builder().builtin(&weather.manifest(), weather.module())?.build().await?;
//!
//! assert_eq!(plugins.call("com.acme.weather", "today").result().await?, json!({"sky": "grey"}));
//!
//! // The second script is for the second call.
//! let crashed = plugins.call("com.acme.weather", "flaky").result().await.unwrap_err();
//! assert!(crashed.kind() == ErrorKind::PluginCrashed && crashed.retryable());
//! assert_eq!(plugins.call("com.acme.weather", "flaky").result().await?, json!("better now"));
//!
//! let late = plugins.call("com.acme.weather", "slow").timeout(Duration::from_millis(10)).result().await.unwrap_err();
//! assert_eq!(late.kind(), ErrorKind::DeadlineExceeded);
//! assert_eq!(weather.calls().len(), 4);
//! # Ok(())
//! # })
//! # }
//! ```

mod player;
mod script;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use apex_abi::{PluginModule, plugin_box};
use apex_meta::CallContext;
use serde_json::{Value, json};

pub use script::Script;

/// A plugin that plays scripts.
///
/// Clones are the same plugin. It is for tests: each [`module`](Self::module) that is taken stays in memory for good.
#[derive(Clone)]
#[must_use = "a fake plugin does nothing until a manager has it"]
pub struct FakePlugin {
    manifest: Value,
    scripts: BTreeMap<String, Vec<Script>>,
    calls: Arc<Mutex<Vec<FakeCall>>>,
    is_forgetful: bool,
}

/// A call that a [`FakePlugin`] got.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FakeCall {
    /// The action.
    pub action: String,
    /// Its parameters, with the defaults filled in; null where a raw call brought something else than JSON.
    pub params: Value,
    /// On whose behalf the call was made.
    pub context: CallContext,
}

impl FakePlugin {
    /// A plugin of this id, version 1.0.0, without actions.
    pub fn new(id: &str) -> Self {
        let manifest = json!({
            "id": id, "name": id, "version": "1.0.0", "description": "Plays a script.", "author": "Tests",
            "entry_point": "testing::FakePlugin",
        });
        Self { manifest, scripts: BTreeMap::new(), calls: Arc::default(), is_forgetful: false }
    }

    /// Sets the version.
    pub fn version(self, version: &str) -> Self {
        self.member("version", json!(version))
    }

    /// Sets a member of the manifest to what a test needs there, such as `dependencies`; `actions` is made of the scripts.
    pub fn member(mut self, name: &str, value: Value) -> Self {
        self.manifest[name] = value;
        self
    }

    /// Lets it note no calls, for tests of very many.
    pub fn forgetful(mut self) -> Self {
        self.is_forgetful = true;
        self
    }

    /// Adds a script for an action.
    ///
    /// Where an action has several, each call plays the next one, and the last is played from then on.
    pub fn action(mut self, name: &str, script: Script) -> Self {
        self.scripts.entry(name.to_owned()).or_default().push(script);
        self
    }

    /// The manifest, for [`Builder::builtin`](crate::Builder::builtin).
    ///
    /// An action streams if one of its scripts does, and takes any parameters unless [`Script::parameters`] says which.
    pub fn manifest(&self) -> String {
        let actions = self.scripts.iter().map(|(name, scripts)| {
            let schema = scripts.iter().find_map(|script| script.parameters.clone());
            json!({
                "name": name,
                "description": "Plays a script.",
                "parameters_schema": schema.unwrap_or_else(|| json!({"type": "object"})),
                "returns_stream": scripts.iter().any(Script::streams),
            })
        });
        let mut manifest = self.manifest.clone();
        manifest["actions"] = actions.collect();
        manifest.to_string()
    }

    /// The code, for [`Builder::builtin`](crate::Builder::builtin).
    pub fn module(&self) -> PluginModule {
        let cast =
            Arc::new(player::Cast::new(self.scripts.clone(), (!self.is_forgetful).then(|| Arc::clone(&self.calls))));
        PluginModule::made_by("FakePlugin", move || Ok(plugin_box(player::Player::new(Arc::clone(&cast)))))
    }

    /// The calls that reached it so far, in order.
    pub fn calls(&self) -> Vec<FakeCall> {
        lock(&self.calls).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
