//! Puts a plugin manager together from parts that the host names.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use apex_abi::PluginModule;
use apex_audit::AuditSink;
use apex_discover::{Cache, Options, OverridesError, Root};
#[cfg(target_os = "linux")]
use apex_exec::ChildProgram;
use apex_exec::{Kernel, Limits, Loader};
use apex_install::{InstallError, Store};
use apex_meta::{Document, InvalidDocument, Placement, PluginId};
use apex_state::StateStore;
use apex_trust::{Grants, History, NoHistory, Policy, TrustStore, TrustStoreError};
use serde_json::Value;

use crate::{
    PluginManager,
    authority::Clock,
    background::BackgroundError,
    confinement::{ConfinementSettings, GrantSource},
};

/// Puts a [`PluginManager`] together.
///
/// Nothing comes from the environment, the working directory or a default path: a builder without roots finds nothing,
/// one without a trust store trusts nobody, one without a state store keeps no state.
#[must_use = "a builder does nothing until `build` is awaited"]
pub struct Builder {
    pub(crate) roots: Vec<Root>,
    pub(crate) scans: Options,
    pub(crate) watches: bool,
    pub(crate) store: Option<Store>,
    pub(crate) sources: Option<PathBuf>,
    pub(crate) probation: Duration,
    pub(crate) linked: Vec<(Document, PluginModule)>,
    pub(crate) trust: TrustStore,
    pub(crate) trust_file: Option<PathBuf>,
    /// The same, also when the file is opened and watched.
    pub(crate) trust_path: Option<PathBuf>,
    pub(crate) policy: Policy,
    pub(crate) history: Arc<dyn History>,
    pub(crate) configurations: BTreeMap<PluginId, Value>,
    pub(crate) state: Option<Arc<dyn StateStore>>,
    pub(crate) overrides: Option<PathBuf>,
    pub(crate) limits: Limits,
    pub(crate) loosest: Placement,
    pub(crate) child_program: Option<PathBuf>,
    pub(crate) child_environment: Vec<(OsString, OsString)>,
    pub(crate) child_copies: Option<PathBuf>,
    pub(crate) environment: Vec<OsString>,
    pub(crate) audit: Option<Arc<dyn AuditSink>>,
    pub(crate) audits_calls: bool,
    pub(crate) clock: Clock,
    pub(crate) grants: GrantSource,
    pub(crate) confinement: ConfinementSettings,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            scans: Options::default(),
            watches: false,
            store: None,
            sources: None,
            probation: Duration::from_secs(600),
            linked: Vec::new(),
            trust: TrustStore::empty(),
            trust_file: None,
            trust_path: None,
            policy: Policy::standard(),
            history: Arc::new(NoHistory),
            configurations: BTreeMap::new(),
            state: None,
            overrides: None,
            limits: Limits::default(),
            loosest: Placement::InProcess,
            child_program: None,
            child_environment: Vec::new(),
            child_copies: None,
            environment: Vec::new(),
            audit: None,
            audits_calls: false,
            clock: Arc::new(SystemTime::now),
            grants: GrantSource::default(),
            confinement: ConfinementSettings::default(),
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

    /// Keeps what scans establish in a directory, so that the next start only asks what has changed since.
    ///
    /// It holds facts about files, never verdicts, and nothing is loaded on the strength of it, see [`Cache`]. Several
    /// processes may share it; where it cannot be written, scans take longer, and nothing else.
    pub fn cache(mut self, directory: impl Into<PathBuf>) -> Self {
        self.scans = self.scans.cache(Cache::new(directory));
        self
    }

    /// Follows the roots as they change; without it, [`PluginManager::rescan`] looks again.
    ///
    /// Each change is told by [`Event::Registry`](crate::Event::Registry). What cannot be watched, because the system's
    /// limit of watches is reached or the file system tells nothing, is asked for its stamps every few seconds.
    pub fn watch(mut self) -> Self {
        self.watches = true;
        self.scans = self.scans.remember();
        self
    }

    /// Sets who is told how many of how many directories a scan has looked at; called from several threads, often.
    pub fn scan_progress(mut self, tell: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        self.scans = self.scans.progress(tell);
        self
    }

    /// Adds the install store: only what its ledger lists is a candidate there, and only the active version of a plugin
    /// serves whoever asks for no other. There is one at most; the last one counts.
    ///
    /// The ledger also remembers which plugins were signed once, and which were verified while their key was valid.
    pub fn store(mut self, path: impl Into<PathBuf>) -> Self {
        let store = Store::new(path);
        self.roots.retain(|root| !root.is_store());
        self.roots.push(Root::store(store.plugins(), []));
        self.store = Some(store);
        self
    }

    /// Sets the file with the sources that updates come from, for [`PluginManager::update`] and its kin.
    ///
    /// With a [`store`](Self::store), plugins whose policy is `on-restart` or `immediate` are updated before the manager is
    /// ready, as far as the update concerns nobody; one that fails is told in the log.
    pub fn sources(mut self, file: impl Into<PathBuf>) -> Self {
        self.sources = Some(file.into());
        self
    }

    /// Sets how long a new version is on probation: if it crashes into quarantine within that time after an update, the
    /// version before it becomes active again. Ten minutes, if it is not called.
    pub fn probation(mut self, probation: Duration) -> Self {
        self.probation = probation;
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
        (self.trust, self.trust_file) = (store, None);
        self
    }

    /// Sets the file that says whom to trust, and watches it: a change counts within a few seconds, for what is loaded too.
    ///
    /// A plugin that is trusted no more drains and stops within ten seconds, see
    /// [`Event::TrustWithdrawn`](crate::Event::TrustWithdrawn). A file that is not there yet trusts nobody. One that
    /// cannot be used any more leaves what is loaded as it is and lets nothing new in, see
    /// [`Event::TrustUnreadable`](crate::Event::TrustUnreadable). The roots in it are for the caller to name.
    pub fn trust_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.trust_file = Some(file.into());
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

    /// Sets what the operator granted; nothing, if it is not called.
    pub fn grants(mut self, grants: Grants) -> Self {
        self.grants = GrantSource::Fixed(grants);
        self
    }

    /// Sets the file with what the operator granted, read anew whenever a plugin's process is started; one that is not
    /// there grants nothing.
    pub fn grants_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.grants = GrantSource::File(file.into());
        self
    }

    /// Sets the directory that `${workspace}` stands for in permissions.
    pub fn workspace(mut self, directory: impl Into<PathBuf>) -> Self {
        self.confinement.workspace = Some(directory.into());
        self
    }

    /// Sets where plugins keep files of their own, each in a directory `${plugin_data}` that is bound to its owner as its
    /// state is.
    pub fn plugin_data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.confinement.plugin_data = Some(directory.into());
        self
    }

    /// Sets where a plugin's process gets a temporary directory of its own; `/tmp`, if it is not called.
    pub fn temporary(mut self, directory: impl Into<PathBuf>) -> Self {
        self.confinement.temporary = Some(directory.into());
        self
    }

    /// Sets the environment variables that a plugin has if it is granted `env:NAME`.
    pub fn variables(mut self, variables: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
        self.confinement.variables.extend(variables);
        self
    }

    /// Adds a file or directory that no plugin may be granted to write, such as that of the states.
    ///
    /// The roots, and the files that this builder was given, are protected anyway.
    pub fn protect(mut self, path: impl Into<PathBuf>) -> Self {
        self.confinement.protected.push(path.into());
        self
    }

    /// Enforces permissions with no more than this of the kernel.
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.confinement.kernel = kernel;
        self
    }

    /// Confines no plugin's process, for the reason that is given and logged: whatever this user may do, a plugin may.
    pub fn unconfined(mut self, reason: &str) -> Self {
        self.confinement.unconfined = Some(reason.to_owned());
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

    /// Tells the names of the variables that this process was started with, which a library does not read by itself.
    ///
    /// Under [`Policy::strict`] nothing is loaded into a process whose dynamic linker was told to bring in other code, as
    /// `LD_PRELOAD`, `LD_LIBRARY_PATH` and `LD_AUDIT` do; it is blocked with `UnsafeEnvironment`.
    pub fn environment(mut self, names: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.environment = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets who keeps records of what is verified, loaded, blocked and stopped.
    ///
    /// A sink that fails stops nothing: it is told of by [`Event::AuditFailed`](crate::Event::AuditFailed), in the log, and
    /// by [`PluginManager::audit_failures`]. Linked plugins are part of the program and are not recorded.
    pub fn audit(mut self, sink: impl AuditSink + 'static) -> Self {
        self.audit = Some(Arc::new(sink));
        self
    }

    /// Lets each call of a plugin be recorded too, with a digest of its parameters, when it ends.
    ///
    /// These records are written in the background, in their order; [`PluginManager::shutdown`] waits for them.
    pub fn audit_calls(mut self) -> Self {
        self.audits_calls = true;
        self
    }

    /// Sets what the time is taken from, for the validity of keys, for records, and for the age of what changed in the
    /// roots; the system's clock, if not called.
    pub fn clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Names the program that hosts plugins in child processes, such as `apex-host`.
    ///
    /// Without it that is this program, if it called [`run_if_child`](crate::run_if_child) first thing in its `main`, else
    /// `apex-host` in this program's directory. It is never searched for in `PATH`.
    pub fn child_program(mut self, path: impl Into<PathBuf>) -> Self {
        self.child_program = Some(path.into());
        self
    }

    /// Adds a variable to the environment of child processes, which holds nothing else.
    pub fn child_env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.child_environment.push((name.into(), value.into()));
        self
    }

    /// Lets somebody step through plugins in child processes with a debugger: they load their libraries from copies in that
    /// directory, and have all the time they want.
    ///
    /// A debugger cannot follow a library into memory. Nobody else may be able to write to the directory;
    /// [`Event::ProcessStarted`](crate::Event::ProcessStarted) tells the process and the copy. To be called after
    /// [`limits`](Self::limits).
    pub fn debugging(mut self, directory: impl Into<PathBuf>) -> Self {
        self.limits = self.limits.without_haste();
        self.child_copies = Some(directory.into());
        self
    }

    /// The loader that these settings ask for.
    pub(crate) fn loader(&self) -> Loader {
        let loader = Loader::new().with_loosest(self.loosest);
        #[cfg(target_os = "linux")]
        if let Some(program) = self.program_for_children() {
            return loader.with_child_program(program);
        }
        loader
    }

    #[cfg(target_os = "linux")]
    fn program_for_children(&self) -> Option<ChildProgram> {
        let program = match &self.child_program {
            Some(path) => ChildProgram::at(path),
            None if apex_host::is_prepared() => ChildProgram::this_program(),
            None => ChildProgram::at(beside_this_program()?),
        };
        let program = self.child_copies.iter().fold(program, ChildProgram::with_library_copies);
        let environment = self.child_environment.iter().cloned();
        Some(environment.fold(program, |program, (name, value)| program.with_env(name, value)))
    }

    /// Scans the roots and gives the manager.
    ///
    /// # Errors
    /// The trust store's file cannot be used or watched, the overrides cannot be read, or the scan could not be started. What is wrong with single plugins or roots is
    /// in the catalogue instead.
    pub async fn build(self) -> Result<PluginManager, BuildError> {
        PluginManager::start(self).await
    }
}

/// `apex-host` in the directory of this program, if it is there.
#[cfg(target_os = "linux")]
fn beside_this_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?.with_file_name("apex-host");
    program.is_file().then_some(program)
}

/// Why there is no plugin manager, or no new catalogue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The operator's decisions cannot be read; running without them could enable what was disabled.
    #[error("the stored enable and disable decisions cannot be read")]
    Overrides(#[source] OverridesError),
    /// The install store's ledger cannot be read; without it, leftovers could be taken for installed plugins.
    #[error("the install store cannot be used")]
    Store(#[source] InstallError),
    /// The file that says whom to trust cannot be used; running without it could trust too much or too little.
    #[error("the trust store cannot be used")]
    Trust(#[source] TrustStoreError),
    /// The file that says whom to trust, or the roots, cannot be watched.
    #[error("no thread could be started to watch the trust store or the roots")]
    Watch(#[source] io::Error),
    /// The scan could not be run.
    #[error("the plugin roots could not be scanned")]
    Scan(#[source] BackgroundError),
}
