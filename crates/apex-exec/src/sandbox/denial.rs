//! What is said of an access that was denied: what was granted, and what would help.

use apex_meta::{Permission, PluginId};
use serde_json::{Value, json};

/// What is said of an access that was denied.
#[derive(Debug, Clone)]
pub(crate) struct Denial {
    pub(crate) hint: String,
    pub(crate) details: Value,
}

impl Denial {
    pub(super) fn new(plugin: &PluginId, in_effect: &[Permission], missing: &[&Permission]) -> Self {
        let granted = match in_effect {
            [] => "nothing is granted to it".to_owned(),
            granted => format!("granted to it: {}", listed(granted.iter())),
        };
        let help = match missing {
            [] => "it asks for nothing more: its author names what it needs in `permissions_required`".to_owned(),
            missing => {
                let commands = missing.iter().map(|permission| format!("`apex grant {plugin} '{permission}'`"));
                format!("to grant what it asks for: {}", commands.collect::<Vec<_>>().join(", "))
            }
        };
        Self { hint: format!("{granted}; {help}"), details: json!({ "granted": in_effect, "missing": missing }) }
    }
}

fn listed<'a>(permissions: impl Iterator<Item = &'a Permission>) -> String {
    permissions.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
