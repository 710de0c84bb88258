//! Rules that hold for every manifest and need no validator: forms of texts, names that must differ, members that
//! exclude each other.

use serde_json::Value;

use crate::finding::{At, Finding};

mod actions;
mod dependencies;
mod forms;
mod icon;
mod remedies;

#[cfg(feature = "validate")]
pub(crate) use icon::{IconForm, form_of as icon_form};

/// Texts whose form a type knows, where they do not have it: ids, versions, names, specifiers, digests.
pub(crate) fn forms(manifest: &Value, findings: &mut Vec<Finding>) {
    forms::check(&At::root(manifest), findings);
}

/// What no single member shows: duplicates, conflicts, a dependency on oneself, an icon outside the plugin.
pub(crate) fn relations(manifest: &Value, findings: &mut Vec<Finding>) {
    let root = At::root(manifest);
    actions::check(&root, findings);
    dependencies::check(&root, findings);
    icon::check(&root, findings);
}
