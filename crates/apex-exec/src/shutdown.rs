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
    /// What the plugin's own shutdown ended in, if that failed.
    pub error: Option<CallError>,
}

impl ShutdownReport {
    /// Whether everything ended as it should.
    pub fn is_clean(&self) -> bool {
        self.leftovers.is_empty() && self.error.is_none()
    }
}

/// A call that did not end.
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
    if !core.advance(Lifecycle::Draining, None) {
        // Somebody else ends it, or it has ended: wait for that, then say what is left.
        wait_until(core, drain + total_after_drain(core), || core.lifecycle.get() != Lifecycle::Draining).await;
        return ShutdownReport { leftovers: leftovers(core), error: None };
    }
    if !wait_until(core, drain, || core.is_idle()).await {
        core.cut_off.store(true, Ordering::SeqCst);
        core.calls().iter().for_each(|call| call.interrupt(Interrupt::ShuttingDown));
        // Calls may take their grace, and then need a moment to be polled.
        wait_until(core, core.limits.cancel_grace * 2, || core.is_idle()).await;
    }
    let error = end_plugin(core).await;
    let report = ShutdownReport { leftovers: leftovers(core), error };
    for leftover in &report.leftovers {
        tracing::warn!(plugin = %core.subject.id, action = leftover.action, running_for = ?leftover.running_for,
            "an action did not end at shutdown and is left behind");
    }
    core.advance(Lifecycle::Stopped, None);
    core.idle.notify_waiters();
    report
}

fn total_after_drain(core: &Core) -> Duration {
    core.limits.cancel_grace * 2 + core.limits.shutdown_timeout
}

async fn end_plugin(core: &Core) -> Option<CallError> {
    let limit = core.limits.shutdown_timeout;
    match core.placed.get()?.shutdown(&core.placed.pool, core.timer, limit).await {
        Ok(Limited::Finished(Ok(()))) => None,
        Ok(Limited::Finished(Err(error))) | Err(error) => Some(core.subject.reported(error)),
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

/// Waits until the condition holds, for at most so long; says whether it does.
async fn wait_until(core: &Core, at_most: Duration, holds: impl Fn() -> bool) -> bool {
    let mut sleep = Instant::now().checked_add(at_most).map(|moment| core.timer.at(moment));
    loop {
        let mut told = std::pin::pin!(core.idle.notified());
        // Enlisted before the look, so that nothing is missed in between.
        told.as_mut().enable();
        if holds() {
            return true;
        }
        let Some(sleep) = &mut sleep else {
            told.await;
            continue;
        };
        match select(told, sleep).await {
            Either::Left(_) => {}
            Either::Right(_) => return holds(),
        }
    }
}
