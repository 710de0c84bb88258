//! Progress on its way from the plugin to the caller: in order, bounded, and never after the end.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use apex_abi::contain;
use apex_meta::Progress;

use crate::subject::Subject;

/// Where a caller wants progress to go.
///
/// It is called within the polls of the call's own future or event stream, hence never concurrently for one call and
/// never after its end. A panic is contained, and the call goes on.
pub trait ProgressSink: Send + Sync {
    /// Takes one report.
    fn report(&self, progress: &Progress);
}

impl<F: Fn(&Progress) + Send + Sync> ProgressSink for F {
    fn report(&self, progress: &Progress) {
        self(progress);
    }
}

/// Where the reports of a call go.
pub(crate) enum Outlet {
    /// To the log.
    Log,
    /// To the caller's sink.
    Sink(Arc<dyn ProgressSink>),
    /// To the consumer of the call's events, and to a sink if there is one.
    Events(Option<Arc<dyn ProgressSink>>),
}

/// The reports of one call that the caller has not seen yet.
///
/// Anybody may add to them, from any thread; they are delivered by the caller's task alone. So nothing is locked while
/// foreign code runs, and what was not delivered when the call ended never is.
pub(crate) struct Reports {
    outlet: Outlet,
    capacity: usize,
    waiting: Mutex<VecDeque<Progress>>,
    has_waiting: AtomicBool,
    closed: AtomicBool,
    given_up: AtomicU64,
}

impl Reports {
    pub(crate) fn new(outlet: Outlet, capacity: usize) -> Self {
        Self {
            outlet,
            capacity: capacity.max(1),
            waiting: Mutex::default(),
            has_waiting: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            given_up: AtomicU64::new(0),
        }
    }

    /// Adds a report, unless the call has ended.
    pub(crate) fn add(&self, progress: Progress) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        let mut waiting = self.lock();
        let oldest = if waiting.len() >= self.capacity { waiting.pop_front() } else { None };
        waiting.push_back(progress);
        self.has_waiting.store(true, Ordering::Release);
        drop(waiting);
        if oldest.is_some() {
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether something waits to be delivered.
    pub(crate) fn has_waiting(&self) -> bool {
        self.has_waiting.load(Ordering::Acquire)
    }

    /// Whether reports go to a sink, and so may be delivered while the plugin runs.
    pub(crate) fn has_live_outlet(&self) -> bool {
        !matches!(self.outlet, Outlet::Events(_))
    }

    /// Delivers what waits to sink or log; for the caller's task alone.
    pub(crate) fn deliver(&self, subject: &Subject, action: &str) {
        while self.has_live_outlet() && self.next(subject, action).is_some() {}
    }

    /// Takes the oldest waiting report, after showing it to sink or log; for the caller's task alone.
    pub(crate) fn next(&self, subject: &Subject, action: &str) -> Option<Progress> {
        if !self.has_waiting() {
            return None;
        }
        let progress = {
            let mut waiting = self.lock();
            let progress = waiting.pop_front();
            self.has_waiting.store(!waiting.is_empty(), Ordering::Release);
            progress?
        };
        match &self.outlet {
            Outlet::Log => log(subject, action, &progress),
            Outlet::Sink(sink) | Outlet::Events(Some(sink)) => {
                if let Err(panicked) = contain(|| sink.report(&progress)) {
                    tracing::error!(plugin = %subject.id, action, error = %panicked, "a progress sink panicked");
                }
            }
            Outlet::Events(None) => {}
        }
        Some(progress)
    }

    /// Turns away what is reported from now on; what waits may still be delivered.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// How many reports were given up for newer ones.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Progress>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log(subject: &Subject, action: &str, progress: &Progress) {
    tracing::info!(
        plugin = %subject.id,
        version = %subject.version,
        action,
        percentage = progress.percentage,
        message = progress.message.as_deref().unwrap_or_default(),
        details = (!progress.details.is_empty()).then(|| tracing::field::debug(&progress.details)),
    );
}

/// A report as the plugin sent it, brought into form: percentages within 0 to 100, sizes within `max_bytes`.
pub(crate) fn read_report(percentage: Option<f64>, mut message: String, details: &[u8], max_bytes: usize) -> Progress {
    if message.len() > max_bytes {
        message.truncate(message.floor_char_boundary(max_bytes));
    }
    let mut progress = percentage.map_or_else(Progress::default, Progress::percent);
    let room = max_bytes - message.len();
    progress.message = (!message.is_empty()).then_some(message);
    if !details.is_empty() && details.len() <= room {
        match serde_json::from_slice(details) {
            Ok(details) => progress.details = details,
            Err(error) => tracing::debug!(%error, "progress details are not a JSON object and are left out"),
        }
    }
    progress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_brought_into_0_to_100_and_what_is_no_number_is_unknown() {
        let check = |told, heard| assert_eq!(read_report(told, String::new(), b"", 10).percentage, heard, "{told:?}");
        check(Some(-5.0), Some(0.0));
        check(Some(101.0), Some(100.0));
        check(Some(f64::INFINITY), Some(100.0));
        check(Some(f64::NAN), None);
        check(Some(50.5), Some(50.5));
        check(None, None);
    }

    #[test]
    fn oversized_or_malformed_reports_lose_what_does_not_fit() {
        let long = read_report(None, "äöü".to_owned(), br#"{"a":1}"#, 5);
        assert_eq!(long.message.as_deref(), Some("äö"));
        assert!(long.details.is_empty());
        assert!(read_report(None, "m".into(), b"[1]", 100).details.is_empty());
        assert_eq!(read_report(None, "m".into(), br#"{"a":1}"#, 100).details["a"], 1);
    }

    #[test]
    fn when_too_many_wait_the_oldest_is_given_up_and_counted() {
        let subject = Subject::example();
        let reports = Reports::new(Outlet::Events(None), 2);
        (0..5).for_each(|n| reports.add(Progress::percent(f64::from(n))));
        let left = std::iter::from_fn(|| reports.next(&subject, "a")).map(|progress| progress.percentage);
        assert_eq!(left.collect::<Vec<_>>(), [Some(3.0), Some(4.0)]);
        assert_eq!(reports.given_up(), 3);
    }

    #[test]
    fn after_closing_only_what_waited_is_delivered() {
        let subject = Subject::example();
        let reports = Reports::new(Outlet::Events(None), 8);
        reports.add(Progress::percent(1.0));
        reports.close();
        reports.add(Progress::percent(2.0));
        assert_eq!(reports.next(&subject, "a").map(|progress| progress.percentage), Some(Some(1.0)));
        assert_eq!(reports.next(&subject, "a"), None);
    }
}
