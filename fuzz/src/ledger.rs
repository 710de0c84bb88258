//! `ledger.json` of an install store.

use std::path::Path;

use apex_install::{InstallError, Ledger};
use apex_trust::History as _;

/// A ledger that can be read is written as the same, and keeps what it promises about its parts.
pub fn ledger(bytes: &[u8]) {
    let path = Path::new("ledger.json");
    let ledger = match Ledger::parse(path, bytes) {
        Ok(ledger) => ledger,
        Err(error) => return assert!(is_named(&error), "{error}"),
    };
    let written = ledger.to_bytes(path).unwrap();
    assert_eq!(Ledger::parse(path, &written).unwrap(), ledger, "written and read");
    for (plugin, record) in ledger.plugins() {
        let twins = ledger.plugins().filter(|(other, _)| other.eq_ignore_case(plugin)).count();
        assert_eq!(twins, 1, "{plugin} stands once");
        if let Some(active) = &record.active {
            assert!(record.active_tree().is_some(), "{plugin} {active} is installed");
            assert!(record.highest.as_ref().is_some_and(|highest| highest >= active), "{plugin}: nothing is higher");
        }
        for tree in &record.installed {
            let seen = record.seen(&tree.version).unwrap();
            assert_eq!(seen.digest, tree.digest, "{plugin} {}", tree.version);
            // The path of a tree stays inside the store.
            assert!(!tree.version.to_string().contains(['/', '\\']) && !plugin.as_str().contains(['/', '\\']));
        }
        for (digest, key) in record.seen.iter().filter_map(|seen| Some((seen.digest, seen.key_id?))) {
            assert!(ledger.verified_while_valid(&digest, &key));
        }
        assert_eq!(ledger.ever_signed(plugin), record.ever_signed);
    }
}

fn is_named(error: &InstallError) -> bool {
    ["LedgerInvalid", "VersionOutOfRange"].contains(&error.code())
}
