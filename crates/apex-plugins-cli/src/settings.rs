//! Where plugins, trust, state and the operator's words are: command line, environment and `config.toml` put together.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use apex_plugins::{meta::PluginId, trust::TrustStore};
use serde_json::Value;

use crate::{
    arguments::{Options, PolicyName},
    environment::{self, Environment},
    failure::Failure,
};

mod config_file;

use config_file::ConfigFile;

/// Where everything is; the command line wins over the environment, that over `config.toml`, that over the defaults.
#[derive(Debug)]
pub(crate) struct Settings {
    options: Options,
    environment: Environment,
    config: ConfigFile,
}

/// A directory to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SearchRoot {
    pub(crate) path: PathBuf,
    /// Whether the lenient rules for plugins under development hold there.
    pub(crate) is_dev: bool,
    /// Whether somebody named it, so that it is worth a word if it is missing.
    pub(crate) is_named: bool,
    /// Whether it is the install store, where only what the ledger lists counts.
    pub(crate) is_store: bool,
}

impl Settings {
    /// Puts command line and environment together with the user's `config.toml`.
    pub(crate) fn load(options: Options, environment: Environment) -> Result<Self, Failure> {
        let file = environment.user.as_ref().map(|user| user.config.join("config.toml"));
        let config = file.map_or_else(|| Ok(ConfigFile::default()), |file| ConfigFile::load(&file))?;
        Ok(Self { options, environment, config })
    }

    /// The roots to search, in order of precedence.
    ///
    /// Those on the command line replace all others. The directory for what the operator decides comes with the
    /// library's caller: the working directory is none of them.
    pub(crate) fn roots(&self, trust: &TrustStore) -> Vec<SearchRoot> {
        let named = |path: &PathBuf| SearchRoot { path: path.clone(), is_dev: false, is_named: true, is_store: false };
        let dev = |path: &PathBuf| SearchRoot { path: path.clone(), is_dev: true, is_named: true, is_store: false };
        let mut roots: Vec<_> = self.options.root.iter().map(named).collect();
        if roots.is_empty() {
            let (listed, passed_over) = self.environment.plugin_path();
            for path in passed_over {
                tracing::warn!(
                    "APEX_PLUGIN_PATH names the relative directory `{}`, which is passed over; write its full path",
                    path.display()
                );
            }
            roots.extend(listed.iter().chain(&self.config.roots).map(named));
            roots.extend(self.default_roots());
            roots.extend(trust.roots().iter().map(|path| named(&path.into())));
            let listed = self.config.dev_roots.iter().map(dev);
            roots.extend(listed.chain(trust.dev_roots().iter().map(|path| dev(&path.into()))));
        }
        roots.extend(self.options.dev_root.iter().map(dev));
        roots.retain(|root| root.is_named || root.path.exists());
        roots
    }

    /// The user's data directory, the install store and the system's directory.
    fn default_roots(&self) -> Vec<SearchRoot> {
        let root = |path, is_store| SearchRoot { path, is_dev: false, is_named: false, is_store };
        let user = self.environment.user.as_ref().map(|user| root(user.data.join("plugins"), false));
        let store = self.store().ok().map(|store| root(store, true));
        let system = Path::new("/usr/lib").join(environment::NAME).join("plugins");
        user.into_iter().chain(store).chain([root(system, false)]).collect()
    }

    /// The install store, which also holds what the operator decided about plugins.
    pub(crate) fn store(&self) -> Result<PathBuf, Failure> {
        let chosen = [&self.options.store, &self.environment.store, &self.config.store];
        self.directory(chosen, "--store", |user| user.data.join("store"))
    }

    /// Makes the install store's directory, if it is not there.
    pub(crate) fn create_store(&self) -> Result<(), Failure> {
        create_private(&self.store()?)
    }

    /// Where packages come from.
    pub(crate) fn sources_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.store()?.join("sources.json"))
    }

    /// Where the operator's `enable` and `disable` are stored.
    pub(crate) fn overrides_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.store()?.join("overrides.json"))
    }

    /// Where what is decided about plugins is recorded.
    pub(crate) fn audit_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.store()?.join("audit.jsonl"))
    }

    /// Where the plugins' state is kept.
    pub(crate) fn state_dir(&self) -> Result<PathBuf, Failure> {
        let chosen = [&self.options.state_dir, &self.environment.state_dir, &self.config.state_dir];
        self.directory(chosen, "--state-dir", |user| user.state.join("states"))
    }

    /// Where the discovery cache is kept; none if there is to be none, or no place for it.
    pub(crate) fn cache_dir(&self) -> Option<PathBuf> {
        let chosen = self.options.cache_dir.as_ref().or(self.environment.cache_dir.as_ref()).cloned();
        let default = || self.environment.user.as_ref().map(|user| user.cache.join("discovery"));
        if self.options.no_cache { None } else { chosen.or_else(default) }
    }

    /// The trust store's file; an environment variable cannot name it.
    pub(crate) fn trust_file(&self) -> Result<PathBuf, Failure> {
        self.directory([&self.options.trust, &self.config.trust, &None], "--trust", |user| {
            user.config.join("trust.json")
        })
    }

    /// Where what the operator granted is kept: beside the trust store, so that no variable can name it either.
    pub(crate) fn grants_file(&self) -> Result<PathBuf, Failure> {
        Ok(self.trust_file()?.with_file_name("grants.json"))
    }

    /// The directory that `${workspace}` stands for, with its full path.
    pub(crate) fn workspace(&self) -> Result<Option<PathBuf>, Failure> {
        let full =
            |path: &PathBuf| path.canonicalize().map_err(|error| Failure::io("find the workspace", path, &error));
        self.options.workspace.as_ref().map(full).transpose()
    }

    /// Where plugins keep files of their own.
    pub(crate) fn plugin_data(&self) -> Option<PathBuf> {
        self.environment.user.as_ref().map(|user| user.data.join("plugin-data"))
    }

    /// What no plugin may be granted to write: by it the operator decides.
    pub(crate) fn protected(&self) -> Result<Vec<PathBuf>, Failure> {
        let settings = self.environment.user.as_ref().map(|user| user.config.clone());
        let mut protected = vec![self.store()?, self.state_dir()?, self.trust_file()?, self.grants_file()?];
        protected.extend(self.options.cache_dir.clone().into_iter().chain(settings));
        let full = |path: PathBuf| std::path::absolute(&path).map_err(|error| Failure::io("find", &path, &error));
        protected.into_iter().map(full).collect()
    }

    /// The variables that a plugin may be granted.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (String, OsString)> + use<> {
        self.environment.variables.clone().into_iter()
    }

    /// The key of this machine's own, which `apex dev` signs with.
    pub(crate) fn dev_key_file(&self) -> Result<PathBuf, Failure> {
        let user = self.environment.user.as_ref().map(|user| user.config.join("dev-key.pem"));
        user.ok_or_else(|| Failure::usage("there is no home directory to keep a development key in").hint("set HOME"))
    }

    /// The trust store; one that is not there yet trusts nobody, which is worth a word if it was named.
    pub(crate) fn trust_store(&self) -> Result<TrustStore, Failure> {
        let file = self.trust_file()?;
        match TrustStore::load(&file) {
            Err(error) if error.is_not_found() => {
                if self.options.trust.is_some() || self.config.trust.is_some() {
                    tracing::warn!(
                        "there is no trust store {} yet, so nobody is trusted; `apex trust add` makes one",
                        file.display()
                    );
                }
                Ok(TrustStore::empty())
            }
            other => Ok(other?),
        }
    }

    fn directory(
        &self,
        chosen: [&Option<PathBuf>; 3],
        option: &str,
        default: impl FnOnce(&environment::UserDirectories) -> PathBuf,
    ) -> Result<PathBuf, Failure> {
        let chosen = chosen.into_iter().flatten().next().cloned();
        chosen.or_else(|| self.environment.user.as_ref().map(default)).ok_or_else(|| {
            Failure::usage("the user's home directory is not known, or is not an absolute path")
                .hint(format!("set HOME to its absolute path, or give {option}"))
        })
    }

    /// How strict trust is.
    pub(crate) fn policy(&self) -> PolicyName {
        self.options.policy.or(self.config.policy).unwrap_or(PolicyName::Standard)
    }

    /// The names of the variables that the dynamic linker obeys, as far as they are set.
    pub(crate) fn linker_variables(&self) -> &[OsString] {
        &self.environment.linker_variables
    }

    /// The configurations that `config.toml` holds for plugins.
    pub(crate) fn configurations(&self) -> &BTreeMap<PluginId, Value> {
        &self.config.configuration
    }
}

/// Makes a directory, with those above it, for its owner alone.
pub(crate) fn create_private(directory: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    if directory.as_os_str().is_empty() {
        return Ok(());
    }
    builder.create(directory).map_err(|error| Failure::io("create", directory, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(options: Options, config: ConfigFile) -> Settings {
        let directory = |name: &str| PathBuf::from(format!("/home/ada/{name}/apex"));
        let user = environment::UserDirectories {
            config: directory(".config"),
            data: directory("data"),
            state: directory("state"),
            cache: directory("cache"),
        };
        let environment = Environment {
            plugin_path: Some("/path/one:relative".into()),
            state_dir: Some("/variable/states".into()),
            user: Some(user),
            ..Environment::default()
        };
        Settings { options, environment, config }
    }

    fn paths(settings: &Settings, trust: &TrustStore) -> Vec<String> {
        let roots = settings.roots(trust);
        let shown = |root: SearchRoot| format!("{}{}", root.path.display(), if root.is_dev { " (dev)" } else { "" });
        roots.into_iter().map(shown).collect()
    }

    #[test]
    fn roots_come_in_order_and_the_command_line_replaces_them_all() {
        // R2.1; the user's and the system's directories are not there and not named, so they are left out.
        let mut trust = TrustStore::empty();
        trust.add_root("/project/plugins");
        trust.add_dev_root("/project/dev");
        let config = || ConfigFile { roots: vec!["/config/root".into()], ..ConfigFile::default() };
        let found = paths(&settings(Options::default(), config()), &trust);
        assert_eq!(found, ["/path/one", "/config/root", "/project/plugins", "/project/dev (dev)"]);
        let options = Options { root: vec!["given".into()], dev_root: vec!["mine".into()], ..Options::default() };
        assert_eq!(paths(&settings(options, config()), &trust), ["given", "mine (dev)"]);
    }

    #[test]
    fn the_command_line_wins_over_the_environment_that_over_the_settings_that_over_the_defaults() {
        let config = ConfigFile {
            store: Some("/config/store".into()),
            state_dir: Some("/config/states".into()),
            ..ConfigFile::default()
        };
        let options = Options { trust: Some("mine.json".into()), ..Options::default() };
        let settings = settings(options, config);
        assert_eq!(settings.state_dir().unwrap(), Path::new("/variable/states"));
        assert_eq!(settings.overrides_file().unwrap(), Path::new("/config/store/overrides.json"));
        assert_eq!(settings.trust_file().unwrap(), Path::new("mine.json"));
        let defaults = Settings { options: Options::default(), config: ConfigFile::default(), ..settings };
        assert_eq!(defaults.trust_file().unwrap(), Path::new("/home/ada/.config/apex/trust.json"));
        assert_eq!(defaults.policy(), PolicyName::Standard);
    }

    #[test]
    fn the_cache_is_where_it_was_put_or_nowhere() {
        let of = |options| settings(options, ConfigFile::default()).cache_dir();
        assert_eq!(of(Options::default()), Some("/home/ada/cache/apex/discovery".into()));
        assert_eq!(of(Options { cache_dir: Some("here".into()), ..Options::default() }), Some("here".into()));
        assert_eq!(of(Options { no_cache: true, ..Options::default() }), None);
    }

    #[test]
    fn without_a_home_the_user_is_told_what_to_give() {
        let options = Options { store: Some("store".into()), ..Options::default() };
        let settings = Settings { options, environment: Environment::default(), config: ConfigFile::default() };
        assert_eq!(settings.store().unwrap(), Path::new("store"));
        assert!(settings.trust_file().unwrap_err().to_string().contains("give --trust"));
    }
}
