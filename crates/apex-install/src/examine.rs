//! What is wrong with a store, or left over in it.

use std::path::{Path, PathBuf};

use apex_meta::{PluginId, PluginVersion, Reason};
use apex_trust::tree_digest;

use crate::{Installed, Ledger, Store, journal::Journal, offer::Offer, strict};

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
                    let is_active = record.active.as_ref() == Some(&tree.version);
                    examine_tree(store, plugin, tree, is_active, &mut findings);
                }
            }
            examine_needs(store, &ledger, &mut findings);
            leftovers(store, &ledger, &mut findings);
        }
        Err(error) => findings.push(problem(&store.ledger_file(), error.reason())),
    }
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.path.cmp(&b.path)));
    findings
}

fn examine_tree(store: &Store, plugin: &PluginId, tree: &Installed, is_active: bool, findings: &mut Vec<StoreFinding>) {
    let path = store.tree(plugin, &tree.version);
    // A version that is not active is let go: installing it would make it the active one.
    let forget = || format!("apex remove '{plugin}@=={}'", tree.version);
    let again = || match is_active {
        true => format!("rm -rf {} && {}", word(&path), reinstall(plugin, tree)),
        false => forget(),
    };
    if !path.is_dir() {
        let message = format!("{plugin} {} is installed by the ledger's word, but is not there", tree.version);
        let hint = if is_active { reinstall(plugin, tree) } else { forget() };
        findings.push(problem(&path, Reason::new("TreeMissing", message).with_hint(hint)));
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
            findings.push(problem(&path, Reason { code: error.code().into(), message, hint: Some(again()) }));
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
                let reason = Reason::new("ManifestChanged", message).with_hint(reinstall(plugin, tree));
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
    let journal = journal(store, findings);
    for name in names(&store.staging()) {
        let message = "left behind by a change that was interrupted";
        findings.push(leftover(store.staging().join(name), message, CLEAN));
    }
    for plugin in names(&store.plugins()) {
        let directory = store.plugins().join(&plugin);
        if !directory.is_dir() {
            findings.push(stray(directory));
            continue;
        }
        let id: Option<PluginId> = plugin.parse().ok();
        for version in names(&directory) {
            let place = id.as_ref().zip(version.parse::<PluginVersion>().ok());
            // The text names the directory: of two that say the same version, one is listed.
            let is_listed = place.as_ref().is_some_and(|(id, number)| {
                ledger.installed(id, number).is_some_and(|tree| tree.version.to_string() == version)
            });
            let is_noted = place.as_ref().is_some_and(|(id, number)| {
                journal.trees.iter().any(|tree| tree.plugin == **id && tree.version.to_string() == number.to_string())
            });
            match (is_listed, is_noted) {
                (true, _) => {}
                (false, true) => {
                    let message = "a change that was interrupted put it there, or was about to remove it";
                    findings.push(leftover(directory.join(version), message, CLEAN));
                }
                (false, false) => findings.push(stray(directory.join(version))),
            }
        }
    }
}

/// The command that removes what a change which was interrupted has left, and nothing else.
const CLEAN: &str = "apex clean";

/// What a change that was interrupted noted; one that cannot be read keeps every later change from its work.
fn journal(store: &Store, findings: &mut Vec<StoreFinding>) -> Journal {
    let path = store.journal_file();
    let read = store.disk().read(&path, strict::LIMITS.max_bytes);
    let parsed = read.and_then(|bytes| bytes.map(|bytes| Journal::parse(&path, &bytes)).transpose());
    match parsed {
        Ok(None) => Journal::default(),
        Ok(Some(journal)) => {
            findings.push(leftover(path, "a change was interrupted; the next one cleans up after it", CLEAN));
            journal
        }
        Err(error) => {
            let hint = format!("rm {}", word(&path));
            findings.push(problem(&path, error.reason().with_hint(hint)));
            Journal::default()
        }
    }
}

/// What stands among the trees, and no change of the store has to do with it.
fn stray(path: PathBuf) -> StoreFinding {
    let hint = format!("rm -rf {}", word(&path));
    leftover(path, "the ledger does not list it, so it is never run", hint)
}

fn leftover(path: PathBuf, message: &str, hint: impl Into<String>) -> StoreFinding {
    StoreFinding { severity: Severity::Leftover, path, reason: Reason::new("Leftover", message).with_hint(hint) }
}

/// The command that brings the files of a version back.
fn reinstall(plugin: &PluginId, tree: &Installed) -> String {
    format!("apex install '{plugin}@=={}'", tree.version)
}

/// A path as one word of a shell.
fn word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+".contains(character);
    match text.chars().all(is_plain) {
        true => text.into_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

fn problem(path: &Path, reason: Reason) -> StoreFinding {
    StoreFinding { severity: Severity::Problem, path: path.to_owned(), reason }
}
