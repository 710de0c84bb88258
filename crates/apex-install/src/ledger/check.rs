//! What a ledger must hold to, beyond its form.

use std::collections::BTreeMap;

use apex_meta::{PluginId, PluginVersion};

use super::{Ledger, Record};

/// The first contradiction in a ledger, if there is one.
pub(super) fn fault(ledger: &Ledger) -> Option<String> {
    let mut folded: BTreeMap<String, &PluginId> = BTreeMap::new();
    ledger.plugins.iter().find_map(|(plugin, record)| {
        let twin = folded.insert(plugin.case_folded(), plugin);
        let twin = twin.map(|twin| format!("`{twin}` and `{plugin}` differ in case only"));
        twin.or_else(|| record_fault(record).map(|fault| format!("{plugin}: {fault}")))
    })
}

fn record_fault(record: &Record) -> Option<String> {
    let installed = || record.installed.iter().map(|tree| &tree.version);
    let seen = || record.seen.iter().map(|seen| &seen.version);
    if let Some(version) = not_ascending(installed()).or_else(|| not_ascending(seen())) {
        return Some(format!("{version} stands twice or out of order"));
    }
    if let Some(active) = record.active.as_ref().filter(|active| record.installed(active).is_none()) {
        return Some(format!("its active version {active} is not installed"));
    }
    let unseen =
        record.installed.iter().find(|tree| record.seen(&tree.version).is_none_or(|s| s.digest != tree.digest));
    if let Some(tree) = unseen {
        return Some(format!("{} is installed, but was not seen with these files", tree.version));
    }
    if let (Some(active), Some(highest)) = (&record.active, &record.highest)
        && active > highest
    {
        return Some(format!("its active version {active} is higher than the highest, {highest}"));
    }
    if record.active.is_some() && record.highest.is_none() {
        return Some("it has an active version and no highest one".to_owned());
    }
    (record.history.len() > Ledger::MAX_HISTORY).then(|| "its history is too long".to_owned())
}

fn not_ascending<'a>(versions: impl Iterator<Item = &'a PluginVersion>) -> Option<&'a PluginVersion> {
    let mut last: Option<&PluginVersion> = None;
    for version in versions {
        if last.is_some_and(|last| last >= version) {
            return Some(version);
        }
        last = Some(version);
    }
    None
}
