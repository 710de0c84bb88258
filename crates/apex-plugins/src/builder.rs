//! Puts a plugin manager together from parts that the host names.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use apex_abi::PluginModule;
use apex_discover::{OverridesError, Root};
use apex_exec::Limits;
use apex_meta::{Document, InvalidDocument, Placement, PluginId};
use apex_state::StateStore;
use apex_trust::{History, NoHistory, Policy, TrustStore};
use serde_json::Value;

use crate::{PluginManager, background::BackgroundError};

/// Puts a [`PluginManager`] together.
///
/// Nothing comes from the environment, the working directory or a default path: a builder without roots finds nothing,
/// one without a trust store trusts nobody, one without a state store keeps no state.
#[must_use = "a builder does nothing until `build` is awaited"]
pub struct Builder {
    pub(crate) roots: Vec<Root>,
    pub(crate) linked: Vec<(Document, PluginModule)>,
    pub(crate) trust: TrustStore,
    pub(crate) policy: Policy,
    pub(crate) history: Arc<dyn History>,
    pub(crate) configurations: BTreeMap<PluginId, Value>,
    pub(crate) state: Option<Arc<dyn StateStore>>,
    pub(crate) overrides: Option<PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) loosest: Placement,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            linked: Vec::new(),
            trust: TrustStore::empty(),
            policy: Policy::standard(),
            history: Arc::new(NoHistory),
            configurations: BTreeMap::new(),
            state: None,
            overrides: None,
            limits: Limits::default(),
            loosest: Placement::InProcess,
        }
    }
}

impl Builder {
    /// Adds a directory to look for plugins in; earlier roots win over later ones.
    pub fn root(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Root::new(path));
        self
    }

    /// Adds a developer's directory, whose plugins may be unsigned or changed; they never run in process.
    pub fn dev_root(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.push(Root::dev(path));
        self
    }

    /// Adds a plugin that is linked into this program.
    ///
    /// # Errors
    /// The manifest, a `plugin.json` as text, is invalid.
    pub fn builtin(mut self, manifest: &str, module: PluginModule) -> Result<Self, InvalidDocument> {
        self.linked.push((Document::parse(manifest.as_bytes())?, module));
        Ok(self)
    }

    /// Sets whom to trust; nobody, if it is not called.
    pub fn trust(mut self, store: TrustStore) -> Self {
        self.trust = store;
        self
    }

    /// Sets what each outcome of verification leads to; [`Policy::standard`], if it is not called.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets what is known of earlier verifications, such as which ids were signed once.
    pub fn history(mut self, history: impl History + 'static) -> Self {
        self.history = Arc::new(history);
        self
    }

    /// Sets the configuration of a plugin, validated against its `configuration_schema` when it is started.
    pub fn configuration(mut self, plugin: PluginId, configuration: Value) -> Self {
        self.configurations.insert(plugin, configuration);
        self
    }

    /// Sets where plugins keep their state.
    pub fn state(mut self, store: impl StateStore + 'static) -> Self {
        self.state = Some(Arc::new(store));
        self
    }

    /// Sets the file with the operator's enable and disable decisions.
    pub fn overrides(mut self, file: impl Into<PathBuf>) -> Self {
        self.overrides = Some(file.into());
        self
    }

    /// Sets the limits that every instance runs under.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Tightens where plugins may run: with [`Placement::Process`], none runs in process, whatever policy allows.
    ///
    /// It cannot loosen: what policy sends to a child never runs in process. Linked plugins are not affected.
    pub fn isolation(mut self, loosest: Placement) -> Self {
        self.loosest = self.loosest.min(loosest);
        self
    }

    /// Scans the roots and gives the manager.
    ///
    /// # Errors
    /// The overrides cannot be read, or the scan could not be started. What is wrong with single plugins or roots is
    /// in the catalogue instead.
    pub async fn build(self) -> Result<PluginManager, BuildError> {
        PluginManager::start(self).await
    }
}

/// Why there is no plugin manager, or no new catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The operator's decisions cannot be read; running without them could enable what was disabled.
    #[error("the stored enable and disable decisions cannot be read")]
    Overrides(#[source] OverridesError),
    /// The scan could not be run.
    #[error("the plugin roots could not be scanned")]
    Scan(#[source] BackgroundError),
}
