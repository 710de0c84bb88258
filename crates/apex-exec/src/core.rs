//! The heart of an instance, shared by its handles and by everything that is under way in it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use apex_meta::{Document, ErrorKind};
use tokio::sync::Notify;

use crate::{
    CallError, Limits,
    actions::Actions,
    blocking::Pool,
    call::{Call, Interrupt},
    lifecycle::{Lifecycle, LifecycleCell, Observer, Transition, announce},
    metrics::{ActionCounters, Ended},
    placement::Placed,
    services::Desk,
    subject::Subject,
    timer::Timer,
    watchdog::Watch,
};

/// The heart of an instance.
pub(crate) struct Core {
    pub(crate) subject: Arc<Subject>,
    pub(crate) document: Document,
    pub(crate) actions: Arc<Actions>,
    pub(crate) counters: Arc<[ActionCounters]>,
    pub(crate) limits: Limits,
    pub(crate) desk: Arc<Desk>,
    pub(crate) placed: Plugin,
    pub(crate) timer: &'static Timer,
    pub(crate) watch: Watch,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) lifecycle: LifecycleCell,
    pub(crate) under_way: Mutex<UnderWay>,
    /// Set when shutdown ends what is still under way.
    pub(crate) cut_off: AtomicBool,
    /// Told whenever something ends while the instance does not run any more.
    pub(crate) idle: Notify,
    /// Held by who ends the instance; says whether that is done.
    pub(crate) has_ended: tokio::sync::Mutex<bool>,
}

/// The plugin with the threads for what may block in it.
pub(crate) struct Plugin {
    pub(crate) pool: Arc<Pool>,
    placed: Option<Placed>,
}

/// Calls that did not end at once, by number.
#[derive(Default)]
pub(crate) struct UnderWay {
    next: u64,
    calls: HashMap<u64, Arc<Call>>,
}

impl Plugin {
    pub(crate) fn new(pool: Arc<Pool>, placed: Placed) -> Self {
        Self { pool, placed: Some(placed) }
    }

    pub(crate) fn get(&self) -> Option<&Placed> {
        self.placed.as_ref()
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // The drop of a plugin may block, and the last handle may well be dropped by an asynchronous worker.
        let placed = self.placed.take();
        if let Err(error) = self.pool.run(move || drop(placed)) {
            tracing::debug!(%error, "a plugin was dropped on the thread of its last user");
        }
    }
}

impl Core {
    /// Takes a step of the life cycle and tells the observer; says whether it was allowed.
    pub(crate) fn advance(&self, to: Lifecycle, error: Option<CallError>) -> bool {
        let Some(from) = self.lifecycle.advance(to) else { return false };
        let (plugin, version) = (self.subject.id.clone(), self.subject.version.clone());
        announce(&*self.observer, &Transition { plugin, version, from: Some(from), to, error });
        true
    }

    /// Counts a call in.
    ///
    /// # Errors
    /// `ShuttingDown`, or why else no calls are answered.
    pub(crate) fn enter(self: &Arc<Self>, action: usize) -> Result<Presence, CallError> {
        self.counters[action].begin();
        // Counted first, then asked: shutdown asks the other way round, so that one of both sees the other.
        match self.lifecycle.get() {
            Lifecycle::Running => Ok(Presence { core: Arc::clone(self), action }),
            state => {
                self.counters[action].refuse();
                self.tell_if_ending();
                Err(self.refusal(state))
            }
        }
    }

    fn refusal(&self, state: Lifecycle) -> CallError {
        match state {
            Lifecycle::Quarantined => self.subject.error(ErrorKind::PluginQuarantined, "is quarantined"),
            Lifecycle::Failed => self.subject.error(ErrorKind::Initialization, "could not be started"),
            state => self.subject.error(ErrorKind::ShuttingDown, format!("takes no more calls: it is {state}")),
        }
    }

    /// Notes a call as under way, so that shutdown finds it.
    pub(crate) fn register(self: &Arc<Self>, call: &Arc<Call>) -> Registration {
        let mut under_way = self.under_way();
        under_way.next += 1;
        let number = under_way.next;
        under_way.calls.insert(number, Arc::clone(call));
        drop(under_way);
        if self.cut_off.load(Ordering::SeqCst) {
            call.interrupt(Interrupt::ShuttingDown);
        }
        Registration { core: Arc::clone(self), number }
    }

    /// The calls that are under way, as far as they did not end at once.
    pub(crate) fn calls(&self) -> Vec<Arc<Call>> {
        self.under_way().calls.values().cloned().collect()
    }

    /// How many callers wait for an answer.
    pub(crate) fn in_flight(&self) -> u64 {
        self.counters.iter().map(ActionCounters::in_flight).sum()
    }

    /// Whether nothing is under way any more, abandoned actions included.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight() == 0 && self.under_way().calls.is_empty()
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_if_ending(&self) {
        if self.lifecycle.get() != Lifecycle::Running {
            self.idle.notify_waiters();
        }
    }
}

/// A call that is counted as in flight, until it ends or is dropped.
pub(crate) struct Presence {
    pub(crate) core: Arc<Core>,
    pub(crate) action: usize,
}

impl Presence {
    pub(crate) fn end(&self, call: &Call, ended: Ended) {
        let (duration, given_up) = (call.started.elapsed(), call.reports.given_up());
        self.core.counters[self.action].end(duration, ended, given_up);
        self.core.tell_if_ending();
    }
}

/// Keeps a call noted as under way.
pub(crate) struct Registration {
    core: Arc<Core>,
    number: u64,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let call = self.core.under_way().calls.remove(&self.number);
        drop(call);
        self.core.tell_if_ending();
    }
}
