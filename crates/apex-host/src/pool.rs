//! Threads for blocking actions: each blocks nobody but itself.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use apex_abi::contain;

/// How long a thread without work stays, in case more comes.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// The threads; how many jobs may wait for one is for whoever gives them.
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    max_threads: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    pub(crate) fn new(max_threads: usize) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), work: Condvar::new(), max_threads: max_threads.max(1) }))
    }

    /// Runs a job as soon as a thread is free.
    ///
    /// # Errors
    /// There is no thread, and the operating system gives none.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let mut state = self.0.lock();
        if state.idle <= state.queue.len() && state.threads < self.0.max_threads {
            let shared = Arc::clone(&self.0);
            let started = thread::Builder::new().name("apex-blocking".to_owned()).spawn(move || shared.work_off());
            match started {
                Ok(_) => state.threads += 1,
                // The threads that there are will get to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(error),
            }
        }
        state.queue.push_back(Box::new(job));
        drop(state);
        self.0.work.notify_one();
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_off(&self) {
        while let Some(job) = self.next_job() {
            // What a plugin panics with was contained where it is called; this is for the thread's sake.
            drop(contain(job));
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        state.idle += 1;
        let (mut state, _) = self
            .work
            .wait_timeout_while(state, KEEP_ALIVE, |state| state.queue.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        let job = state.queue.pop_front();
        if job.is_none() {
            state.threads -= 1;
        }
        job
    }
}
