//! Who stands for an id and version that several finds claim: trust first, then fitness, then the earlier root.

use std::{cmp::Reverse, collections::BTreeMap, path::Path};

use apex_meta::{Digest, PluginId, PluginVersion, Reason, Status};
use serde_json::{Map, Value};

use crate::{Entry, entry::Standing};

/// Settles every contest among entries whose ids are equal but for ASCII case.
///
/// Only what trust lets through competes. An unfit find yields to a fit one of the same trust, so that a broken plugin
/// never hides one that works; it never yields to a less trusted one.
pub(crate) fn settle(group: &mut [Entry]) {
    // Most stand alone.
    if group.len() < 2 {
        return;
    }
    for (index, status, reason) in defeats(group) {
        let entry = &mut group[index];
        entry.edit().standing = Standing::Loser;
        // What is blocked on its own account keeps that reason.
        if entry.status() != Status::Blocked {
            entry.set(status, reason);
        }
    }
}

fn defeats(group: &[Entry]) -> Vec<(usize, Status, Reason)> {
    let mut contenders: Vec<_> =
        group.iter().enumerate().filter(|(_, entry)| entry.standing() == Standing::Winner).collect();
    contenders.sort_by_key(|(_, entry)| rank(entry));
    let Some((_, champion)) = contenders.first().copied() else { return Vec::new() };
    let mut winners: BTreeMap<Option<&PluginVersion>, &Entry> = BTreeMap::new();
    let mut defeats = Vec::new();
    for (index, entry) in contenders {
        if entry.id() != champion.id() {
            defeats.push((index, Status::Blocked, case_conflict(champion)));
            continue;
        }
        let winner = *winners.entry(entry.version()).or_insert(entry);
        if std::ptr::eq(winner, entry) {
            continue;
        }
        defeats.push(match difference(winner, entry) {
            None => (index, Status::Shadowed, shadowed(winner)),
            Some(difference) => (index, Status::Blocked, duplicate(winner, entry, difference)),
        });
    }
    defeats
}

/// Smaller is better.
fn rank(entry: &Entry) -> (bool, Reverse<bool>, bool, Option<(usize, &Path)>) {
    (!entry.is_linked(), Reverse(entry.is_trusted()), entry.status() == Status::Blocked, entry.precedence())
}

fn case_conflict(champion: &Entry) -> Reason {
    let id = champion.id().map_or("", PluginId::as_str);
    let message = format!("its id differs only in case from {id} {}, which takes precedence", champion.whereabouts());
    Reason::new("IdCaseConflict", message).with_hint("remove one of the two, or give it another id")
}

fn shadowed(winner: &Entry) -> Reason {
    Reason::new("Shadowed", format!("the same plugin {} takes its place", winner.whereabouts()))
}

fn duplicate(winner: &Entry, loser: &Entry, difference: &str) -> Reason {
    let describe = |entry: &Entry| {
        let digest = entry.digest().map_or_else(|| "no digest".to_owned(), Digest::to_string);
        format!("{} ({digest})", entry.whereabouts())
    };
    let id = winner.id().map_or("", PluginId::as_str);
    let version = winner.version().map_or_else(String::new, PluginVersion::to_string);
    let (loser, winner) = (describe(loser), describe(winner));
    let message = format!("{id} {version} {loser} {difference} {winner}, which takes precedence");
    Reason::new("DuplicatePlugin", message).with_hint("remove one of the two, or give one another version")
}

/// How the content of two entries differs; none if it is the same.
///
/// The digest covers all files but `plugin.json`, so that both count; a signature alone makes no difference.
fn difference(winner: &Entry, loser: &Entry) -> Option<&'static str> {
    let same_files = match (winner.digest(), loser.digest()) {
        (Some(one), Some(other)) if one.algorithm() == other.algorithm() => one == other,
        (None, None) if winner.is_linked() && loser.is_linked() => true,
        _ => return Some("cannot be shown to have the same content as the one"),
    };
    if !same_files {
        return Some("has other content than the one");
    }
    (!same_but_for_signature(winner, loser)).then_some("has another plugin.json than the one")
}

fn same_but_for_signature(one: &Entry, other: &Entry) -> bool {
    let members = |entry| -> Option<&Map<String, Value>> { Entry::document(entry)?.value().as_object() };
    let (Some(one), Some(other)) = (members(one), members(other)) else { return false };
    let covered = |map: &Map<String, Value>, other: &Map<String, Value>| {
        map.iter().filter(|(key, _)| *key != "signature").all(|(key, value)| other.get(key) == Some(value))
    };
    covered(one, other) && covered(other, one)
}
