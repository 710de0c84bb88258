//! What a call shares with the plugin that answers it.

use std::{
    cell::Cell,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use apex_abi::{
    CallBox, CallObject, CalledPlugin, FfiFuture, FfiFutureExt, LoadedState, ROption, RString, RVec, ReadResource,
    SavedState, call_box,
};
use apex_meta::{CallContext, ErrorKind};
use futures::task::AtomicWaker;

use crate::{
    CallError,
    actions::Actions,
    blocking::Abandonment,
    number,
    progress::{Reports, read_report},
    services::Desk,
    signal::{HasSignal, Raised, Signal},
};

/// A call as host and plugin share it.
pub(crate) struct Call {
    /// Tells it from every other call of this process.
    pub(crate) number: u64,
    pub(crate) desk: Arc<Desk>,
    pub(crate) actions: Arc<Actions>,
    pub(crate) action: usize,
    pub(crate) context: CallContext,
    pub(crate) deadline: Option<Instant>,
    pub(crate) started: Instant,
    pub(crate) max_progress_bytes: usize,
    pub(crate) reports: Reports,
    /// Tells the plugin that the caller has given up, or has its answer.
    pub(crate) over: Signal,
    /// Tells the thread that runs a blocking action the same.
    pub(crate) abandonment: Abandonment,
    /// The task that waits for the answer.
    pub(crate) caller: AtomicWaker,
    found: OnceLock<CallError>,
    interrupt: AtomicU8,
    polled_by: AtomicUsize,
}

/// Why a call ends before its action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Interrupt {
    Deadline = 1,
    Cancelled = 2,
    ShuttingDown = 3,
}

/// What a [`Call`] starts from.
pub(crate) struct CallParts {
    pub(crate) desk: Arc<Desk>,
    pub(crate) actions: Arc<Actions>,
    pub(crate) action: usize,
    pub(crate) context: CallContext,
    pub(crate) deadline: Option<Instant>,
    pub(crate) started: Instant,
    pub(crate) max_progress_bytes: usize,
    pub(crate) reports: Reports,
}

impl Call {
    pub(crate) fn new(parts: CallParts) -> Arc<Self> {
        let CallParts { desk, actions, action, context, deadline, started, max_progress_bytes, reports } = parts;
        Arc::new(Self {
            number: number::next(),
            desk,
            actions,
            action,
            context,
            deadline,
            started,
            max_progress_bytes,
            reports,
            over: Signal::default(),
            abandonment: Abandonment::default(),
            caller: AtomicWaker::new(),
            found: OnceLock::new(),
            interrupt: AtomicU8::new(0),
            polled_by: AtomicUsize::new(0),
        })
    }

    /// The action's name.
    pub(crate) fn action_name(&self) -> &str {
        self.actions.name(self.action)
    }

    /// Ends the call from outside; its caller gets the error as soon as it looks.
    pub(crate) fn interrupt(&self, interrupt: Interrupt) {
        // The first reason stands.
        let _ = self.interrupt.compare_exchange(0, interrupt as u8, Ordering::SeqCst, Ordering::SeqCst);
        self.over.raise();
        self.caller.wake();
    }

    /// Whether the call was ended from outside.
    pub(crate) fn interrupted(&self) -> Option<Interrupt> {
        const ALL: [Interrupt; 3] = [Interrupt::Deadline, Interrupt::Cancelled, Interrupt::ShuttingDown];
        let number = self.interrupt.load(Ordering::SeqCst);
        ALL.into_iter().find(|interrupt| *interrupt as u8 == number)
    }

    /// The error that an interrupt ends in.
    pub(crate) fn interruption(&self, interrupt: Interrupt) -> CallError {
        let subject = &self.desk.subject;
        let error = match interrupt {
            Interrupt::Deadline => {
                let limit =
                    self.deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(self.started));
                subject.error(ErrorKind::DeadlineExceeded, format!("did not end within {limit:?}"))
            }
            Interrupt::Cancelled => subject.error(ErrorKind::Cancelled, "was cancelled by its caller"),
            Interrupt::ShuttingDown => subject.error(ErrorKind::ShuttingDown, "was ended because the host shuts down"),
        };
        error.with_action(self.action_name())
    }

    /// Runs a poll of the plugin in the caller's own task.
    pub(crate) fn polled<T>(&self, poll: impl FnOnce() -> T) -> T {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.store(0, Ordering::Relaxed);
            }
        }
        self.polled_by.store(this_thread(), Ordering::Relaxed);
        let _leave = Leave(&self.polled_by);
        poll()
    }

    /// Shows what was reported to sink or log; for the caller's task alone.
    pub(crate) fn deliver_reports(&self) {
        self.reports.deliver(&self.desk.subject, self.action_name());
    }

    /// Notes what the host found, which therefore is the call's error whatever else is told.
    pub(crate) fn find(&self, error: CallError) {
        let _ = self.found.set(error);
    }

    /// What the host found.
    pub(crate) fn found(&self) -> Option<&CallError> {
        self.found.get()
    }

    pub(crate) fn report(&self, percentage: Option<f64>, message: String, details: &[u8]) {
        self.reports.add(read_report(percentage, message, details, self.max_progress_bytes));
        // A report from within the caller's own poll is shown at once, since such a poll may take long.
        if self.reports.has_live_outlet() && self.polled_by.load(Ordering::Relaxed) == this_thread() {
            self.deliver_reports();
        } else {
            self.caller.wake();
        }
    }
}

/// A number that no other living thread has, and that is not 0.
fn this_thread() -> usize {
    thread_local!(static PLACE: Cell<u8> = const { Cell::new(0) });
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

impl HasSignal for Call {
    fn signal(&self) -> &Signal {
        &self.over
    }
}

/// What the plugin holds of a call.
struct PluginSide(Arc<Call>);

/// The object that the plugin gets.
pub(crate) fn plugin_side(call: &Arc<Call>) -> CallBox {
    call_box(PluginSide(Arc::clone(call)))
}

impl CallObject for PluginSide {
    fn progress(&self, percentage: ROption<f64>, message: RString, details: RVec<u8>) {
        self.0.report(percentage.into_option(), message.into_string(), &details);
    }

    fn is_cancelled(&self) -> bool {
        self.0.over.is_raised()
    }

    fn cancelled(&self) -> FfiFuture<()> {
        Raised::new(Arc::clone(&self.0)).into_ffi()
    }

    fn remaining_ms(&self) -> ROption<u64> {
        let remaining = |deadline: Instant| {
            u64::try_from(deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX)
        };
        self.0.deadline.map(remaining).into()
    }

    fn context(&self) -> RVec<u8> {
        // A context always serializes; nothing is the honest answer should that ever change.
        serde_json::to_vec(&self.0.context).unwrap_or_default().into()
    }

    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        self.0.desk.log(Some(&self.0), level, &target, &message, &fields);
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        self.0.desk.load_state(&scope, self.0.context.clone())
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        self.0.desk.save_state(&scope, self.0.context.clone(), expected, data)
    }

    fn call_plugin(&self, plugin: RString, action: RString, params: RVec<u8>) -> FfiFuture<CalledPlugin> {
        self.0.desk.call_plugin(&self.0, &plugin, &action, &params)
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        self.0.desk.read_resource(&path)
    }
}
