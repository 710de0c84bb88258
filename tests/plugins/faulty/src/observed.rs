//! What became of the producers, counted from the plugin's side.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use apex_plugin_sdk::{Context, serde_json};

/// Counts under each name; the library's, and so the process's.
static COUNTS: LazyLock<Mutex<HashMap<String, Counts>>> = LazyLock::new(Mutex::default);

/// What became of the producers of one name.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    started: u64,
    live: u64,
    cancelled: u64,
    pulled: u64,
}

fn all() -> MutexGuard<'static, HashMap<String, Counts>> {
    COUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The counts of a name.
pub(crate) fn counts(key: &str) -> serde_json::Value {
    let Counts { started, live, cancelled, pulled } = all().get(key).copied().unwrap_or_default();
    serde_json::json!({"started": started, "live": live, "cancelled": cancelled, "pulled": pulled})
}

/// Something that runs: counted as live until it is dropped, and then as cancelled if its call was.
pub(crate) struct Producer {
    key: String,
    context: Context,
}

impl Producer {
    pub(crate) fn start(key: &str, context: &Context) -> Self {
        let mut all = all();
        let counts = all.entry(key.to_owned()).or_default();
        counts.started += 1;
        counts.live += 1;
        Self { key: key.to_owned(), context: context.clone() }
    }

    /// Counts a chunk that was asked for.
    pub(crate) fn pull(&self) {
        all().entry(self.key.clone()).or_default().pulled += 1;
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let cancelled = u64::from(self.context.is_cancelled());
        let mut all = all();
        let counts = all.entry(std::mem::take(&mut self.key)).or_default();
        counts.live -= 1;
        counts.cancelled += cancelled;
    }
}
