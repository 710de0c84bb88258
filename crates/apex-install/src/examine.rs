//! What is wrong with a store, or left over in it.

use std::path::{Path, PathBuf};

use apex_meta::{PluginId, PluginVersion, Reason};
use apex_trust::tree_digest;

use crate::{InstallError, Ledger, Store, offer::Offer};

/// Something about a store that its operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFinding {
    /// Whether something is wrong, or only left over.
    pub severity: Severity,
    /// What it is about.
    pub path: PathBuf,
    /// What it is, with what to do.
    pub reason: Reason,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Harmless: nothing that is left over is ever run.
    Leftover,
    /// Something does not work, or is not what it was when it was installed.
    Problem,
}

/// Examines a store: every installed tree against the ledger, byte by byte, and what else lies there.
///
/// Changes nothing. A store that does not exist is in order.
pub fn examine(store: &Store) -> Vec<StoreFinding> {
    let mut findings = Vec::new();
    match store.ledger() {
        Ok(ledger) => {
            for (plugin, record) in ledger.plugins() {
                for tree in &record.installed {
                    examine_tree(store, plugin, tree, &mut findings);
                }
            }
            examine_needs(store, &ledger, &mut findings);
            leftovers(store, &ledger, &mut findings);
        }
        Err(error) => findings.push(problem(&store.ledger_file(), of_error(&error))),
    }
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.path.cmp(&b.path)));
    findings
}

fn examine_tree(store: &Store, plugin: &PluginId, tree: &crate::Installed, findings: &mut Vec<StoreFinding>) {
    let path = store.tree(plugin, &tree.version);
    let again = || "remove the plugin and install it again";
    if !path.is_dir() {
        let message = format!("{plugin} {} is installed by the ledger's word, but is not there", tree.version);
        findings.push(problem(&path, Reason::new("TreeMissing", message).with_hint(again())));
        return;
    }
    match tree_digest(&path, tree.digest.algorithm()) {
        Ok(found) if found == tree.digest => {}
        Ok(found) => {
            let message = format!("{plugin} {} was changed: its digest is {found}, not {}", tree.version, tree.digest);
            findings.push(problem(&path, Reason::new("ChecksumMismatch", message).with_hint(again())));
        }
        Err(error) => {
            let message = format!("{plugin} {}: {error}", tree.version);
            findings.push(problem(&path, Reason { code: error.code().into(), message, hint: error.hint() }));
        }
    }
}

/// What active plugins need from the store must be active, unless it stands elsewhere, which this does not know.
fn examine_needs(store: &Store, ledger: &Ledger, findings: &mut Vec<StoreFinding>) {
    for (plugin, tree) in ledger.active() {
        let path = store.tree(plugin, &tree.version);
        let Some(offer) = Offer::of_tree(store, ledger, plugin, tree) else {
            if path.is_dir() {
                let message = format!("the manifest of {plugin} {} is not the one that was installed", tree.version);
                let reason =
                    Reason::new("ManifestChanged", message).with_hint("remove the plugin and install it again");
                findings.push(problem(&path, reason));
            }
            continue;
        };
        for dependency in offer.dependencies.iter().filter(|dependency| !dependency.optional) {
            let active: Option<&PluginVersion> = ledger.get(&dependency.id).and_then(|record| record.active.as_ref());
            let unfit = active.filter(|active| {
                dependency.version_specifier.as_ref().is_some_and(|specifier| !specifier.matches(active.as_semver()))
            });
            if let Some(active) = unfit {
                let message = format!("{plugin} {} cannot use {} {active}", tree.version, dependency.id);
                let hint = format!("apex install {plugin}");
                findings.push(problem(&path, Reason::new("DependencyConflict", message).with_hint(hint)));
            }
        }
    }
}

fn leftovers(store: &Store, ledger: &Ledger, findings: &mut Vec<StoreFinding>) {
    let left = |path: PathBuf, message: &str| StoreFinding {
        severity: Severity::Leftover,
        path,
        reason: Reason::new("Leftover", message).with_hint("`apex clean` removes what an interrupted change has left"),
    };
    if store.journal_file().exists() {
        findings.push(left(store.journal_file(), "a change was interrupted; the next one cleans up after it"));
    }
    for name in names(&store.staging()) {
        findings.push(left(store.staging().join(name), "left behind by a change that was interrupted"));
    }
    for plugin in names(&store.plugins()) {
        let directory = store.plugins().join(&plugin);
        let id: Option<PluginId> = plugin.parse().ok();
        for version in names(&directory) {
            let is_listed = id.as_ref().zip(version.parse().ok()).is_some_and(|(id, number): (_, PluginVersion)| {
                ledger.installed(id, &number).is_some_and(|tree| tree.version.to_string() == version)
            });
            if !is_listed {
                findings.push(left(directory.join(version), "the ledger does not list it, so it is never run"));
            }
        }
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn problem(path: &Path, reason: Reason) -> StoreFinding {
    StoreFinding { severity: Severity::Problem, path: path.to_owned(), reason }
}

fn of_error(error: &InstallError) -> Reason {
    Reason { code: error.code().into(), message: error.to_string(), hint: error.hint() }
}
