//! The plugin's `tracing` events on their way to the host's log.
//!
//! A library has its own copy of `tracing`, whose events the host's subscribers never see. So a library that is loaded
//! installs a subscriber of its own, which hands each event to the host together with the call that it belongs to. A
//! plugin that is linked into the host shares the host's copy, and nothing is installed there.

mod fields;
mod forwarder;
mod spans;

use std::{
    cell::Cell,
    sync::{
        Arc, PoisonError, RwLock, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tracing::level_filters::LevelFilter;

use crate::services::Services;

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// How many levels the host wants, 0 to 5; of several instances, what the most curious one wants.
static LEVELS: AtomicUsize = AtomicUsize::new(0);

/// The instance that was initialized last; it gets what belongs to no call.
static INSTANCE: RwLock<Weak<Services>> = RwLock::new(Weak::new());

thread_local! {
    /// The call that this thread works for.
    static CALL: Cell<Option<Arc<Services>>> = const { Cell::new(None) };
}

/// Installs the forwarder into this library, unless its author has a subscriber already.
pub(crate) fn install() {
    if !INSTALLED.swap(true, Ordering::SeqCst) {
        // Another subscriber is the author's own wish, and stays.
        let _ = tracing::subscriber::set_global_default(forwarder::Forwarder::default());
    }
}

/// Takes note of an instance and of what its host wants to hear.
pub(crate) fn instance(services: &Arc<Services>) {
    if !INSTALLED.load(Ordering::Relaxed) {
        return;
    }
    *INSTANCE.write().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(services);
    let levels = usize::from(services.log_level());
    if LEVELS.fetch_max(levels, Ordering::SeqCst) < levels {
        tracing::callsite::rebuild_interest_cache();
    }
}

fn wanted() -> LevelFilter {
    match LEVELS.load(Ordering::Relaxed) {
        0 => LevelFilter::OFF,
        1 => LevelFilter::ERROR,
        2 => LevelFilter::WARN,
        3 => LevelFilter::INFO,
        4 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    }
}

/// The services that events are to be forwarded by, if any are.
pub(crate) fn note(services: &Arc<Services>) -> Option<Arc<Services>> {
    INSTALLED.load(Ordering::Relaxed).then(|| Arc::clone(services))
}

/// Whom an event belongs to that says nothing of it itself.
fn of_this_thread() -> Option<Arc<Services>> {
    let of_call = CALL.try_with(|call| {
        let services = call.take();
        call.set(services.clone());
        services
    });
    of_call.ok().flatten().or_else(|| INSTANCE.read().unwrap_or_else(PoisonError::into_inner).upgrade())
}

/// While it lives, events of this thread belong to a call.
pub(crate) struct Attributed<'a> {
    /// Where the call's services are taken from, and put back to: moving them costs no count.
    place: &'a mut Option<Arc<Services>>,
    outer: Option<Arc<Services>>,
    is_moved: bool,
}

/// Lets the events of this thread belong to the call whose services are in `place`.
pub(crate) fn attributed(place: &mut Option<Arc<Services>>) -> Attributed<'_> {
    let is_moved = INSTALLED.load(Ordering::Relaxed) && place.is_some();
    let outer = match is_moved {
        true => CALL.try_with(|call| call.replace(place.take())).ok().flatten(),
        false => None,
    };
    Attributed { place, outer, is_moved }
}

impl Drop for Attributed<'_> {
    fn drop(&mut self) {
        if self.is_moved {
            let outer = self.outer.take();
            *self.place = CALL.try_with(|call| call.replace(outer)).ok().flatten();
        }
    }
}

/// The call that this thread works for, to be taken along to another.
pub(crate) fn current() -> Option<Arc<Services>> {
    match INSTALLED.load(Ordering::Relaxed) {
        true => of_this_thread(),
        false => None,
    }
}
