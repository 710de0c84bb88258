//! The user's `config.toml`: read only if nobody else can have written it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use apex_plugins::meta::PluginId;
use serde::Deserialize;
use serde_json::Value;

use crate::{arguments::PolicyName, failure::Failure};

const MOST_BYTES: u64 = 1 << 20;

/// What `config.toml` may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    /// Directories to search, after those of `APEX_PLUGIN_PATH`.
    pub(crate) roots: Vec<PathBuf>,
    /// Directories to search with the lenient rules for plugins under development.
    pub(crate) dev_roots: Vec<PathBuf>,
    /// The install store.
    pub(crate) store: Option<PathBuf>,
    /// Where the plugins' state is kept.
    pub(crate) state_dir: Option<PathBuf>,
    /// Where the discovery cache is kept.
    pub(crate) cache_dir: Option<PathBuf>,
    /// The trust store.
    pub(crate) trust: Option<PathBuf>,
    /// How strict trust is.
    pub(crate) policy: Option<PolicyName>,
    /// Configurations of plugins, by id.
    #[serde(deserialize_with = "configurations")]
    pub(crate) configuration: BTreeMap<PluginId, Value>,
}

impl ConfigFile {
    /// Reads the file; a missing one says nothing.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        match fs::metadata(path) {
            // Opening a FIFO would wait for ever.
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(invalid(path, "it is not a regular file", "move it away, or put a file there")),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::io("look at the settings in", path, &error)),
        }
        let mut file = File::open(path).map_err(|error| Failure::io("read the settings in", path, &error))?;
        let metadata = file.metadata().map_err(|error| Failure::io("look at the settings in", path, &error))?;
        check_owner(path, &metadata)?;
        check_parents(path)?;
        if metadata.len() > MOST_BYTES {
            return Err(invalid(path, "it is larger than 1 MiB", "keep settings alone in it"));
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| Failure::io("read the settings in", path, &error))?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let config: Self = toml::from_str(text).map_err(|error| {
            invalid(
                path,
                error.to_string().trim_end(),
                "mend the line shown, or move the file away to use the defaults",
            )
        })?;
        if let Some(relative) = config.paths().find(|path| !path.is_absolute()) {
            let what =
                format!("`{}` is a relative path, which would depend on the working directory", relative.display());
            return Err(invalid(path, &what, "write the full path"));
        }
        Ok(config)
    }

    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let single = [&self.store, &self.state_dir, &self.cache_dir, &self.trust];
        self.roots.iter().chain(&self.dev_roots).chain(single.into_iter().flatten())
    }
}

fn invalid(path: &Path, what: &str, hint: &str) -> Failure {
    Failure::new("SettingsInvalid", format!("the settings in {} cannot be used", path.display()))
        .causes([what.to_owned()])
        .hint(hint)
}

/// Refuses a file that another user owns or can write to.
#[cfg(unix)]
fn check_owner(path: &Path, metadata: &std::fs::Metadata) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;

    use apex_files::{Ownership, Part, StrictModes};

    let ownership = Ownership { uid: metadata.uid(), gid: metadata.gid(), mode: metadata.mode() & 0o7777 };
    match StrictModes::of_this_process().exposure(ownership, Part::Own) {
        Some(exposure) => Err(exposed(path, path, exposure, ownership)),
        None => Ok(()),
    }
}

/// Refuses a file that others could replace by another one.
#[cfg(unix)]
fn check_parents(path: &Path) -> Result<(), Failure> {
    use apex_files::{Directory, GuardedError, Part, StrictModes};

    let real = path.canonicalize().map_err(|error| Failure::io("look at the settings in", path, &error))?;
    let Some(parent) = real.parent() else { return Ok(()) };
    match Directory::open_guarded(parent, Part::Parent, &StrictModes::of_this_process()) {
        Ok(_) => Ok(()),
        Err(GuardedError::Exposed { path: above, exposure, ownership }) => {
            Err(exposed(path, &above, exposure, ownership))
        }
        Err(GuardedError::Open { path: above, source }) => {
            Err(Failure::io("look at the directory", &above, &source.into_io()))
        }
        Err(other) => Err(Failure::of("Unreadable", &other)),
    }
}

/// The settings, or a directory above them, could be changed by others.
#[cfg(unix)]
fn exposed(settings: &Path, at: &Path, exposure: apex_files::Exposure, ownership: apex_files::Ownership) -> Failure {
    let (settings, at) = (settings.display(), at.display());
    match exposure {
        apex_files::Exposure::Foreign => {
            let message =
                format!("the settings in {settings} could be changed by user {}, who owns {at}", ownership.uid);
            Failure::new("InsecureOwner", message).hint(format!("look at the file, then take {at} over with chown"))
        }
        _ => {
            let mode = ownership.mode & 0o7777;
            let message = format!("others can write to the settings in {settings}, by the mode {mode:04o} of {at}");
            Failure::new("InsecurePermissions", message).hint(format!("look at the file, then `chmod go-w {at}`"))
        }
    }
}

#[cfg(not(unix))]
fn check_owner(_path: &Path, _metadata: &std::fs::Metadata) -> Result<(), Failure> {
    Ok(())
}

#[cfg(not(unix))]
fn check_parents(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

fn configurations<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<PluginId, Value>, D::Error> {
    let tables = BTreeMap::<PluginId, toml::Table>::deserialize(deserializer)?;
    Ok(tables.into_iter().map(|(id, table)| (id, to_json(toml::Value::Table(table)))).collect())
}

/// TOML as JSON; dates and times become texts, and numbers that JSON cannot write become null.
fn to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(to_json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, to_json(value))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Failure> {
        ConfigFile::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn settings_are_read() {
        let config = parse(
            "roots = ['/opt/plugins']\npolicy = 'strict'\ntrust = '/etc/apex/trust.json'\n\
             [configuration.'com.acme.greeter']\ngreeting = 'Hi'\nsince = 2026-01-02\nlimits = {most = 3}\n",
        )
        .unwrap();
        assert_eq!(config.roots, [PathBuf::from("/opt/plugins")]);
        assert_eq!(config.policy, Some(PolicyName::Strict));
        let expected = json!({"greeting": "Hi", "since": "2026-01-02", "limits": {"most": 3}});
        assert_eq!(config.configuration[&"com.acme.greeter".parse().unwrap()], expected);
    }

    #[test]
    fn broken_settings_say_where_and_what_to_do() {
        for (text, cause) in [
            ("polcy = 'strict'", "polcy"),
            ("policy = 'lax'", "lax"),
            ("policy = ", "policy"),
            ("roots = ['plugins']", "relative"),
            ("trust = './trust.json'", "relative"),
            ("[configuration.'../x']", "plugin id"),
        ] {
            let failure = parse(text).unwrap_err();
            let shown = failure.to_string();
            assert!(shown.contains(cause) && shown.contains("\n  help: "), "{shown}");
            assert_eq!(failure.to_json()["error"]["code"], "SettingsInvalid");
        }
    }

    #[cfg(unix)]
    #[test]
    fn settings_that_others_can_write_to_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        std::io::Write::write_all(&mut File::create_new(&path).unwrap(), b"policy = 'strict'").unwrap();
        assert_eq!(ConfigFile::load(&path).unwrap().policy, Some(PolicyName::Strict));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let failure = ConfigFile::load(&path).unwrap_err();
        assert_eq!(failure.to_json()["error"]["code"], "InsecurePermissions");
        assert!(ConfigFile::load(&directory.path().join("missing.toml")).unwrap().policy.is_none());
    }
}
