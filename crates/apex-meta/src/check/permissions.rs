//! Permissions that a plugin asks for: of the vocabulary, or never granted.
//!
//! They are warnings: a permission of a later release must not keep this one from using the plugin without it.

use super::suggest::closest;
use crate::{
    FaultCode, InvalidPermission, Permission,
    finding::{At, Finding},
};

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let Some(permissions) = root.member("permissions_required") else { return };
    for item in permissions.items() {
        let Some(text) = item.text() else { continue };
        if let Err(error) = Permission::named(text) {
            let code = if error.is_unknown() { FaultCode::UnknownPermission } else { FaultCode::InvalidPermission };
            findings.push(item.warning(code, error.to_string()).hint(remedy(text, &error)));
        }
    }
}

fn remedy(text: &str, error: &InvalidPermission) -> String {
    let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
    let known =
        Permission::FORMS.iter().map(|form| form.name).chain(Permission::ALIASES.iter().map(|alias| alias.name));
    let meant = closest(name, known).filter(|_| error.is_unknown()).map(|name| match argument {
        Some(argument) => format!("{name}:{argument}"),
        None => name.to_owned(),
    });
    match meant.filter(|meant| Permission::named(meant).is_ok()) {
        Some(meant) => format!("did you mean `{}`?", meant.escape_debug()),
        None => error.hint(),
    }
}
