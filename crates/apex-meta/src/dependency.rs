//! What a plugin depends on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{PluginId, VersionSpecifier, member};

/// Other plugins and Python libraries that a plugin needs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Dependencies"))]
pub struct Dependencies {
    /// Other plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{"id": "com.acme.base", "version_specifier": ">=1.2,<2.0"}]])))]
    pub plugins: Vec<PluginDependency>,
    /// Python libraries, for Python plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{"name": "requests", "version_specifier": "~=2.31"}]])))]
    pub python_libraries: Vec<PythonLibrary>,
    /// Members that this release does not know.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// A plugin that another one needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Plugin dependency"))]
pub struct PluginDependency {
    /// Its id.
    pub id: PluginId,
    /// The versions that will do; any, if there is none.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    pub version_specifier: Option<VersionSpecifier>,
    /// What it is needed for.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["Formats names."])))]
    pub description: Option<String>,
    /// Whether the plugin works without it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub optional: bool,
    /// Members that this release does not know.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// A Python library that a Python plugin needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Python library"))]
pub struct PythonLibrary {
    /// The distribution's name.
    #[serde(deserialize_with = "member::non_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["requests"])))]
    pub name: String,
    /// The versions that will do, after PEP 440; kept as text until Python plugins run.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["~=2.31"])))]
    pub version_specifier: Option<String>,
    /// The module whose import proves that the library works.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["requests"])))]
    pub import_check_module: Option<String>,
    /// What it is needed for.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["Talks HTTP."])))]
    pub description: Option<String>,
    /// Whether the plugin works without it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub optional: bool,
    /// Members that this release does not know.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}
