//! What every command is given: its options, where to write, and the way to the plugins.

use apex_plugins::{
    BuildError, Builder, FileSink, PluginManager, discover::OverridesError, install::InstallError, resolve::Unsolvable,
};

use crate::{
    arguments::Options,
    command::trust::store_failure,
    environment::Environment,
    exit::Exit,
    failure::Failure,
    output::Output,
    scan_bar::ScanBar,
    settings::{SearchRoot, Settings},
    stderr::Stderr,
};

/// What every command is given.
pub(crate) struct Session {
    options: Options,
    pub(crate) output: Output,
    pub(crate) stderr: Stderr,
}

impl Session {
    /// A session with these options.
    pub(crate) fn new(options: Options, stderr: Stderr) -> Self {
        let output = Output::stdout(options.json);
        Self { options, output, stderr }
    }

    /// Whether nothing but errors is to be said.
    pub(crate) fn is_quiet(&self) -> bool {
        self.options.quiet
    }

    /// Tells people something by the way.
    pub(crate) fn note(&self, text: &str) {
        if !self.options.quiet && !self.options.json {
            self.stderr.line(text);
        }
    }

    /// The settings, read anew.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        Settings::load(self.options.clone(), Environment::of_process())
    }

    /// A manager that keeps records of what it decides, and follows the trust store as it changes.
    pub(crate) async fn acting_manager(
        &self,
        settings: &Settings,
        adjust: impl FnOnce(Builder) -> Builder,
    ) -> Result<PluginManager, Failure> {
        let sink = audit_sink(settings)?;
        let trust = settings.trust_file()?;
        self.manager_with(settings, |builder| adjust(builder.audit(sink).audit_calls().trust_file(trust))).await
    }

    /// A manager that has scanned the roots and verified what is there.
    pub(crate) async fn manager(&self, settings: &Settings) -> Result<PluginManager, Failure> {
        self.manager_with(settings, |builder| builder).await
    }

    /// A manager as a command wants it; the settings come first, so that the command has the last word.
    pub(crate) async fn manager_with(
        &self,
        settings: &Settings,
        adjust: impl FnOnce(Builder) -> Builder,
    ) -> Result<PluginManager, Failure> {
        let trust = settings.trust_store()?;
        let mut builder = PluginManager::builder();
        for SearchRoot { path, is_dev, is_store, .. } in settings.roots(&trust) {
            builder = match (is_dev, is_store) {
                (true, _) => builder.dev_root(path),
                (false, true) => builder.store(path),
                (false, false) => builder.root(path),
            };
        }
        for (id, configuration) in settings.configurations() {
            builder = builder.configuration(id.clone(), configuration.clone());
        }
        let builder = builder.trust(trust).policy(settings.policy().into()).overrides(settings.overrides_file()?);
        let builder = builder.environment(settings.linker_variables()).grants_file(settings.grants_file()?);
        let builder = builder.variables(settings.variables());
        let builder = settings.protected()?.into_iter().fold(builder, Builder::protect);
        let builder = settings.plugin_data().into_iter().fold(builder, Builder::plugin_data);
        let builder = settings.workspace()?.into_iter().fold(builder, Builder::workspace);
        let builder = settings.cache_dir().into_iter().fold(builder, Builder::cache);
        // A bar that is gone with the scan.
        let bar = ScanBar::new(&self.stderr, self.options.quiet);
        let builder = builder.scan_progress(bar.teller());
        adjust(builder).build().await.map_err(|error| build_failure(&error))
    }
}

/// Where what is decided about plugins is recorded; a log that cannot be written is told of by whoever writes to it.
pub(crate) fn audit_sink(settings: &Settings) -> Result<FileSink, Failure> {
    let file = settings.audit_file()?;
    if let Err(failure) = settings.create_store() {
        tracing::debug!(%failure, "the directory of the audit log cannot be made");
    }
    Ok(FileSink::new(file))
}

/// Why there is no manager, and what to do.
pub(crate) fn build_failure(error: &BuildError) -> Failure {
    match error {
        BuildError::Overrides(source) => overrides_failure(source),
        BuildError::Trust(source) => store_failure(source),
        BuildError::Store(source) => install_failure(source),
        other => Failure::of("Io", other),
    }
}

/// Why something could not be installed, removed or read, and what to do.
pub(crate) fn install_failure(error: &InstallError) -> Failure {
    let details = match error {
        InstallError::Unsolvable(Unsolvable::Conflict(conflict)) => serde_json::to_value(conflict).ok(),
        InstallError::Unsolvable(Unsolvable::Request(none)) => serde_json::to_value(none.explanation()).ok(),
        InstallError::GrantsDiffer(differences) => serde_json::to_value(differences).ok(),
        _ => None,
    };
    Failure::of(error.code(), error).hint_if(error.hint()).details(details)
}

/// What is wrong with the operator's stored decisions, and what to do.
pub(crate) fn overrides_failure(error: &OverridesError) -> Failure {
    let failure = Failure::of(error.code(), error).hint_if(error.hint());
    match error {
        // A check of owner or mode failed, and has a code of its own.
        OverridesError::Refused { .. } => failure,
        _ => failure.exit_with(Exit::Io),
    }
}
