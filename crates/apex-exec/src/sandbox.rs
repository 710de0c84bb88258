//! What a plugin in a child process may touch: what was granted, a documented baseline, and nothing else.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use apex_meta::{Permission, PluginId};
use apex_trust::GrantRoots;

mod denial;
mod kernel;
#[cfg(target_os = "linux")]
mod prepared;
#[cfg(target_os = "linux")]
mod scratch;
#[cfg(test)]
mod tests;

pub(crate) use denial::Denial;
pub use kernel::Kernel;
#[cfg(target_os = "linux")]
pub(crate) use prepared::Prepared;
#[cfg(target_os = "linux")]
pub(crate) use scratch::Scratch;

/// What a plugin in a child process may touch; one that runs in this process is held to nothing.
///
/// ```
/// use apex_exec::Sandbox;
/// let sandbox = Sandbox::closed()
///     .asked(["fs.read:/data".parse().unwrap(), "net.connect:443".parse().unwrap()])
///     .granted(["fs.read:/data/public".parse().unwrap(), "process.spawn".parse().unwrap()]);
/// // Granted and asked for: nothing else is in effect.
/// assert_eq!(sandbox.in_effect(), ["fs.read:/data/public".parse().unwrap()]);
/// ```
#[derive(Debug, Clone)]
pub struct Sandbox {
    asked: Vec<Permission>,
    granted: Vec<Permission>,
    roots: GrantRoots,
    variables: BTreeMap<String, OsString>,
    temporary: PathBuf,
    kernel: Kernel,
    is_open: bool,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::closed()
    }
}

impl Sandbox {
    /// A sandbox in which nothing is granted: the plugin can compute, and talk with its host.
    pub fn closed() -> Self {
        Self {
            asked: Vec::new(),
            granted: Vec::new(),
            roots: GrantRoots::default(),
            variables: BTreeMap::new(),
            temporary: PathBuf::from("/tmp"),
            kernel: Kernel::current(),
            is_open: false,
        }
    }

    /// No sandbox at all, and a warning that says why: what runs so may do whatever this user may.
    pub fn open(reason: &str) -> Self {
        tracing::warn!(reason, "a plugin's process is not confined");
        Self { is_open: true, ..Self::closed() }
    }

    /// Sets what the plugin asks for; nothing else comes into effect.
    #[must_use]
    pub fn asked(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.asked = permissions.into_iter().collect();
        self
    }

    /// Sets what the operator granted.
    #[must_use]
    pub fn granted(mut self, permissions: impl IntoIterator<Item = Permission>) -> Self {
        self.granted = permissions.into_iter().collect();
        self
    }

    /// Sets what `${plugin_data}` and `${workspace}` stand for; without it, grants below them have no effect.
    #[must_use]
    pub fn roots(mut self, roots: GrantRoots) -> Self {
        self.roots = roots;
        self
    }

    /// Sets the variables that the plugin has if they are granted by `env:NAME`.
    #[must_use]
    pub fn variables(mut self, variables: BTreeMap<String, OsString>) -> Self {
        self.variables = variables;
        self
    }

    /// Sets where the process gets a temporary directory of its own, which goes with it; `/tmp`, if not called.
    #[must_use]
    pub fn temporary(mut self, directory: impl Into<PathBuf>) -> Self {
        self.temporary = directory.into();
        self
    }

    /// Uses no more of the kernel than this.
    #[must_use]
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = kernel;
        self
    }

    /// What is in effect: granted, and asked for.
    pub fn in_effect(&self) -> Vec<Permission> {
        Permission::in_effect(&self.granted, &self.asked)
    }

    /// What is asked for and not granted.
    pub fn missing(&self) -> Vec<&Permission> {
        self.asked.iter().filter(|asked| !self.granted.iter().any(|granted| granted.covers(asked))).collect()
    }

    /// What the kernel cannot keep the plugin from, although it was not granted.
    pub fn gaps(&self) -> Vec<&'static str> {
        match self.is_open {
            true => vec!["its process is not confined at all"],
            false => self.kernel.gaps(&self.in_effect()),
        }
    }

    /// The paths on this machine that are in effect, with those that a plugin could have led elsewhere left out.
    fn paths(&self, permissions: &[Permission]) -> Vec<(Permission, PathBuf)> {
        let resolved = |permission: &Permission| match permission {
            Permission::ReadFiles(path) | Permission::WriteFiles(path) => self.roots.resolve(path),
            _ => None,
        };
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let writable: Vec<_> = permissions
            .iter()
            .filter(|permission| matches!(permission, Permission::WriteFiles(_)))
            .filter_map(resolved)
            .map(|path| (real(&path), path))
            .collect();
        let mut paths = Vec::new();
        for permission in permissions {
            let Some(path) = resolved(permission) else {
                if matches!(permission, Permission::ReadFiles(_) | Permission::WriteFiles(_)) {
                    tracing::warn!(%permission, "a grant has no effect: this host has no such directory");
                }
                continue;
            };
            let target = real(&path);
            // Whoever may write a directory may put links into it: they must lead to nothing more.
            let leads_out = |(root, named): &(PathBuf, PathBuf)| {
                path != *named && (path.starts_with(named) || path.starts_with(root)) && !target.starts_with(root)
            };
            if writable.iter().any(leads_out) {
                tracing::warn!(%permission, "a grant has no effect: below what the plugin may write, a link leads out");
                continue;
            }
            paths.push((permission.clone(), target));
        }
        paths
    }

    /// How a denial is explained.
    pub(crate) fn denial(&self, plugin: &PluginId) -> Option<Denial> {
        (!self.is_open).then(|| Denial::new(plugin, &self.in_effect(), &self.missing()))
    }
}
