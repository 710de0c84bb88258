//! One thread leads: it reads what the host says, polls what is ready, and writes all answers at once.
//!
//! So a call costs two wakes of a process and no wake of a thread. Should the leader stay inside one poll of the plugin,
//! the thread that keeps an eye on it leads instead, and another one keeps an eye on that.

use std::{
    cell::Cell,
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

use crate::{child::Child, outgoing::Outgoing, task::Task};

/// How long a poll of the plugin may take until another thread leads, to a factor of two.
const PATIENCE: Duration = Duration::from_millis(5);

/// After how many looks without anything to see the eye closes.
const QUIET_LOOKS: u32 = 20;

thread_local!(static LEADS: Cell<bool> = const { Cell::new(false) });

/// What the threads that may lead share.
pub(crate) struct Leader {
    pub(crate) outgoing: Outgoing,
    ready: Mutex<VecDeque<Arc<Task>>>,
    event: OwnedFd,
    is_asleep: AtomicBool,
    /// Counts the leaders: who is not the latest leads no more.
    term: AtomicU64,
    /// Which poll the leader is in; 0 for none.
    polling: AtomicU64,
    eye: Mutex<Option<Thread>>,
    eye_is_closed: AtomicBool,
    spares: Mutex<Spares>,
    wanted: Condvar,
}

#[derive(Default)]
struct Spares {
    waiting: usize,
    wanted: usize,
}

/// Why a leader leads no more.
pub(crate) enum Outcome {
    /// Another thread leads.
    Replaced,
    /// The conversation is over.
    Over,
}

impl Leader {
    pub(crate) fn new(outgoing: Outgoing) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            outgoing,
            ready: Mutex::default(),
            event: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            is_asleep: AtomicBool::new(false),
            term: AtomicU64::new(0),
            polling: AtomicU64::new(0),
            eye: Mutex::default(),
            eye_is_closed: AtomicBool::new(false),
            spares: Mutex::default(),
            wanted: Condvar::new(),
        }))
    }

    /// Whether this thread leads, and so writes what was said when it is done.
    pub(crate) fn is_this_thread() -> bool {
        LEADS.get()
    }

    /// Lets the leader poll a task soon.
    pub(crate) fn queue(&self, task: Arc<Task>) {
        self.ready().push_back(task);
        if self.is_asleep.swap(false, Ordering::SeqCst) {
            // Full means set, and nothing else can go wrong with eight bytes.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }

    fn ready(&self) -> MutexGuard<'_, VecDeque<Arc<Task>>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leads on this thread until the conversation ends, together with the threads that it takes.
    ///
    /// # Errors
    /// The operating system gives no thread, or the socket fails.
    pub(crate) fn serve(self: &Arc<Self>, child: &Arc<Child>) -> io::Result<()> {
        self.start_eye(child)?;
        self.lead_on(child, 0)
    }

    fn lead_on(self: &Arc<Self>, child: &Arc<Child>, mut term: u64) -> io::Result<()> {
        loop {
            LEADS.set(true);
            let outcome = self.lead(child, term)?;
            LEADS.set(false);
            match outcome {
                Outcome::Over => return Ok(()),
                Outcome::Replaced => {}
            }
            self.wait_as_spare();
            term = self.watch();
            self.find_eye(child)?;
        }
    }

    fn lead(&self, child: &Arc<Child>, term: u64) -> io::Result<Outcome> {
        loop {
            if !self.poll_ready(term) {
                self.outgoing.flush()?;
                return Ok(Outcome::Replaced);
            }
            self.outgoing.flush()?;
            match child.receive()? {
                Received::Something => {}
                Received::Nothing => self.sleep(child)?,
                Received::End => return Ok(Outcome::Over),
            }
        }
    }

    /// Polls what is ready now; says whether this thread still leads.
    fn poll_ready(&self, term: u64) -> bool {
        // Not what is queued meanwhile: the host has its turn in between.
        let mut left = self.ready().len();
        while left > 0 {
            left -= 1;
            let Some(task) = self.ready().pop_front() else { break };
            self.begin_poll();
            let again = task.run();
            // A thread that was replaced must not wipe out what its successor says.
            let leads = self.term.load(Ordering::SeqCst) == term;
            if leads {
                self.polling.fetch_and(!1, Ordering::SeqCst);
            }
            if again {
                self.queue(task);
            }
            if !leads {
                return false;
            }
            if self.outgoing.is_long() && self.outgoing.flush().is_err() {
                // The next read finds the end.
                break;
            }
        }
        true
    }

    fn begin_poll(&self) {
        // Odd within a poll, even outside.
        self.polling.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| Some((count + 2) | 1)).ok();
        if self.eye_is_closed.load(Ordering::SeqCst) && self.eye_is_closed.swap(false, Ordering::SeqCst) {
            let eye = self.eye.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(eye) = &*eye {
                eye.unpark();
            }
        }
    }

    fn sleep(&self, child: &Child) -> io::Result<()> {
        self.is_asleep.store(true, Ordering::SeqCst);
        // Whoever queues looks at the flag afterwards: one of both sees the other.
        if self.ready().is_empty() {
            let mut sources = [PollFd::new(child.socket(), PollFlags::IN), PollFd::new(&self.event, PollFlags::IN)];
            match poll(&mut sources, None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            if !sources[1].revents().is_empty() {
                let _ = rustix::io::read(&self.event, &mut [0_u8; 8]);
            }
        }
        self.is_asleep.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// Keeps an eye on the leader; returns the term in which this thread leads in its place.
    fn watch(&self) -> u64 {
        *self.eye.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        let mut quiet = 0;
        loop {
            let seen = self.polling.load(Ordering::SeqCst);
            if seen.is_multiple_of(2) {
                quiet += 1;
                if quiet > QUIET_LOOKS {
                    self.eye_is_closed.store(true, Ordering::SeqCst);
                    // Opened by the first poll that begins from here on.
                    while self.polling.load(Ordering::SeqCst) == seen && self.eye_is_closed.load(Ordering::SeqCst) {
                        thread::park();
                    }
                    self.eye_is_closed.store(false, Ordering::SeqCst);
                    quiet = 0;
                }
            } else {
                quiet = 0;
            }
            thread::sleep(PATIENCE);
            if seen % 2 == 1 && self.polling.load(Ordering::SeqCst) == seen {
                // In this order: the old leader, should it return now, sees that it was replaced.
                let term = self.term.fetch_add(1, Ordering::SeqCst) + 1;
                self.polling.fetch_and(!1, Ordering::SeqCst);
                return term;
            }
        }
    }

    /// Wants a thread that keeps an eye on this one.
    fn find_eye(self: &Arc<Self>, child: &Arc<Child>) -> io::Result<()> {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        if spares.waiting > spares.wanted {
            spares.wanted += 1;
            drop(spares);
            self.wanted.notify_one();
            return Ok(());
        }
        drop(spares);
        self.start_eye(child)
    }

    fn start_eye(self: &Arc<Self>, child: &Arc<Child>) -> io::Result<()> {
        let (leader, child) = (Arc::clone(self), Arc::clone(child));
        let start = move || {
            let term = leader.watch();
            let led = leader.find_eye(&child).and_then(|()| leader.lead_on(&child, term));
            child.end(led);
        };
        thread::Builder::new().name("apex-lead".to_owned()).spawn(start).map(drop)
    }

    /// Waits until an eye is wanted.
    fn wait_as_spare(&self) {
        let mut spares = self.spares.lock().unwrap_or_else(PoisonError::into_inner);
        spares.waiting += 1;
        while spares.wanted == 0 {
            spares = self.wanted.wait(spares).unwrap_or_else(PoisonError::into_inner);
        }
        spares.wanted -= 1;
        spares.waiting -= 1;
    }
}

/// What reading came to.
pub(crate) enum Received {
    /// The host said something.
    Something,
    /// It says nothing now.
    Nothing,
    /// It says nothing any more.
    End,
}
