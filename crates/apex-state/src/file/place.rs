//! Where a state is kept.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use apex_meta::{PluginId, PluginVersion};

use crate::{Scope, ScopeName, StateKey};

/// The longest name of a tenant or user that is written out; file systems take 255 bytes.
const LONGEST_NAME: usize = 120;

/// The paths of one state.
///
/// ```text
/// <states>/<plugin id>/.lock
/// <states>/<plugin id>/state_v<version>.json                                     global
/// <states>/<plugin id>/scopes/tenant-<name>/state_v<version>.json                a tenant
/// <states>/<plugin id>/scopes/user-<name>/state_v<version>.json                  a user
/// <states>/<plugin id>/scopes/tenant-<name>/user-<name>/state_v<version>.json    a tenant's user
/// ```
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// From the plugin's own directory down to the one that holds the file.
    directories: Vec<PathBuf>,
    name: String,
}

impl Place {
    pub(crate) fn of(root: &Path, key: &StateKey) -> Self {
        let mut directories = vec![plugin_directory(root, &key.plugin)];
        let mut descend = |name: String| {
            let next = directories.last().map(|above: &PathBuf| above.join(name));
            directories.extend(next);
        };
        match &key.scope {
            Scope::Global => {}
            Scope::Tenant(tenant) => {
                descend(SCOPES.to_owned());
                descend(segment("tenant", tenant));
            }
            Scope::User { tenant, user } => {
                descend(SCOPES.to_owned());
                if let Some(tenant) = tenant {
                    descend(segment("tenant", tenant));
                }
                descend(segment("user", user));
            }
        }
        Self { directories, name: file_name(&key.version) }
    }

    /// The directories that hold the file, the outermost first.
    pub(crate) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// The directory that holds the file.
    pub(crate) fn directory(&self) -> &Path {
        self.directories.last().map_or(Path::new(""), PathBuf::as_path)
    }

    /// The state itself.
    pub(crate) fn file(&self) -> PathBuf {
        self.directory().join(&self.name)
    }

    /// The state as it was before the last save.
    pub(crate) fn backup(&self) -> PathBuf {
        self.with_suffix(BACKUP)
    }

    /// What is being written, while the lock is held.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.with_suffix(".tmp")
    }

    /// What is about to become the backup, while the lock is held.
    pub(crate) fn backup_temporary(&self) -> PathBuf {
        self.with_suffix(".bak.tmp")
    }

    /// Where a damaged file goes, at this time in seconds since 1970; `attempt` grows while the name is taken.
    pub(crate) fn set_aside(&self, seconds: u64, attempt: u32) -> PathBuf {
        match attempt {
            0 => self.with_suffix(&format!("{SET_ASIDE}{seconds}")),
            _ => self.with_suffix(&format!("{SET_ASIDE}{seconds}-{attempt}")),
        }
    }

    /// Whether a file in the same directory is this state, set aside.
    pub(crate) fn is_set_aside(&self, name: &str) -> bool {
        name.strip_prefix(&self.name).is_some_and(|suffix| suffix.starts_with(SET_ASIDE))
    }

    fn with_suffix(&self, suffix: &str) -> PathBuf {
        self.directory().join(format!("{}{suffix}", self.name))
    }
}

const SCOPES: &str = "scopes";
const BACKUP: &str = ".bak";
const SET_ASIDE: &str = ".corrupt-";

/// The directory of all states of a plugin. An id is safe as a path segment by its own rules.
pub(crate) fn plugin_directory(root: &Path, plugin: &PluginId) -> PathBuf {
    root.join(plugin.as_str())
}

/// The file that stands for the lock on all states of a plugin.
pub(crate) fn lock_file(root: &Path, plugin: &PluginId) -> PathBuf {
    plugin_directory(root, plugin).join(".lock")
}

/// Whether a file of this name is a state.
pub(crate) fn is_state(name: &str) -> bool {
    name.starts_with("state_v") && name.ends_with(".json")
}

/// The name of the state that a file of this name is the backup of.
pub(crate) fn backed_up(name: &str) -> Option<&str> {
    name.strip_suffix(BACKUP).filter(|name| is_state(name))
}

/// Build metadata is left out: versions that differ in nothing else are the same version, and have one state.
fn file_name(version: &PluginVersion) -> String {
    let version = version.as_semver();
    let (major, minor, patch) = (version.major, version.minor, version.patch);
    let dash = if version.pre.is_empty() { "" } else { "-" };
    format!("state_v{major}.{minor}.{patch}{dash}{}.json", version.pre)
}

/// A tenant's or user's name as one segment of a path, different for different names whatever the file system folds.
fn segment(kind: &str, name: &ScopeName) -> String {
    let mut text = String::with_capacity(name.as_str().len());
    for byte in name.as_str().bytes() {
        if byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-') {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "={byte:02x}");
        }
    }
    if text.len() <= LONGEST_NAME {
        format!("{kind}-{text}")
    } else {
        format!("{kind}~{}", blake3::hash(name.as_str().as_bytes()).to_hex())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

    use std::path::Component;

    use proptest::prelude::*;

    use super::*;
    use crate::arbitrary;

    fn path(version: &str, scope: Scope) -> String {
        let key = StateKey::new("com.acme.counter".parse().unwrap(), version.parse().unwrap()).with_scope(scope);
        Place::of(Path::new("/s"), &key).file().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_global_state_is_where_the_plan_says() {
        // R7.1
        assert_eq!(path("1.0.2", Scope::Global), "/s/com.acme.counter/state_v1.0.2.json");
        assert_eq!(path("1.0.2-rc.1", Scope::Global), "/s/com.acme.counter/state_v1.0.2-rc.1.json");
    }

    #[test]
    fn build_metadata_does_not_split_states() {
        // R1.4
        assert_eq!(path("1.0.0+a", Scope::Global), path("1.0.0", Scope::Global));
        assert_eq!(path("1.0.0-rc.1+a.b", Scope::Global), path("1.0.0-rc.1+c", Scope::Global));
    }

    #[test]
    fn other_scopes_are_below_scopes() {
        // R7.6
        let name = |text: &str| text.parse::<ScopeName>().unwrap();
        let table = [
            (Scope::Tenant(name("acme")), "tenant-acme"),
            (Scope::Tenant(name("Acme")), "tenant-=41cme"),
            (Scope::Tenant(name("../..")), "tenant-=2e=2e=2f=2e=2e"),
            (Scope::User { tenant: None, user: name("ada@acme") }, "user-ada=40acme"),
            (Scope::User { tenant: Some(name("acme")), user: name("é") }, "tenant-acme/user-=c3=a9"),
        ];
        for (scope, expected) in table {
            assert_eq!(path("1.0.0", scope), format!("/s/com.acme.counter/scopes/{expected}/state_v1.0.0.json"));
        }
    }

    #[test]
    fn the_longest_version_and_names_of_any_length_fit_a_file_name() {
        let version = format!("1.2.3-{}", "x".repeat(PluginVersion::MAX_BYTES - 6));
        let name = |last: char| format!("{}{last}", "X".repeat(ScopeName::MAX_BYTES - 1)).parse::<ScopeName>().unwrap();
        let (a, b) = (path(&version, Scope::Tenant(name('a'))), path(&version, Scope::Tenant(name('b'))));
        assert_ne!(a, b);
        for segment in a.split('/') {
            assert!(segment.len() + ".corrupt-18446744073709551615-100".len() <= 255, "{segment}");
        }
    }

    proptest! {
        #[test]
        fn different_scopes_have_different_places_even_if_the_file_system_folds_case(
            a in arbitrary::scope(), b in arbitrary::scope(),
        ) {
            let folded = |scope: &Scope| path("1.0.0", scope.clone()).to_lowercase();
            prop_assert_eq!(a == b, folded(&a) == folded(&b));
        }

        #[test]
        fn every_place_is_below_the_plugin_and_fits_any_file_system(key in arbitrary::key()) {
            let place = Place::of(Path::new("/s"), &key);
            let file = place.file();
            let below = file.strip_prefix(plugin_directory(Path::new("/s"), &key.plugin)).unwrap();
            for component in below.components() {
                let Component::Normal(name) = component else { panic!("{component:?}") };
                let name = name.to_str().unwrap();
                prop_assert!(name.len() <= 200 && name.is_ascii() && !name.starts_with('.'), "{}", name);
            }
            prop_assert!(is_state(file.file_name().unwrap().to_str().unwrap()));
            prop_assert_eq!(place.directories().last().map(PathBuf::as_path), file.parent());
        }
    }
}
