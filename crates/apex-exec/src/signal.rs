//! A flag that is raised once, and that code on both sides of the boundary waits for.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};

/// A flag that is raised once; nothing is allocated or locked unless somebody waits.
#[derive(Default)]
pub(crate) struct Signal {
    raised: AtomicBool,
    awaited: AtomicBool,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    next: u64,
    wakers: Vec<(u64, Waker)>,
}

impl Signal {
    pub(crate) fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    pub(crate) fn raise(&self) {
        // SeqCst pairs with `Raised::poll`: either it sees the flag, or this sees that somebody waits.
        if self.raised.swap(true, Ordering::SeqCst) || !self.awaited.load(Ordering::SeqCst) {
            return;
        }
        let wakers = std::mem::take(&mut self.lock().wakers);
        // Outside of the lock: waking is foreign code.
        wakers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, Waiters> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who owns a signal.
pub(crate) trait HasSignal: Send + Sync + 'static {
    fn signal(&self) -> &Signal;
}

/// Ready once the signal is raised.
pub(crate) struct Raised<S: HasSignal> {
    owner: Arc<S>,
    place: Option<u64>,
}

impl<S: HasSignal> Raised<S> {
    pub(crate) fn new(owner: Arc<S>) -> Self {
        Self { owner, place: None }
    }
}

impl<S: HasSignal> Future for Raised<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let signal = this.owner.signal();
        if signal.is_raised() {
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        let mut waiters = signal.lock();
        let place = *this.place.get_or_insert_with(|| {
            waiters.next += 1;
            waiters.next
        });
        let replaced = match waiters.wakers.iter_mut().find(|(other, _)| *other == place) {
            Some((_, old)) => Some(std::mem::replace(old, waker)),
            None => {
                waiters.wakers.push((place, waker));
                None
            }
        };
        signal.awaited.store(true, Ordering::SeqCst);
        drop(waiters);
        drop(replaced);
        if signal.raised.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl<S: HasSignal> Drop for Raised<S> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut waiters = self.owner.signal().lock();
        let found = waiters.wakers.iter().position(|(other, _)| *other == place);
        let waker = found.map(|index| waiters.wakers.swap_remove(index));
        drop(waiters);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::park::block_on;

    impl HasSignal for Signal {
        fn signal(&self) -> &Signal {
            self
        }
    }

    #[test]
    fn raising_wakes_every_waiter_wherever_it_waits() {
        let signal = Arc::new(Signal::default());
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let raised = Raised::new(Arc::clone(&signal));
                std::thread::spawn(move || block_on(raised))
            })
            .collect();
        signal.raise();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        assert!(signal.is_raised());
    }

    #[test]
    fn who_gives_up_waiting_leaves_nothing_behind() {
        let signal = Arc::new(Signal::default());
        let mut raised = Raised::new(Arc::clone(&signal));
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut raised).poll(&mut context).is_pending());
        assert_eq!(signal.lock().wakers.len(), 1);
        drop(raised);
        assert!(signal.lock().wakers.is_empty());
    }
}
