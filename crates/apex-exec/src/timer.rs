//! Deadlines, kept by one thread of the process, so that they bind callers of any runtime or none.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use apex_abi::contain;
use futures::task::AtomicWaker;

/// Waits so long; needs no runtime.
///
/// # Errors
/// The operating system gives no thread to keep the time.
pub fn sleep(duration: Duration) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let timer = Timer::get()?;
    let now = Instant::now();
    // What is too far away to be named never comes.
    Ok(timer.at(now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(u32::MAX.into()))))
}

/// The process's timer.
pub(crate) struct Timer {
    queue: Mutex<Queue>,
    earlier: Condvar,
}

#[derive(Default)]
struct Queue {
    alarms: BTreeMap<(Instant, u64), Arc<Alarm>>,
    next: u64,
    /// When the thread looks next, unless it is woken; never, if there is none. That may be the moment of an alarm which
    /// was forgotten since: to wake it for each call that ends in time would cost more than to let it look in vain.
    looks_at: Option<Instant>,
}

#[derive(Default)]
struct Alarm {
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Timer {
    /// The process's timer, started at the first call.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static TIMER: Mutex<Option<&'static Timer>> = Mutex::new(None);
        let mut started = TIMER.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(timer) = *started {
            return Ok(timer);
        }
        // Lives as long as the process, as its thread does.
        let timer: &'static Self = Box::leak(Box::new(Self { queue: Mutex::default(), earlier: Condvar::new() }));
        thread::Builder::new().name("apex-timer".to_owned()).spawn(|| timer.run())?;
        Ok(*started.insert(timer))
    }

    /// An alarm at that moment.
    pub(crate) fn at(&'static self, moment: Instant) -> Sleep {
        let alarm = Arc::new(Alarm::default());
        let mut queue = self.lock();
        let key = (moment, queue.next);
        queue.next += 1;
        queue.alarms.insert(key, Arc::clone(&alarm));
        let is_too_late = queue.looks_at.is_none_or(|looks_at| moment < looks_at);
        if is_too_late {
            // Whoever comes before the thread has woken need not wake it again.
            queue.looks_at = Some(moment);
        }
        drop(queue);
        if is_too_late {
            self.earlier.notify_one();
        }
        Sleep { timer: self, key, alarm }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut queue = self.lock();
        loop {
            let now = Instant::now();
            let later = queue.alarms.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut queue.alarms, later);
            if !due.is_empty() {
                drop(queue);
                due.into_values().for_each(|alarm| alarm.ring());
                queue = self.lock();
                continue;
            }
            queue.looks_at = queue.alarms.first_key_value().map(|((moment, _), _)| *moment);
            queue = match queue.looks_at.map(|moment| moment.saturating_duration_since(now)) {
                Some(wait) => self.earlier.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0,
                None => self.earlier.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl Alarm {
    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        // A waker is code of the caller's executor, and this thread serves all callers.
        if let Err(panicked) = contain(|| self.waker.wake()) {
            tracing::error!(error = %panicked, "a waker panicked");
        }
    }
}

/// Ready once its moment has come; forgotten by the timer when it is dropped.
pub(crate) struct Sleep {
    timer: &'static Timer,
    key: (Instant, u64),
    alarm: Arc<Alarm>,
}

impl Sleep {
    /// Whether its moment has come, without asking the clock.
    pub(crate) fn is_over(&self) -> bool {
        self.alarm.rung.load(Ordering::Acquire)
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.alarm.waker.register(context.waker());
        if self.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if !self.is_over() {
            self.timer.lock().alarms.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::park::block_on;

    #[test]
    fn alarms_ring_in_order_and_not_early() {
        let timer = Timer::get().unwrap();
        let start = Instant::now();
        let late = timer.at(start + Duration::from_millis(30));
        let soon = timer.at(start + Duration::from_millis(10));
        block_on(soon);
        assert!(start.elapsed() >= Duration::from_millis(10));
        block_on(late);
        assert!(start.elapsed() >= Duration::from_millis(30));
    }

    #[test]
    fn alarms_that_were_forgotten_keep_no_other_from_ringing() {
        let timer = Timer::get().unwrap();
        let after = |milliseconds| timer.at(Instant::now() + Duration::from_millis(milliseconds));
        // The thread would look an hour from now, or it looks in vain before the next.
        for forgotten in [3_600_000, 5] {
            drop(after(forgotten));
            block_on(after(10));
        }
    }

    #[test]
    fn a_dropped_alarm_is_forgotten() {
        let timer = Timer::get().unwrap();
        let sleep = timer.at(Instant::now() + Duration::from_secs(3600));
        let key = sleep.key;
        drop(sleep);
        assert!(!timer.lock().alarms.contains_key(&key));
    }
}
