//! Whatever of a plugin could become active: trees in the store, packages named, packages of sources.

use std::path::PathBuf;

use apex_meta::{Digest, PluginDependency, PluginId, PluginVersion};
use apex_trust::{KeyId, TrustStore};

use crate::{Announced, Installed, Ledger, Package, Source, Store, package::manifest_digest};

/// A version of a plugin that could become active.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) plugin: PluginId,
    pub(crate) version: PluginVersion,
    pub(crate) digest: Digest,
    pub(crate) manifest: Digest,
    /// The trusted publisher who signed it, as far as is known before it is verified.
    pub(crate) publisher: Option<String>,
    /// Whether it claims a signature.
    pub(crate) is_signed: bool,
    pub(crate) dependencies: Vec<PluginDependency>,
    pub(crate) permissions: Vec<String>,
    pub(crate) yanked: Option<String>,
    pub(crate) origin: Origin,
}

/// Where an offer is.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// Its tree is in the store.
    Store,
    /// A package that was named.
    Package { path: PathBuf, bytes: u64 },
    /// A package of a source.
    Source { name: String, path: PathBuf, bytes: u64 },
}

impl Offer {
    /// A tree of the store; none if its manifest cannot be read, which is for `examine` to tell.
    pub(crate) fn of_tree(store: &Store, ledger: &Ledger, plugin: &PluginId, tree: &Installed) -> Option<Self> {
        let document = apex_package::read_document(&store.tree(plugin, &tree.version)).ok()?;
        let manifest = manifest_digest(&document).ok()?;
        let is_known = document.id() == plugin
            && document.version() == &tree.version
            && ledger.get(plugin)?.seen(&tree.version)?.manifest == manifest;
        is_known.then(|| Self {
            plugin: plugin.clone(),
            version: tree.version.clone(),
            digest: tree.digest,
            manifest,
            publisher: tree.publisher.clone(),
            is_signed: document.manifest().signature.is_some(),
            dependencies: document.manifest().plugin_dependencies().to_vec(),
            permissions: document.manifest().permissions_required.clone(),
            yanked: None,
            origin: Origin::Store,
        })
    }

    /// A package that was named.
    pub(crate) fn of_package(package: &Package, trust: &TrustStore) -> Self {
        let manifest = package.document.manifest();
        Self {
            plugin: manifest.id.clone(),
            version: manifest.version.clone(),
            digest: package.digest,
            manifest: package.manifest,
            publisher: publisher(trust, &manifest.id, package.signer.as_ref()),
            is_signed: manifest.signature.is_some(),
            dependencies: manifest.plugin_dependencies().to_vec(),
            permissions: manifest.permissions_required.clone(),
            yanked: None,
            origin: Origin::Package { path: package.path.clone(), bytes: package.bytes },
        }
    }

    /// A package of a source.
    pub(crate) fn announced(source: &Source, announced: &Announced, trust: &TrustStore) -> Self {
        let path = source.directory().join(announced.file.as_str());
        Self {
            plugin: announced.id.clone(),
            version: announced.version.clone(),
            digest: announced.digest,
            manifest: announced.manifest,
            publisher: publisher(trust, &announced.id, announced.signer.as_ref()),
            is_signed: announced.signer.is_some(),
            dependencies: announced.dependencies.clone(),
            permissions: announced.permissions.clone(),
            yanked: announced.yanked.clone(),
            origin: Origin::Source { name: source.name.clone(), path, bytes: announced.size },
        }
    }

    pub(crate) fn is_in_store(&self) -> bool {
        matches!(self.origin, Origin::Store)
    }
}

/// The publisher whose key a package claims to be signed with, if the operator trusts one with this id.
fn publisher(trust: &TrustStore, plugin: &PluginId, signer: Option<&KeyId>) -> Option<String> {
    let (name, publisher, key) = trust.key(signer?)?;
    (publisher.covers(plugin) && key.revoked.is_none()).then(|| name.to_owned())
}
