//! Work of the plugin that is polled by whoever leads, one poll at a time.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Wake, Waker},
    thread::{self, Thread},
};

use apex_abi::contain;

use crate::leader::Leader;

/// Work that says itself what it came to.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Work of the plugin.
pub(crate) struct Task {
    leader: Arc<Leader>,
    state: AtomicU8,
    work: Mutex<Option<Work>>,
}

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
/// Woken while it runs.
const WOKEN: u8 = 3;
const DONE: u8 = 4;

impl Task {
    /// A task that counts as queued.
    pub(crate) fn queued(leader: Arc<Leader>, work: Work) -> Arc<Self> {
        Arc::new(Self { leader, state: AtomicU8::new(QUEUED), work: Mutex::new(Some(work)) })
    }

    /// Polls it once; says whether it is to be queued again.
    pub(crate) fn run(self: &Arc<Self>) -> bool {
        self.state.store(RUNNING, Ordering::SeqCst);
        // Only the one who took it from the queue is here.
        let mut slot = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(work) = slot.as_mut() else { return false };
        let waker = Waker::from(Arc::clone(self));
        let polled = contain(|| work.as_mut().poll(&mut Context::from_waker(&waker)));
        if !matches!(polled, Ok(std::task::Poll::Pending)) {
            self.state.store(DONE, Ordering::SeqCst);
            let work = slot.take();
            drop(contain(|| drop(work)));
            return false;
        }
        drop(slot);
        if self.state.compare_exchange(RUNNING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return false;
        }
        self.state.store(QUEUED, Ordering::SeqCst);
        true
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let step = |state| match state {
            IDLE => Some(QUEUED),
            RUNNING => Some(WOKEN),
            _ => None,
        };
        if self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step) == Ok(IDLE) {
            self.leader.queue(Arc::clone(self));
        }
    }
}

/// Does work on this thread, which may block.
pub(crate) fn work_here(mut work: Work) {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // A wake in the meantime leaves a token, and so park returns at once.
    while contain(|| work.as_mut().poll(&mut context)).is_ok_and(|polled| polled.is_pending()) {
        thread::park();
    }
}
