//! Waiting for a future on the present thread, without any runtime.

use std::{
    cell::RefCell,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

#[cfg(target_os = "linux")]
use crate::child::Bell;

/// Something that a waiting thread can do itself, instead of waiting for another thread to do it.
pub(crate) trait Errand: Send + Sync {
    /// Does it until the parker is woken.
    fn run(self: Arc<Self>, parker: &Arc<Parker>);
}

thread_local! {
    /// What the innermost wait on this thread could do; none outside of one.
    static ERRAND: RefCell<Option<Option<Arc<dyn Errand>>>> = const { RefCell::new(None) };
}

/// Offers an errand to the wait that polls the present future, if one of ours does.
pub(crate) fn offer(errand: impl FnOnce() -> Arc<dyn Errand>) {
    ERRAND.with_borrow_mut(|slot| {
        if let Some(slot) = slot {
            slot.get_or_insert_with(errand);
        }
    });
}

/// Waits on this thread until the future is ready.
///
/// Unlike other executors it may be entered again from within itself: a plugin that is polled here may use a host
/// that waits here. What waits for a plugin's child process reads that process's answers itself.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let parker = Arc::new(Parker::new(thread::current()));
    let waker = Waker::from(Arc::clone(&parker));
    let mut context = Context::from_waker(&waker);
    loop {
        let errand = {
            let _outer = Enter::new();
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            ERRAND.with_borrow_mut(|slot| slot.as_mut().and_then(Option::take))
        };
        match errand {
            Some(errand) if !parker.is_woken() => errand.run(&parker),
            _ => parker.park(),
        }
        parker.reset();
    }
}

/// Puts a fresh slot for errands in place of the outer wait's, until it is dropped.
struct Enter(Option<Option<Arc<dyn Errand>>>);

impl Enter {
    fn new() -> Self {
        Self(ERRAND.replace(Some(None)))
    }
}

impl Drop for Enter {
    fn drop(&mut self) {
        ERRAND.set(self.0.take());
    }
}

/// A thread that waits.
pub(crate) struct Parker {
    thread: Thread,
    woken: AtomicBool,
    /// Rung too, while the thread waits in a system call.
    #[cfg(target_os = "linux")]
    pub(crate) bell: Bell,
}

impl Parker {
    fn new(thread: Thread) -> Self {
        Self {
            thread,
            woken: AtomicBool::new(false),
            #[cfg(target_os = "linux")]
            bell: Bell::default(),
        }
    }

    /// Whether the future wants to be polled again.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// Waits until it is woken.
    pub(crate) fn park(&self) {
        while !self.is_woken() {
            thread::park();
        }
    }

    /// Waits until it is woken, or nudged.
    #[cfg(target_os = "linux")]
    pub(crate) fn park_once(&self) {
        if !self.is_woken() {
            thread::park();
        }
    }

    /// Ends one [`park_once`](Self::park_once).
    #[cfg(target_os = "linux")]
    pub(crate) fn nudge(&self) {
        self.thread.unpark();
    }

    fn reset(&self) {
        self.woken.store(false, Ordering::SeqCst);
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.woken.swap(true, Ordering::SeqCst) {
            return;
        }
        #[cfg(target_os = "linux")]
        if self.bell.ring() {
            return;
        }
        self.thread.unpark();
    }
}
