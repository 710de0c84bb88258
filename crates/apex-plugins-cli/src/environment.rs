//! What the program takes from its environment, all of it in one place.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy as _;

/// What the program takes from its environment.
///
/// Neither the working directory nor a variable can slip in a configuration, a trust store, a policy or a root with
/// lenient rules: those come from the command line or from the user's configuration directory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `APEX_PLUGIN_PATH`: directories to search, separated as in `PATH`.
    pub(crate) plugin_path: Option<OsString>,
    /// `APEX_STORE`.
    pub(crate) store: Option<PathBuf>,
    /// `APEX_STATE_DIR`.
    pub(crate) state_dir: Option<PathBuf>,
    /// `APEX_CACHE_DIR`.
    pub(crate) cache_dir: Option<PathBuf>,
    /// The names of the variables that the dynamic linker obeys, as far as they are set.
    pub(crate) linker_variables: Vec<OsString>,
    /// All variables with a name that is text: a plugin gets those that it is granted.
    pub(crate) variables: Vec<(String, OsString)>,
    /// The user's own directories, if they can be told.
    pub(crate) user: Option<UserDirectories>,
}

/// The user's directories for this program, after the XDG Base Directory Specification or the platform's custom.
#[derive(Debug, Clone)]
pub(crate) struct UserDirectories {
    pub(crate) config: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) state: PathBuf,
    pub(crate) cache: PathBuf,
}

/// The program's name in the user's and the system's directories.
pub(crate) const NAME: &str = "apex";

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            plugin_path: env::var_os("APEX_PLUGIN_PATH").filter(|value| !value.is_empty()),
            store: path("APEX_STORE"),
            state_dir: path("APEX_STATE_DIR"),
            cache_dir: path("APEX_CACHE_DIR"),
            linker_variables: env::vars_os().map(|(name, _)| name).filter(|name| is_the_linkers(name)).collect(),
            variables: env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect(),
            user: UserDirectories::of_process(),
        }
    }

    /// The directories of `APEX_PLUGIN_PATH`, and those that are passed over because they are relative.
    ///
    /// A relative one, and the empty one that a stray separator makes, would search the working directory.
    pub(crate) fn plugin_path(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let all = self.plugin_path.as_ref().map(env::split_paths).into_iter().flatten();
        all.partition(|path| path.is_absolute())
    }
}

/// The cargo to build with: the one that runs this program, if one does, else the one in `PATH`.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// Whether a variable is one of those that the dynamic linker reads.
fn is_the_linkers(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"LD_")
}

impl UserDirectories {
    fn of_process() -> Option<Self> {
        let base = etcetera::choose_base_strategy().ok()?;
        let own = |directory: PathBuf| directory.join(NAME);
        let state = base.state_dir().unwrap_or_else(|| base.data_dir());
        let found = Self {
            config: own(base.config_dir()),
            data: own(base.data_dir()),
            state: own(state),
            cache: own(base.cache_dir()),
        };
        found.is_absolute().then_some(found)
    }

    /// A relative home directory would lead into the working directory.
    fn is_absolute(&self) -> bool {
        [&self.config, &self.data, &self.state, &self.cache].into_iter().all(|path| Path::is_absolute(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_directories_of_the_plugin_path_are_passed_over() {
        let environment = Environment { plugin_path: Some("/a::plugins:/b:.".into()), ..Environment::default() };
        let (taken, passed_over) = environment.plugin_path();
        assert_eq!(taken, ["/a", "/b"].map(PathBuf::from));
        assert_eq!(passed_over, ["", "plugins", "."].map(PathBuf::from));
    }
}
