//! An instance with what it was accepted for, which a change of trust may take away, and with those who hold it.

use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use apex_audit::{Happening, Subject};
use apex_exec::{CallError, CallEvent, Instance, Limits, Loaded};
use apex_meta::{ErrorKind, Reason};

use crate::{
    audit::{Auditor, subject_of},
    authority::Authority,
    event::{Event, Events},
    fence::Fence,
    objection::objection,
    start::blocked,
};

/// Within this time an instance that is trusted no more has ended, the time included until a change is noticed.
const WITHIN: Duration = Duration::from_secs(10);

/// What noticing a change, and a busy machine, may take of it.
const RESERVE: Duration = Duration::from_secs(2);

/// An instance with what it was accepted for.
pub(crate) struct Running {
    pub(crate) instance: Instance,
    loaded: Loaded,
    /// The generation of the trust store that last had nothing against it.
    judged: AtomicU64,
    objection: OnceLock<Reason>,
    is_stopping: AtomicBool,
    /// How many callers hold it, with [`RETIRED`] or [`PAUSED`] while no more may.
    callers: AtomicUsize,
    /// Waits until nobody holds it any more.
    waiting: Mutex<Option<Thread>>,
    /// What its saves have to pass.
    pub(crate) fence: Arc<Fence>,
}

/// Beside the number of callers: it is replaced, and no new caller may hold it.
const RETIRED: usize = 1 << (usize::BITS - 1);

/// Beside the number of callers: it is about to be replaced, and no new caller may hold it for now.
const PAUSED: usize = 1 << (usize::BITS - 2);

const FLAGS: usize = RETIRED | PAUSED;

/// How long calls may go on in an instance that is replaced, where no limit for calls is set.
const LONGEST_CALL: Duration = Duration::from_secs(300);

/// A caller's hold of an instance, which is not ended for being replaced as long as there is one.
pub(crate) struct Lease(Arc<Running>);

impl Deref for Lease {
    type Target = Arc<Running>;

    fn deref(&self) -> &Arc<Running> {
        &self.0
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let before = self.0.callers.fetch_sub(1, Ordering::SeqCst);
        if before & FLAGS != 0
            && before & !FLAGS == 1
            && let Some(thread) = &*self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
        {
            thread.unpark();
        }
    }
}

impl Running {
    /// `generation` is of the trust store from before it was verified, so that no change is missed.
    pub(crate) fn new(instance: Instance, loaded: Loaded, generation: u64, fence: Arc<Fence>) -> Self {
        let (judged, objection, is_stopping) = (AtomicU64::new(generation), OnceLock::new(), AtomicBool::new(false));
        let (callers, waiting) = (AtomicUsize::new(0), Mutex::new(None));
        Self { instance, loaded, judged, objection, is_stopping, callers, waiting, fence }
    }

    /// Holds it for a call; none if it is replaced, so that there is another one to hold.
    pub(crate) fn lease(self: &Arc<Self>) -> Option<Lease> {
        let before = self.callers.fetch_add(1, Ordering::SeqCst);
        let lease = Lease(Arc::clone(self));
        (before & FLAGS == 0).then_some(lease)
    }

    /// Ends the instance, which new calls do not find any more, as soon as nobody holds it; on a thread of its own.
    pub(crate) fn retire(self: &Arc<Self>, limits: &Limits) {
        if self.is_stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        let (running, longest) = (Arc::clone(self), limits.default_timeout.unwrap_or(LONGEST_CALL));
        let end = move || {
            running.wait_until_free(RETIRED, longest);
            let report = running.instance.shutdown_blocking(Duration::ZERO);
            let (plugin, version) = (running.instance.id(), running.instance.version());
            tracing::info!(%plugin, %version, cut = report.cut.len(), left = report.leftovers.len(), "replaced, and ended");
        };
        if let Err(error) = std::thread::Builder::new().name("apex-retire".to_owned()).spawn(end) {
            tracing::error!(plugin = %self.instance.id(), %error, "no thread to end a plugin that is replaced");
        }
    }

    /// Lets nobody new hold it, until it is resumed, and waits until nobody does; says whether that is so in time.
    pub(crate) fn pause(&self, at_most: Duration) -> bool {
        self.wait_until_free(PAUSED, at_most)
    }

    /// Lets callers hold it again.
    pub(crate) fn resume(&self) {
        self.callers.fetch_and(!PAUSED, Ordering::SeqCst);
    }

    /// How many callers hold it.
    pub(crate) fn callers(&self) -> usize {
        self.callers.load(Ordering::SeqCst) & !FLAGS
    }

    fn wait_until_free(&self, flag: usize, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        // First who is to be woken, then the word that there may be something to wake for.
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current());
        self.callers.fetch_or(flag, Ordering::SeqCst);
        while self.callers() != 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::park_timeout(left);
        }
        true
    }

    /// Whether what it does is recorded: plugins that are linked in are part of the program.
    pub(crate) fn is_recorded(&self) -> bool {
        self.loaded.verified().is_some()
    }

    /// The plugin, as records name it.
    pub(crate) fn subject(&self) -> Subject {
        let plain = || Subject::new(self.instance.id().clone(), self.instance.version().clone());
        self.loaded.verified().map_or_else(plain, subject_of)
    }

    /// Why it may not answer any more; asks nobody twice about the same trust store.
    pub(crate) fn objection(&self, authority: &Authority) -> Option<&Reason> {
        let generation = authority.generation();
        if self.objection.get().is_none() && self.judged.load(Ordering::Acquire) != generation {
            let (verifier, runs) = (authority.verifier(), self.loaded.placement());
            match self.loaded.verified().and_then(|verified| objection(verifier.store(), verified, runs)) {
                Some(reason) => return Some(self.objection.get_or_init(|| reason)),
                None => self.judged.store(generation, Ordering::Release),
            }
        }
        self.objection.get()
    }

    /// The error of a call that was cut off because the plugin is trusted no more names the reason.
    pub(crate) fn explained(&self, error: CallError) -> CallError {
        match self.objection.get() {
            Some(reason) if error.kind() == ErrorKind::ShuttingDown => {
                let action = error.action().map(str::to_owned);
                let named = blocked(reason).with_plugin(self.instance.id(), self.instance.version()).caused_by(&error);
                action.into_iter().fold(named, CallError::with_action)
            }
            _ => error,
        }
    }

    /// As [`explained`](Self::explained), for the end of a call's events.
    pub(crate) fn explained_event(&self, event: CallEvent) -> CallEvent {
        match event {
            CallEvent::Failed(error) => CallEvent::Failed(self.explained(error)),
            other => other,
        }
    }

    /// Ends the instance on a thread of its own, once; calls under way may end within the drain.
    pub(crate) fn withdraw(self: &Arc<Self>, reason: &Reason, limits: &Limits, events: &Events, auditor: &Auditor) {
        if self.is_stopping.swap(true, Ordering::AcqRel) {
            return;
        }
        let (running, reason, drain) = (Arc::clone(self), reason.clone(), drain(limits));
        let (events, auditor) = (events.clone(), auditor.clone());
        let stop = move || running.stop(reason, drain, &events, &auditor);
        if let Err(error) = std::thread::Builder::new().name("apex-withdraw".to_owned()).spawn(stop) {
            // New calls are refused all the same; the next call or change tries again.
            tracing::error!(plugin = %self.instance.id(), %error, "no thread to stop a plugin that is trusted no more");
            self.is_stopping.store(false, Ordering::Release);
        }
    }

    fn stop(&self, reason: Reason, drain: Duration, events: &Events, auditor: &Auditor) {
        let (plugin, version) = (self.instance.id().clone(), self.instance.version().clone());
        tracing::warn!(%plugin, %version, %reason, "a loaded plugin is trusted no more and ends");
        events.send(Event::TrustWithdrawn {
            plugin: plugin.clone(),
            version: version.clone(),
            reason: reason.clone(),
            in_flight: self.instance.in_flight(),
        });
        let report = self.instance.shutdown_blocking(drain);
        auditor.record(Happening::Stop {
            subject: self.subject(),
            code: reason.code.to_string(),
            message: reason.message.clone(),
            cut: report.cut.len(),
            leftover: report.leftovers.len(),
        });
        let names = |calls: Vec<apex_exec::Leftover>| calls.into_iter().map(|call| call.action).collect();
        let (cut, leftovers) = (names(report.cut), names(report.leftovers));
        events.send(Event::StoppedUntrusted { plugin, version, reason, cut, leftovers });
    }
}

/// How long calls may go on, so that all ends within the limit.
fn drain(limits: &Limits) -> Duration {
    let ending = limits.cancel_grace.saturating_mul(2).saturating_add(limits.shutdown_timeout);
    WITHIN.saturating_sub(RESERVE).saturating_sub(ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drain_and_end_take_less_than_the_limit_together() {
        let limits = Limits::default();
        let ending = limits.cancel_grace * 2 + limits.shutdown_timeout;
        assert!(drain(&limits) > Duration::from_secs(1));
        assert!(drain(&limits) + ending + RESERVE <= WITHIN);
        let slow = Limits { shutdown_timeout: Duration::from_secs(60), ..limits };
        assert_eq!(drain(&slow), Duration::ZERO);
    }
}
