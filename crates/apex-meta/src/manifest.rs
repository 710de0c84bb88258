//! The manifest: everything that a `plugin.json` says.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Action, Dependencies, Digest, EntryPoint, Permission, PluginId, PluginVersion, Signature, VersionSpecifier, member,
};

/// A plugin's metadata, as `plugin.json` holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Plugin manifest"))]
pub struct Manifest {
    /// The JSON Schema that editors check the file against.
    #[serde(
        rename = "$schema",
        default,
        deserialize_with = "member::present",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["https://apexagent.dev/schema/plugin_metadata_schema.json"])))]
    pub schema: Option<String>,
    /// The name for people.
    #[serde(deserialize_with = "member::non_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["Greeter"])))]
    pub name: String,
    /// The machine-readable identifier.
    pub id: PluginId,
    /// The version of the plugin.
    pub version: PluginVersion,
    /// What the plugin is for, in a sentence or two.
    #[serde(deserialize_with = "member::non_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["Greets people in their language."])))]
    pub description: String,
    /// Who made it.
    #[serde(deserialize_with = "member::non_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["Acme Ltd"])))]
    pub author: String,
    /// Where its code starts.
    pub entry_point: EntryPoint,
    /// What it can do.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{"name": "greet", "description": "Greets a person.", "parameters": [{"name": "who", "type": "string", "required": true}]}]])))]
    pub actions: Vec<Action>,
    /// What it needs.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"plugins": [{"id": "com.acme.base", "version_specifier": ">=1.2,<2.0"}], "python_libraries": []}])))]
    pub dependencies: Option<Dependencies>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [["demo", "text"]])))]
    pub tags: Vec<String>,
    /// A relative path inside the plugin, or an https URL.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["assets/icon.svg", "https://example.com/icon.svg"])))]
    pub icon: Option<String>,
    /// An https URL.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["https://example.com/greeter"])))]
    pub homepage: Option<String>,
    /// An SPDX licence expression.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["MIT OR Apache-2.0"])))]
    pub license: Option<String>,
    /// The permissions that it asks for; asked is not granted, and an unknown one is never granted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::published_schema::permissions"))]
    pub permissions_required: Vec<String>,
    /// The JSON Schema of its configuration, an object.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"type": "object", "properties": {"greeting": {"type": "string", "default": "Hello"}}}])))]
    pub configuration_schema: Option<Map<String, Value>>,
    /// The tree digest over its directory.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"algorithm": "blake3", "value": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}])))]
    pub checksum: Option<Digest>,
    /// The publisher's signature.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"method": "ed25519", "key_id": "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9", "value": "5VZDAMNgrHKQhuLMgG6CihSHfxZ80gOwbBzLPPBG8bNcQe3xOgPLbSBDnHqUlhbEFUfEGNkDQRXWA06ybeYNCA=="}])))]
    pub signature: Option<Signature>,
    /// Whether it is switched on when first found; the operator's word outlives it.
    #[serde(default = "enabled")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [false])))]
    pub default_enabled: bool,
    /// The host plugin-API versions that it works with; any, if there is none.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["^1"])))]
    pub api_version: Option<VersionSpecifier>,
    /// Members that this release does not know, `x-…` extensions among them.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

fn enabled() -> bool {
    true
}

impl Manifest {
    /// The action of this name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name.as_str() == name)
    }

    /// The permissions that it asks for, as far as this release knows them, without repetitions.
    pub fn permissions(&self) -> Vec<Permission> {
        let named = self.permissions_required.iter().filter_map(|text| Permission::named(text).ok());
        let mut permissions: Vec<_> = named.flatten().collect();
        permissions.sort();
        permissions.dedup();
        permissions
    }

    /// The other plugins that this one needs.
    pub fn plugin_dependencies(&self) -> &[crate::PluginDependency] {
        self.dependencies.as_ref().map_or(&[], |dependencies| &dependencies.plugins)
    }
}
