//! Threads of our own for code that may block for ever: nobody ever waits for them to end.
//!
//! A runtime's blocking pool is not enough: dropping the runtime would wait for what never returns.

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use apex_abi::{PluginError, contain};
use apex_meta::ErrorKind;
use futures::{channel::oneshot, task::AtomicWaker};

use crate::{park::block_on, timer::Timer};

/// How long a thread without work stays, in case more comes.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one instance, so that one plugin that hangs takes none from the others.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    max_threads: usize,
    max_queue: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    pub(crate) fn new(max_threads: usize, max_queue: usize) -> Self {
        let (state, work) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Shared { state, work, max_threads: max_threads.max(1), max_queue }))
    }

    /// Runs `work` as soon as a thread is free; its result comes by the future that is returned.
    ///
    /// # Errors
    /// `ResourceLimit` when all threads are taken and too much waits already, or when there is no thread to be had.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Running<T>, PluginError> {
        let (answer, running) = oneshot::channel();
        self.submit(Box::new(move || {
            let result = contain(work);
            if let (Err(panicked), true) = (&result, answer.is_canceled()) {
                tracing::error!(error = %panicked, "what nobody waits for panicked");
            }
            // If nobody waits any more, the result is dropped here, off the asynchronous workers.
            let _ = contain(|| drop(answer.send(result)));
        }))?;
        Ok(Running(running))
    }

    fn submit(&self, job: Job) -> Result<(), PluginError> {
        let mut state = self.0.lock();
        if state.idle > state.queue.len() {
            state.queue.push_back(job);
            drop(state);
            self.0.work.notify_one();
            return Ok(());
        }
        let started = (state.threads < self.0.max_threads).then(|| self.start_thread());
        match started {
            Some(Ok(())) => state.threads += 1,
            Some(Err(error)) if state.threads == 0 => {
                let error =
                    PluginError::new(ErrorKind::ResourceLimit, "there is no thread to run it on").caused_by(&error);
                return Err(error);
            }
            // At the limit, of our own or of the system, the threads that there are will get to it.
            Some(Err(_)) | None if state.queue.len() < self.0.max_queue => {}
            Some(Err(_)) | None => {
                let (threads, waiting) = (state.threads, state.queue.len());
                let message = format!("all {threads} threads for blocking actions are taken, and {waiting} calls wait");
                return Err(PluginError::new(ErrorKind::ResourceLimit, message));
            }
        }
        state.queue.push_back(job);
        Ok(())
    }

    fn start_thread(&self) -> std::io::Result<()> {
        let shared = Arc::clone(&self.0);
        // Detached: dropping the handle is the point.
        thread::Builder::new().name("apex-blocking".to_owned()).spawn(move || shared.work_off()).map(drop)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_off(&self) {
        while let Some(job) = self.next_job() {
            if let Err(panicked) = contain(job) {
                tracing::error!(error = %panicked, "a job on a thread for blocking actions panicked");
            }
        }
    }

    /// The next job; none when there was none for a while, and the thread is counted out.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        let until = Instant::now() + KEEP_ALIVE;
        loop {
            if let Some(job) = state.queue.pop_front() {
                return Some(job);
            }
            let wait = until.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            state = self.work.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
            state.idle -= 1;
        }
    }
}

/// The result of work on another thread, to be waited for.
pub(crate) struct Running<T>(oneshot::Receiver<Result<T, PluginError>>);

impl<T> Future for Running<T> {
    type Output = Result<T, PluginError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|answer| {
            answer.unwrap_or_else(|_| Err(PluginError::new(ErrorKind::Execution, "its thread ended without an answer")))
        })
    }
}

/// Whether anybody still waits for what runs on another thread.
#[derive(Default)]
pub(crate) struct Abandonment {
    abandoned: AtomicBool,
    worker: AtomicWaker,
}

impl Abandonment {
    pub(crate) fn declare(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        self.worker.wake();
    }

    pub(crate) fn is_declared(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// Waits on this thread for the future; gives up, and drops it, when it is not wanted any more.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = pin!(future);
        block_on(std::future::poll_fn(|context| {
            self.worker.register(context.waker());
            if self.is_declared() {
                return Poll::Ready(None);
            }
            future.as_mut().poll(context).map(Some)
        }))
    }
}

/// What became of work with a time limit.
pub(crate) enum Limited<T> {
    Finished(T),
    TooSlow,
}

/// Runs a future on a thread of the pool, for at most `limit`; after that it is dropped as soon as it yields.
///
/// # Errors
/// As [`Pool::run`], and when `make` or its future panics.
pub(crate) async fn run_limited<T, F>(
    pool: &Pool,
    timer: &'static Timer,
    limit: Duration,
    make: impl FnOnce() -> F + Send + 'static,
) -> Result<Limited<T>, PluginError>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    struct GiveUp(Arc<Abandonment>);
    impl Drop for GiveUp {
        fn drop(&mut self) {
            self.0.declare();
        }
    }
    let abandonment = Arc::new(Abandonment::default());
    let given_up = GiveUp(Arc::clone(&abandonment));
    let mut running = pool.run(move || abandonment.block_on(make()))?;
    let mut sleep = timer.at(Instant::now() + limit);
    let finished = std::future::poll_fn(|context| match Pin::new(&mut running).poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => Pin::new(&mut sleep).poll(context).map(|()| None),
    })
    .await;
    drop(given_up);
    Ok(match finished.transpose()?.flatten() {
        Some(result) => Limited::Finished(result),
        None => Limited::TooSlow,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::sync::mpsc;

    use super::*;

    #[test]
    fn work_beyond_threads_and_queue_is_refused() {
        let pool = Pool::new(1, 1);
        let (started, wait_for_start) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let first = pool.run(move || {
            started.send(()).unwrap();
            released.recv().unwrap();
            1
        });
        wait_for_start.recv().unwrap();
        let second = pool.run(|| 2);
        let third = pool.run(|| 3);
        assert_eq!(third.err().unwrap().kind, ErrorKind::ResourceLimit);
        release.send(()).unwrap();
        assert_eq!(block_on(first.unwrap()), Ok(1));
        assert_eq!(block_on(second.unwrap()), Ok(2));
    }

    #[test]
    fn a_panic_on_a_thread_is_the_result_and_the_thread_works_on() {
        let pool = Pool::new(1, 1);
        let panicked = block_on(pool.run(|| panic!("on purpose")).unwrap());
        assert_eq!(panicked.unwrap_err().kind, ErrorKind::PluginPanicked);
        assert_eq!(block_on(pool.run(|| 7).unwrap()), Ok(7));
        assert_eq!(pool.0.lock().threads, 1);
    }

    #[test]
    fn abandoned_waiting_ends_by_itself() {
        let abandonment = Arc::new(Abandonment::default());
        let waiting = Arc::clone(&abandonment);
        let thread = thread::spawn(move || waiting.block_on(std::future::pending::<()>()));
        abandonment.declare();
        assert_eq!(thread.join().unwrap(), None);
    }
}
