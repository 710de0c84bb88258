//! Progress of a running action.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How far a running action has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// How much is done, 0 to 100; none where the total is unknown.
    #[serde(default)]
    pub percentage: Option<f64>,
    /// What is being done.
    #[serde(default)]
    pub message: Option<String>,
    /// Anything else, in the plugin's own terms.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub details: Map<String, Value>,
}

impl Progress {
    /// Progress of so many percent, brought into 0 to 100; a value that is not a number becomes "unknown".
    pub fn percent(percentage: f64) -> Self {
        let percentage = (!percentage.is_nan()).then(|| percentage.clamp(0.0, 100.0));
        Self { percentage, ..Self::default() }
    }

    /// Adds what is being done.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}
