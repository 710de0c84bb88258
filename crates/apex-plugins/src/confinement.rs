//! From what the operator granted to what a plugin may touch.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::DirBuilder,
    io,
    path::{Path, PathBuf},
};

use apex_discover::Entry;
use apex_exec::{CallError, Kernel, Sandbox};
use apex_meta::{ErrorKind, Manifest, Owner, PathRoot, Permission, PluginId, Reason};
use apex_trust::{GrantRoots, GrantTooWide, Grants, GrantsError, PolicyLevel};

use crate::{manager::Inner, start::blocked};

/// Where what the operator granted is to be found.
#[derive(Clone)]
pub(crate) enum GrantSource {
    Fixed(Grants),
    File(PathBuf),
}

impl Default for GrantSource {
    fn default() -> Self {
        Self::Fixed(Grants::empty())
    }
}

/// What every plugin's process is confined by.
#[derive(Clone)]
pub(crate) struct ConfinementSettings {
    pub(crate) workspace: Option<PathBuf>,
    /// The directory of all plugins' own directories.
    pub(crate) plugin_data: Option<PathBuf>,
    pub(crate) temporary: Option<PathBuf>,
    pub(crate) variables: BTreeMap<String, OsString>,
    pub(crate) protected: Vec<PathBuf>,
    pub(crate) kernel: Kernel,
    pub(crate) unconfined: Option<String>,
}

impl Default for ConfinementSettings {
    fn default() -> Self {
        Self {
            workspace: None,
            plugin_data: None,
            temporary: None,
            variables: BTreeMap::new(),
            protected: Vec::new(),
            kernel: Kernel::current(),
            unconfined: None,
        }
    }
}

/// What a plugin asks for, what of it is granted and in effect, and what the kernel cannot keep it from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PluginPermissions {
    /// What it asks for, as far as this release knows it.
    pub asked: Vec<Permission>,
    /// What the operator granted to plugins of its id and owner.
    pub granted: Vec<Permission>,
    /// What is both, and so in effect.
    pub in_effect: Vec<Permission>,
    /// Whether grants under its id are bound to another owner, and so not its own.
    pub granted_to_others: bool,
    /// What the kernel cannot keep it from although it was not granted.
    pub gaps: Vec<&'static str>,
}

impl Inner {
    /// What the operator granted, as it is now.
    pub(crate) fn grants(&self) -> Result<Grants, GrantsError> {
        match &self.settings.grants {
            GrantSource::Fixed(grants) => Ok(grants.clone()),
            GrantSource::File(file) => Grants::load(file),
        }
    }

    /// The file that grants are kept in, if there is one.
    pub(crate) fn grants_file(&self) -> Option<&Path> {
        match &self.settings.grants {
            GrantSource::File(file) => Some(file),
            GrantSource::Fixed(_) => None,
        }
    }

    /// What a plugin in the catalogue may do.
    pub(crate) fn permissions(&self, entry: &Entry) -> Result<PluginPermissions, GrantsError> {
        let (Some(manifest), Some(id)) = (entry.manifest(), entry.id()) else {
            return Ok(PluginPermissions {
                asked: Vec::new(),
                granted: Vec::new(),
                in_effect: Vec::new(),
                granted_to_others: false,
                gaps: Vec::new(),
            });
        };
        let grants = self.grants()?;
        let sandbox = self.sandbox_of(manifest, id, entry.owner().as_ref(), &grants);
        Ok(PluginPermissions {
            asked: manifest.permissions(),
            granted: granted(&grants, id, entry.owner().as_ref()),
            in_effect: sandbox.in_effect(),
            granted_to_others: entry.owner().is_some_and(|owner| grants.are_foreign(id, &owner)),
            gaps: sandbox.gaps(),
        })
    }

    /// What a plugin's process is confined to.
    ///
    /// # Errors
    /// The grants cannot be read; one is too wide; or policy demands more than the kernel can enforce.
    pub(crate) fn sandbox(&self, manifest: &Manifest, owner: Option<&Owner>) -> Result<Sandbox, CallError> {
        let grants = self.grants().map_err(|error| unreadable(&error))?;
        self.sandbox_with(manifest, owner, &grants)
    }

    /// The same as if these were the grants.
    pub(crate) fn sandbox_with(
        &self,
        manifest: &Manifest,
        owner: Option<&Owner>,
        grants: &Grants,
    ) -> Result<Sandbox, CallError> {
        let id = &manifest.id;
        if owner.is_some_and(|owner| grants.are_foreign(id, owner)) {
            tracing::warn!(plugin = %id, "what was granted under this id was granted to another owner, and does not apply");
        }
        let sandbox = self.sandbox_of(manifest, id, owner, grants);
        let in_effect = sandbox.in_effect();
        let roots = self.roots(id, owner);
        for permission in &in_effect {
            roots.check_width(permission, &self.protected()).map_err(|error| blocked(&too_wide(&error, id)))?;
        }
        if in_effect.iter().any(is_below_plugin_data)
            && let Some(directory) = &roots.plugin_data
        {
            make_private(directory).map_err(|error| {
                let message = format!("its directory {} cannot be made", directory.display());
                CallError::new(ErrorKind::ResourceNotFound, message).caused_by(&error)
            })?;
        }
        self.check_gaps(&sandbox, id)?;
        Ok(sandbox)
    }

    fn sandbox_of(&self, manifest: &Manifest, id: &PluginId, owner: Option<&Owner>, grants: &Grants) -> Sandbox {
        let settings = &self.settings.confinement;
        let sandbox = match &settings.unconfined {
            Some(reason) => Sandbox::open(reason),
            None => Sandbox::closed(),
        };
        let sandbox = sandbox
            .asked(manifest.permissions())
            .granted(granted(grants, id, owner))
            .roots(self.roots(id, owner))
            .variables(settings.variables.clone())
            .kernel(settings.kernel);
        settings.temporary.iter().fold(sandbox, |sandbox, directory| sandbox.temporary(directory))
    }

    fn check_gaps(&self, sandbox: &Sandbox, id: &PluginId) -> Result<(), CallError> {
        let gaps = sandbox.gaps();
        if gaps.is_empty() {
            return Ok(());
        }
        let gaps = gaps.join("; ");
        if self.settings.policy.level() == PolicyLevel::Strict {
            let message = format!("this kernel cannot keep it from what was not granted: {gaps}");
            return Err(CallError::new(ErrorKind::IsolationUnavailable, message).with_hint(
                "use a kernel with Landlock (Linux 6.12 has all of it), or the policy `standard`, which only warns",
            ));
        }
        tracing::warn!(plugin = %id, "this kernel cannot keep the plugin from all that was not granted: {gaps}");
        Ok(())
    }

    pub(crate) fn roots(&self, id: &PluginId, owner: Option<&Owner>) -> GrantRoots {
        let settings = &self.settings.confinement;
        let own = |all: &PathBuf| Some(all.join(id.as_str()).join(directory_of(owner?)));
        GrantRoots { workspace: settings.workspace.clone(), plugin_data: settings.plugin_data.as_ref().and_then(own) }
    }

    /// What no plugin may be granted to write.
    pub(crate) fn protected(&self) -> Vec<PathBuf> {
        let settings = &self.settings;
        let grants = self.grants_file().map(Path::to_owned);
        let files = settings.trust_path.iter().chain(&settings.overrides).chain(&grants);
        let roots = settings.roots.iter().map(|root| root.path().to_owned());
        files.cloned().chain(roots).chain(settings.confinement.protected.iter().cloned()).collect()
    }
}

fn granted(grants: &Grants, id: &PluginId, owner: Option<&Owner>) -> Vec<Permission> {
    owner.into_iter().flat_map(|owner| grants.of(id, owner)).cloned().collect()
}

fn is_below_plugin_data(permission: &Permission) -> bool {
    match permission {
        Permission::ReadFiles(path) | Permission::WriteFiles(path) => path.root() == PathRoot::PluginData,
        _ => false,
    }
}

/// A name that no other owner's directory has, and that is no other file's.
fn directory_of(owner: &Owner) -> String {
    match owner {
        Owner::Publisher(name) => format!("publisher-{name}"),
        Owner::Digest(digest) => format!("digest-{}", digest.to_string().replace(':', "-")),
        Owner::Linked => "linked".to_owned(),
    }
}

fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn too_wide(error: &GrantTooWide, id: &PluginId) -> Reason {
    let help = format!("{}; take it back with `apex ungrant {id} '{}'`", error.hint(), error.permission);
    Reason::new(GrantTooWide::CODE, error.to_string()).with_hint(help)
}

fn unreadable(error: &GrantsError) -> CallError {
    let reason = Reason::new(error.code(), error.to_string());
    let reason = error.hint().into_iter().fold(reason, Reason::with_hint);
    blocked(&reason).caused_by(error)
}
