//! On whose behalf a call is made.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::PluginId;

/// On whose behalf a call is made; it comes from the host, never from a model's arguments.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallContext {
    /// The tenant, in an installation that serves several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The session or conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The trace that the call belongs to, as W3C Trace Context writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// The plugin that makes the call, where one plugin calls another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<PluginId>,
    /// How many plugins stand between the host's own call and this one; the host counts.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u32,
    /// Anything else that host and plugin agree on.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
fn is_zero(depth: &u32) -> bool {
    *depth == 0
}
