//! The states of an instance's life, and who is told of them.

use std::{
    fmt,
    path::PathBuf,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use apex_abi::contain;
use apex_meta::{PluginId, PluginVersion};

use crate::CallError;

/// The states of a plugin's life; an instance starts at [`Loaded`](Self::Loaded).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Lifecycle {
    /// Found in a root.
    Discovered,
    /// Checked, and fit to be loaded.
    Verified,
    /// Its code is in a process.
    Loaded,
    /// It took its configuration.
    Initialized,
    /// It answers calls.
    Running,
    /// It answers no new calls; those under way may end.
    Draining,
    /// It ended.
    Stopped,
    /// It could not be started.
    Failed,
    /// It crashed too often and waits for somebody to look at it.
    Quarantined,
}

impl Lifecycle {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 9] = [
        Self::Discovered,
        Self::Verified,
        Self::Loaded,
        Self::Initialized,
        Self::Running,
        Self::Draining,
        Self::Stopped,
        Self::Failed,
        Self::Quarantined,
    ];

    /// The name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discovered => "discovered",
            Self::Verified => "verified",
            Self::Loaded => "loaded",
            Self::Initialized => "initialized",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Quarantined => "quarantined",
        }
    }

    /// Whether a plugin in this state may go over into `next`.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Discovered, Self::Verified | Self::Failed)
                | (Self::Verified, Self::Loaded | Self::Failed)
                | (Self::Loaded, Self::Initialized | Self::Failed)
                | (Self::Initialized, Self::Running | Self::Failed | Self::Stopped)
                | (Self::Running, Self::Draining | Self::Failed | Self::Quarantined)
                | (Self::Draining, Self::Stopped | Self::Failed)
                | (Self::Failed, Self::Quarantined)
        )
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One step in an instance's life.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Transition {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// The state that it left; none for a new instance.
    pub from: Option<Lifecycle>,
    /// The state that it is in now.
    pub to: Lifecycle,
    /// Why, where it is [`Lifecycle::Failed`].
    pub error: Option<CallError>,
}

/// A poll of an asynchronous action that holds its worker, as the watchdog sees it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SlowPoll {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// The action.
    pub action: String,
    /// For how long it has held its worker, to about half the limit.
    pub duration: Duration,
    /// Whether it gave the worker back meanwhile.
    pub over: bool,
}

/// A child process that was started for a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessStarted {
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: PluginVersion,
    /// The number of the process.
    pub id: u32,
    /// The copy that it loads its library from, if it does not load it from memory.
    pub library: Option<PathBuf>,
}

/// Who is told what happens to an instance.
///
/// Called from whichever thread it happens on: be quick, and do not wait for the instance. A panic is contained.
pub trait Observer: Send + Sync {
    /// The instance went from one state to another.
    fn transition(&self, transition: &Transition);

    /// A poll holds its worker, again in doubling intervals, and once more when it is over.
    fn slow_poll(&self, slow: &SlowPoll) {
        let _ = slow;
    }

    /// A process was started for it; the plugin is not initialized yet.
    fn process_started(&self, started: &ProcessStarted) {
        let _ = started;
    }
}

impl<F: Fn(&Transition) + Send + Sync> Observer for F {
    fn transition(&self, transition: &Transition) {
        self(transition);
    }
}

/// The present state; only steps that [`Lifecycle::may_become`] allows are taken.
pub(crate) struct LifecycleCell(AtomicU8);

impl LifecycleCell {
    pub(crate) const fn new(state: Lifecycle) -> Self {
        Self(AtomicU8::new(state as u8))
    }

    pub(crate) fn get(&self) -> Lifecycle {
        // SeqCst pairs with the counting of calls: either a new call sees the end, or the end sees the call.
        Lifecycle::ALL[usize::from(self.0.load(Ordering::SeqCst))]
    }

    /// Takes the step, if it is allowed; gives the state that was left.
    pub(crate) fn advance(&self, next: Lifecycle) -> Option<Lifecycle> {
        let step = |now: u8| Lifecycle::ALL[usize::from(now)].may_become(next).then_some(next as u8);
        let left = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).ok()?;
        Some(Lifecycle::ALL[usize::from(left)])
    }
}

/// Tells the observer, whose panic stays here.
pub(crate) fn announce(observer: &dyn Observer, transition: &Transition) {
    if let Err(panicked) = contain(|| observer.transition(transition)) {
        tracing::error!(plugin = %transition.plugin, error = %panicked, "an observer of plugins panicked");
    }
}

/// Tells the observer of a process; its panic stays here.
#[cfg(target_os = "linux")]
pub(crate) fn announce_process(observer: &dyn Observer, started: &ProcessStarted) {
    if let Err(panicked) = contain(|| observer.process_started(started)) {
        tracing::error!(plugin = %started.plugin, error = %panicked, "an observer of plugins panicked");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_stands_at_its_own_number() {
        for (index, state) in Lifecycle::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, index);
        }
    }

    #[test]
    fn a_stopped_plugin_never_comes_back() {
        let cell = LifecycleCell::new(Lifecycle::Running);
        assert_eq!(cell.advance(Lifecycle::Draining), Some(Lifecycle::Running));
        assert_eq!(cell.advance(Lifecycle::Draining), None);
        assert_eq!(cell.advance(Lifecycle::Stopped), Some(Lifecycle::Draining));
        for state in Lifecycle::ALL {
            assert_eq!(cell.advance(state), None, "{state}");
        }
        assert_eq!(cell.get(), Lifecycle::Stopped);
    }
}
