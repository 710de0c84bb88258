//! Dependencies: not on oneself, and each named once.

use super::actions::unique;
use crate::{
    FaultCode,
    finding::{At, Finding},
};

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let Some(dependencies) = root.member("dependencies") else { return };
    if let Some(plugins) = dependencies.member("plugins") {
        unique(plugins.items(), "id", FaultCode::DuplicateDependency, "dependency", findings);
        let own = root.member("id").and_then(|id| id.text());
        for plugin in plugins.items() {
            let Some(id) = plugin.member("id") else { continue };
            if id.text().zip(own).is_some_and(|(id, own)| id.eq_ignore_ascii_case(own)) {
                findings.push(
                    id.error(FaultCode::SelfDependency, "the plugin depends on itself").hint("remove this entry"),
                );
            }
        }
    }
    if let Some(libraries) = dependencies.member("python_libraries") {
        unique(libraries.items(), "name", FaultCode::DuplicateDependency, "dependency", findings);
    }
}
