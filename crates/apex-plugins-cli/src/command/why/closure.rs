//! The dependency closure of a choice: what it needs, what that needs, and which version each request would get.

use std::collections::{BTreeSet, VecDeque};

use apex_plugins::{Manifest, PluginManager, PluginSpec, PluginVersion};
use serde_json::{Value, json};

/// One request for a plugin in the closure, and what it would get if it were made alone.
pub(super) struct Need {
    /// What is asked for.
    pub(super) spec: PluginSpec,
    /// Who asks, as `id version`.
    pub(super) wanted_by: String,
    /// Whether whoever asks works without it.
    pub(super) is_optional: bool,
    /// The version that serves the request.
    pub(super) chosen: Option<PluginVersion>,
    /// Why that one, or why none.
    pub(super) because: String,
}

impl Need {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "plugin": self.spec.id,
            "specifier": self.spec.specifier,
            "wanted_by": self.wanted_by,
            "optional": self.is_optional,
            "chosen": self.chosen,
            "because": self.because,
        })
    }
}

/// Every request that a manifest makes, and that those make that serve it, nearest first.
///
/// A version is asked for its own needs once, which ends cycles.
pub(super) fn closure(manager: &PluginManager, manifest: &Manifest) -> Vec<Need> {
    let catalogue = manager.catalogue();
    let mut asked = BTreeSet::from([(manifest.id.clone(), manifest.version.clone())]);
    let mut waiting = VecDeque::from([manifest]);
    let mut needs = Vec::new();
    while let Some(manifest) = waiting.pop_front() {
        for dependency in manifest.plugin_dependencies() {
            let spec = PluginSpec { id: dependency.id.clone(), specifier: dependency.version_specifier.clone() };
            let (chosen, because) = match manager.select(&spec) {
                Ok(selection) => {
                    (Some(selection.version), "the highest version that is ready and satisfies".to_owned())
                }
                Err(error) => (None, error.to_string()),
            };
            let served = chosen.as_ref().and_then(|version| catalogue.get(&spec.id, version)?.manifest());
            waiting.extend(served.filter(|served| asked.insert((served.id.clone(), served.version.clone()))));
            let wanted_by = format!("{} {}", manifest.id, manifest.version);
            needs.push(Need { spec, wanted_by, is_optional: dependency.optional, chosen, because });
        }
    }
    needs
}
