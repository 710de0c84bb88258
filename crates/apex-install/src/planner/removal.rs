//! Plans to remove plugins.

use apex_meta::{PluginId, PluginVersion};
use apex_resolve::Request;

use crate::{Action, InstallError, Ledger, Plan, Step, Store, offer::Offer};

impl Plan {
    /// Plans to remove plugins: all versions, or those that satisfy the specifier.
    ///
    /// # Errors
    /// Nothing installed is meant; the active version is, but not all others; or, unless `force` is set, an active plugin
    /// that stays needs one that goes.
    pub fn removal(store: &Store, ledger: &Ledger, requests: &[Request], force: bool) -> Result<Self, InstallError> {
        let mut steps = Vec::new();
        for request in requests {
            let plugin = &request.plugin;
            let (going, active) = going(ledger, request)?;
            let is_whole = active.is_some_and(|active| going.contains(&active));
            if !is_whole {
                steps.extend(going.into_iter().map(|version| step(plugin, version, "you ask for it")));
                continue;
            }
            let dependents = dependents(store, ledger, plugin, requests);
            if !force && !dependents.is_empty() {
                return Err(InstallError::StillNeeded { plugin: plugin.clone(), dependents });
            }
            steps.extend(active.map(|active| step(plugin, active, "you ask for it")));
        }
        let generation = ledger.generation();
        Ok(Self {
            generation,
            steps,
            left_out: Vec::new(),
            cycles: Vec::new(),
            requested: Vec::new(),
            grants: Vec::new(),
        })
    }
}

/// The versions that a request means, and the active one.
fn going<'a>(
    ledger: &'a Ledger,
    request: &Request,
) -> Result<(Vec<&'a PluginVersion>, Option<&'a PluginVersion>), InstallError> {
    let is_meant = |version: &PluginVersion| {
        request.specifier.as_ref().is_none_or(|specifier| specifier.matches(version.as_semver()))
    };
    let record = ledger.get(&request.plugin);
    let installed = record.map_or(&[] as &[_], |record| &record.installed).iter().map(|tree| &tree.version);
    let (going, staying): (Vec<_>, Vec<_>) = installed.partition(|version| is_meant(version));
    if going.is_empty() {
        let specifier = request.specifier.as_ref().map(|specifier| format!(" {specifier}")).unwrap_or_default();
        return Err(InstallError::NotInstalled { what: format!("plugin `{}`{specifier}", request.plugin) });
    }
    let active = record.and_then(|record| record.active.as_ref());
    match active.filter(|active| going.contains(active) && !staying.is_empty()) {
        Some(active) => Err(InstallError::ActiveVersion { plugin: request.plugin.clone(), version: active.clone() }),
        None => Ok((going, active)),
    }
}

/// The active plugins, but for those that go as well, that need a plugin: each as `id version`.
fn dependents(store: &Store, ledger: &Ledger, plugin: &PluginId, going: &[Request]) -> Vec<String> {
    let staying = ledger.active().filter(|(other, _)| !going.iter().any(|request| request.plugin == **other));
    let needs =
        |offer: &Offer| offer.dependencies.iter().any(|dependency| dependency.id == *plugin && !dependency.optional);
    staying
        .filter(|(other, tree)| Offer::of_tree(store, ledger, other, tree).is_some_and(|offer| needs(&offer)))
        .map(|(other, tree)| format!("{other} {}", tree.version))
        .collect()
}

pub(super) fn step(plugin: &PluginId, version: &PluginVersion, because: &str) -> Step {
    Step {
        action: Action::Remove,
        plugin: plugin.clone(),
        from: Some(version.clone()),
        to: None,
        digest: None,
        manifest: None,
        publisher: None,
        permissions: Vec::new(),
        granted: Vec::new(),
        not_granted: Vec::new(),
        package: None,
        source: None,
        bytes: 0,
        because: because.to_owned(),
    }
}
