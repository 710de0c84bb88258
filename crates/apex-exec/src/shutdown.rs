//! Ending an instance in bounded time.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use futures::future::{Either, select};

use crate::{CallError, Lifecycle, blocking::Limited, call::Interrupt, core::Core};

/// What [`Instance::shutdown`](crate::Instance::shutdown) could not end.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Calls that did not end: blocking actions that do not return, and calls that nobody polls any more.
    pub leftovers: Vec<Leftover>,
    /// Calls that had not ended when the drain was over, and were told to.
    pub cut: Vec<Leftover>,
    /// What the plugin's own shutdown ended in, if that failed.
    pub error: Option<CallError>,
}

impl ShutdownReport {
    /// Whether everything ended as it should.
    pub fn is_clean(&self) -> bool {
        self.leftovers.is_empty() && self.error.is_none()
    }
}

/// A call that did not end, or not by itself.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Leftover {
    /// The action.
    pub action: String,
    /// For how long it has been under way.
    pub running_for: Duration,
}

/// Drains, cuts off, shuts down.
pub(crate) async fn shutdown(core: &Arc<Core>, drain: Duration) -> ShutdownReport {
    core.advance(Lifecycle::Draining, None);
    // Whoever comes second waits for the first, and goes on where that one was given up.
    let mut has_ended = core.has_ended.lock().await;
    if *has_ended {
        return ShutdownReport { leftovers: leftovers(core), ..ShutdownReport::default() };
    }
    let mut cut = Vec::new();
    if !wait_until_idle(core, drain).await {
        core.cut_off.store(true, Ordering::SeqCst);
        cut = leftovers(core);
        core.calls().iter().for_each(|call| call.interrupt(Interrupt::ShuttingDown));
        // Calls may take their grace, and then need a moment to be polled.
        wait_until_idle(core, core.limits.cancel_grace * 2).await;
    }
    let error = end_plugin(core).await;
    let report = ShutdownReport { leftovers: leftovers(core), cut, error };
    for leftover in &report.leftovers {
        tracing::warn!(plugin = %core.subject.id, action = leftover.action, running_for = ?leftover.running_for,
            "an action did not end at shutdown and is left behind");
    }
    core.advance(Lifecycle::Stopped, None);
    *has_ended = true;
    report
}

async fn end_plugin(core: &Core) -> Option<CallError> {
    let limit = core.limits.shutdown_timeout;
    match core.placed.get()?.shutdown(core, limit).await {
        Ok(Limited::Finished(())) => None,
        Err(error) => Some(error),
        Ok(Limited::TooSlow) => Some(core.subject.too_slow("its shutdown", limit)),
    }
}

fn leftovers(core: &Core) -> Vec<Leftover> {
    let leftover = |call: &Arc<crate::call::Call>| Leftover {
        action: call.action_name().to_owned(),
        running_for: call.started.elapsed(),
    };
    core.calls().iter().map(leftover).collect()
}

/// Waits until nothing is under way any more, for at most so long; says whether that is so.
async fn wait_until_idle(core: &Core, at_most: Duration) -> bool {
    let mut sleep = Instant::now().checked_add(at_most).map(|moment| core.timer.at(moment));
    loop {
        let mut told = std::pin::pin!(core.idle.notified());
        // Enlisted before the look, so that nothing is missed in between.
        told.as_mut().enable();
        if core.is_idle() {
            return true;
        }
        let Some(sleep) = &mut sleep else {
            told.await;
            continue;
        };
        match select(told, sleep).await {
            Either::Left(_) => {}
            Either::Right(_) => return core.is_idle(),
        }
    }
}
