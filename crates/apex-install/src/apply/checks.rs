//! Whether what is to be installed is what was planned, and what the ledger remembers.

use apex_meta::PluginVersion;

use crate::{Action, InstallError, Ledger, Mismatch, Package, Republished, Step};

/// A package is what was planned: the plan may be older, and its index anybody's.
pub(crate) fn compare(step: &Step, package: &Package) -> Result<(), InstallError> {
    let (manifest, digest) = (package.document.manifest(), package.digest);
    if manifest.id != step.plugin {
        return Err(mismatch(step, "id", step.plugin.to_string(), manifest.id.to_string()));
    }
    if step.to.as_ref() != Some(&manifest.version) {
        let expected = step.to.as_ref().map(PluginVersion::to_string).unwrap_or_default();
        return Err(mismatch(step, "version", expected, manifest.version.to_string()));
    }
    for (what, expected, found) in [("digest", step.digest, digest), ("manifest", step.manifest, package.manifest)] {
        if expected != Some(found) {
            let expected = expected.map(|digest| digest.to_string()).unwrap_or_default();
            return Err(mismatch(step, what, expected, found.to_string()));
        }
    }
    Ok(())
}

pub(super) fn mismatch(step: &Step, what: &'static str, expected: String, found: String) -> InstallError {
    let version = step.to.clone().or_else(|| step.from.clone());
    let announced_by = if step.source.is_some() { "the index" } else { "the plan" };
    match version {
        Some(version) => InstallError::Mismatch(Box::new(Mismatch {
            plugin: step.plugin.clone(),
            version,
            announced_by,
            what,
            expected,
            found,
        })),
        None => InstallError::PlanOutdated,
    }
}

/// The highest version that the ledger remembers counts, whatever the plan says.
pub(super) fn check_rollback(ledger: &Ledger, step: &Step) -> Result<(), InstallError> {
    let record = ledger.get(&step.plugin);
    let highest = record.and_then(|record| record.highest.as_ref());
    let is_active = record.is_some_and(|record| record.active.is_some() && record.active == step.to);
    match (highest, &step.to) {
        (Some(highest), Some(version)) if version < highest && step.action != Action::Downgrade && !is_active => {
            let (plugin, offered, highest) = (step.plugin.clone(), version.clone(), highest.clone());
            Err(InstallError::RollbackRefused { plugin, offered, highest })
        }
        _ => Ok(()),
    }
}

/// So do the files and the manifest of every version that it remembers.
pub(super) fn check_republished(ledger: &Ledger, step: &Step, package: &Package) -> Result<(), InstallError> {
    let version = package.document.version();
    let Some(seen) = ledger.get(&step.plugin).and_then(|record| record.seen(version)) else { return Ok(()) };
    let differing = [(seen.digest, package.digest), (seen.manifest, package.manifest)];
    match differing.into_iter().find(|(known, offered)| known != offered) {
        Some((known, offered)) => {
            let (plugin, version) = (step.plugin.clone(), version.clone());
            Err(InstallError::VersionRepublished(Box::new(Republished { plugin, version, known, offered })))
        }
        None => Ok(()),
    }
}
