//! Threads that wait for disks, so that no async worker has to.
//!
//! They belong to the store and to no runtime: the store works under any executor, and dropping a runtime neither
//! waits for a save nor cuts it short. There are as many as there is work at once, up to a limit, and they end when
//! there was nothing to do for a while.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

/// Waiting for a lock that another process holds takes a thread; this many plugins at once may have that misfortune.
const MOST_THREADS: usize = 64;

/// How long a thread stays without work.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads of one store.
#[derive(Default)]
pub(crate) struct Workers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    woken: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl Workers {
    /// Does the work on another thread; `None` if it panicked.
    ///
    /// The work is done even if nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        self.submit(Box::new(move || {
            // Whoever asked may have gone.
            let _ = sender.send(work());
        }));
        receiver.await.ok()
    }

    fn submit(&self, job: Job) {
        let mut queue = self.0.queue();
        queue.jobs.push_back(job);
        if queue.jobs.len() > queue.idle && queue.threads < MOST_THREADS {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("apex-state".to_owned());
            match thread.spawn(move || shared.work()) {
                Ok(_detached) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    tracing::warn!(%error, "no thread to be had: the state is read or written on the caller's");
                    let jobs = std::mem::take(&mut queue.jobs);
                    drop(queue);
                    jobs.into_iter().for_each(run_job);
                    return;
                }
                Err(error) => tracing::debug!(%error, "no further thread to be had"),
            }
        }
        drop(queue);
        self.0.woken.notify_one();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.woken.notify_all();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Jobs run without the lock, and nothing else can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut queue = self.queue();
        loop {
            while let Some(job) = queue.jobs.pop_front() {
                drop(queue);
                run_job(job);
                queue = self.queue();
            }
            if queue.is_closed {
                break;
            }
            queue.idle += 1;
            let (woken, wait) = self.woken.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            queue.idle -= 1;
            if wait.timed_out() && queue.jobs.is_empty() {
                break;
            }
        }
        queue.threads -= 1;
    }
}

/// An observer of the embedder's may panic: its answer is lost, the thread is not.
fn run_job(job: Job) {
    if catch_unwind(AssertUnwindSafe(job)).is_err() {
        tracing::error!("a panic while a state was read or written");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

    use std::sync::{Barrier, mpsc};

    use super::*;

    #[tokio::test]
    async fn work_is_done_elsewhere_and_its_result_comes_back() {
        let workers = Workers::default();
        let caller = thread::current().id();
        assert_ne!(workers.run(|| thread::current().id()).await, Some(caller));
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_answer_alone() {
        let workers = Workers::default();
        assert_eq!(workers.run(|| std::panic::resume_unwind(Box::new("from a test"))).await, None::<()>);
        assert_eq!(workers.run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn jobs_that_wait_for_each_other_all_get_a_thread() {
        let workers = Arc::new(Workers::default());
        let barrier = Arc::new(Barrier::new(8));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (workers, barrier) = (Arc::clone(&workers), Arc::clone(&barrier));
                tokio::spawn(async move { workers.run(move || barrier.wait().is_leader()).await.unwrap() })
            })
            .collect();
        let mut leaders = 0;
        for task in tasks {
            leaders += usize::from(task.await.unwrap());
        }
        assert_eq!(leaders, 1);
    }

    #[test]
    fn what_was_submitted_is_done_though_nobody_waits() {
        let workers = Workers::default();
        let (sender, receiver) = mpsc::channel();
        workers.submit(Box::new(move || sender.send(7).unwrap()));
        drop(workers);
        assert_eq!(receiver.recv_timeout(Duration::from_secs(20)), Ok(7));
    }
}
