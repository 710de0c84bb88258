//! Waiting for a future on the present thread, without any runtime.

use std::{
    cell::RefCell,
    pin::pin,
    ptr,
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
    ///
    /// It may be kept for this thread while the future is polled: then the next run gets the number that this one gives.
    fn run(self: Arc<Self>, parker: &Arc<Parker>, kept: Option<u64>) -> Option<u64>;

    /// Keeps it no longer: what was polled wants something else, or nothing more.
    fn let_go(self: Arc<Self>, kept: u64);
}

/// An errand that is kept for this thread.
struct Kept(Option<(Arc<dyn Errand>, u64)>);

impl Kept {
    /// The number that an errand gave, if it is the one that is kept; any other is let go.
    fn take(&mut self, errand: &Arc<dyn Errand>) -> Option<u64> {
        match self.0.take() {
            Some((kept, number)) if ptr::addr_eq(Arc::as_ptr(&kept), Arc::as_ptr(errand)) => Some(number),
            other => {
                drop(Self(other));
                None
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some((errand, number)) = self.0.take() {
            errand.let_go(number);
        }
    }
}

/// Something that is better done once for many than for each, as soon as nothing more is polled.
pub(crate) trait Chore: Send + Sync {
    /// Does it.
    fn attend(&self);
}

/// What was left to a wait while it polls its future.
#[derive(Default)]
struct Left {
    /// What it could do instead of waiting.
    errand: Option<Arc<dyn Errand>>,
    /// What came up, and whether it still is to be done.
    chores: Vec<(Arc<dyn Chore>, bool)>,
}

impl Left {
    fn attend(&mut self) {
        for (chore, is_due) in &mut self.chores {
            if std::mem::take(is_due) {
                chore.attend();
            }
        }
    }
}

thread_local! {
    /// What was left to the innermost wait on this thread; none outside of one.
    static LEFT: RefCell<Option<Left>> = const { RefCell::new(None) };
}

/// Offers an errand to the wait that polls the present future, if one of ours does.
pub(crate) fn offer(errand: impl FnOnce() -> Arc<dyn Errand>) {
    LEFT.with_borrow_mut(|left| {
        if let Some(left) = left {
            left.errand.get_or_insert_with(errand);
        }
    });
}

/// Puts a chore off until the present poll ends, or until another wait begins within it; says whether it did.
///
/// It does so from the second time on that the chore comes up in a poll. The first time it is to be done at once, so that
/// what comes alone is not held up by whatever else the poll does.
pub(crate) fn put_off<C: Chore + 'static>(chore: &Arc<C>) -> bool {
    LEFT.with_borrow_mut(|left| {
        let Some(left) = left else { return false };
        let is_this = |(known, _): &&mut (Arc<dyn Chore>, bool)| ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(chore));
        match left.chores.iter_mut().find(is_this) {
            Some((_, is_due)) => {
                *is_due = true;
                true
            }
            None => {
                left.chores.push((Arc::clone(chore) as _, false));
                false
            }
        }
    })
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
    let (mut kept, mut errand) = (Kept(None), None);
    loop {
        {
            let _outer = Enter::new();
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            let offered = LEFT.with_borrow_mut(|left| left.as_mut().and_then(|left| left.errand.take()));
            // Not each poll gets to all that waits: what was offered before may still be what is waited for.
            errand = offered.or(errand);
        }
        if !parker.is_woken() {
            match errand.take() {
                Some(next) => {
                    let number = kept.take(&next);
                    if let Some(number) = Arc::clone(&next).run(&parker, number) {
                        errand = Some(Arc::clone(&next));
                        kept = Kept(Some((next, number)));
                    }
                }
                None => parker.park(),
            }
        }
        parker.reset();
    }
}

/// A poll of a wait: what is left to others meanwhile is not left to the outer wait.
struct Enter(Option<Left>);

impl Enter {
    fn new() -> Self {
        let mut outer = LEFT.replace(Some(Left::default()));
        // The outer poll may end late, or wait for what this one has to wait for.
        if let Some(outer) = &mut outer {
            outer.attend();
        }
        Self(outer)
    }
}

impl Drop for Enter {
    fn drop(&mut self) {
        let ended = LEFT.replace(self.0.take());
        // After a panic too: what was put off is somebody's call.
        if let Some(mut ended) = ended {
            ended.attend();
        }
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

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        panic::catch_unwind,
        sync::{Mutex, atomic::AtomicUsize},
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Chore for Count {
        fn attend(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    impl Count {
        fn attended(&self) -> usize {
            self.0.swap(0, Ordering::SeqCst)
        }
    }

    #[test]
    fn what_comes_up_again_in_a_poll_is_done_once_at_its_end() {
        let chore = Arc::new(Count::default());
        assert!(!put_off(&chore), "nobody waits");
        block_on(async {
            assert_eq!([0; 3].map(|_| put_off(&chore)), [false, true, true], "the first time it is the caller's");
            assert_eq!(chore.attended(), 0);
        });
        assert_eq!(chore.attended(), 1);
        block_on(async {
            assert!(!put_off(&chore), "another poll begins anew");
        });
        assert_eq!(chore.attended(), 0, "nothing was put off");
    }

    #[test]
    fn what_was_put_off_is_done_before_another_wait_and_after_a_panic() {
        let chore = Arc::new(Count::default());
        block_on(async {
            assert_eq!([0; 2].map(|_| put_off(&chore)), [false, true]);
            block_on(async { assert_eq!(chore.attended(), 1, "the inner wait may need it") });
            assert!(put_off(&chore), "the outer poll goes on");
        });
        assert_eq!(chore.attended(), 1);
        let panicked = catch_unwind(|| {
            block_on(async {
                assert_eq!([0; 2].map(|_| put_off(&chore)), [false, true]);
                panic!("in a poll");
            })
        });
        assert!(panicked.is_err());
        assert_eq!(chore.attended(), 1);
    }

    /// Notes what each run was given, and what was let go; gives the number of the run.
    #[derive(Default)]
    struct Noted(Mutex<(Vec<Option<u64>>, Vec<u64>)>);

    impl Errand for Noted {
        fn run(self: Arc<Self>, parker: &Arc<Parker>, kept: Option<u64>) -> Option<u64> {
            let runs = &mut self.0.lock().expect("no panic").0;
            runs.push(kept);
            parker.wake_by_ref();
            Some(runs.len() as u64)
        }

        fn let_go(self: Arc<Self>, kept: u64) {
            self.0.lock().expect("no panic").1.push(kept);
        }
    }

    impl Noted {
        fn noted(&self) -> (Vec<Option<u64>>, Vec<u64>) {
            self.0.lock().expect("no panic").clone()
        }
    }

    #[test]
    fn an_errand_is_kept_until_another_is_offered_or_the_wait_ends() {
        let (first, second) = (Arc::new(Noted::default()), Arc::new(Noted::default()));
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            match polls {
                1 => {
                    offer(|| Arc::clone(&first) as _);
                    // As who polls many at once does: it goes on without a wait, and then polls none that offers.
                    context.waker().wake_by_ref();
                }
                4 => {
                    assert_eq!(first.noted(), (vec![None, Some(1)], vec![]), "run again without being offered again");
                    offer(|| Arc::clone(&second) as _);
                }
                5 => return Poll::Ready(()),
                _ => {}
            }
            Poll::Pending
        }));
        assert_eq!(first.noted().1, [2]);
        assert_eq!(second.noted(), (vec![None], vec![1]));
    }
}
