//! One thread of the process that waits for all children at once: for what they say, for their ends, and for times.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use apex_abi::contain;
use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
};

use super::bell;

/// Which of its descriptors a source is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Part {
    Socket = 0,
    Room = 1,
    End = 2,
    Stdout = 3,
    Stderr = 4,
}

const PARTS: [Part; 5] = [Part::Socket, Part::Room, Part::End, Part::Stdout, Part::Stderr];

/// Who is told of events.
pub(super) trait Source: Send + Sync {
    /// One of the descriptors is ready; it was disarmed.
    fn ready(self: Arc<Self>, part: Part);

    /// The moment that was asked for has come.
    fn tick(self: Arc<Self>);
}

/// The thread's shared half.
pub(super) struct Reactor {
    epoll: OwnedFd,
    /// Set when an earlier moment was asked for.
    earlier: OwnedFd,
    sources: Mutex<HashMap<u64, Weak<dyn Source>>>,
    next: AtomicU64,
    moments: Mutex<BTreeMap<(Instant, u64), Weak<dyn Source>>>,
}

/// The key of the descriptor that tells of earlier moments.
const EARLIER: u64 = u64::MAX;

/// Older kernels refuse to wait for much longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

impl Reactor {
    /// The process's reactor, started at the first call.
    ///
    /// # Errors
    /// The operating system gives no thread or descriptor.
    pub(super) fn get() -> io::Result<&'static Self> {
        static REACTOR: Mutex<Option<&'static Reactor>> = Mutex::new(None);
        let mut started = REACTOR.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reactor) = *started {
            return Ok(reactor);
        }
        let (epoll, earlier) = (epoll::create(epoll::CreateFlags::CLOEXEC)?, bell::event()?);
        epoll::add(&epoll, &earlier, epoll::EventData::new_u64(EARLIER), epoll::EventFlags::IN)?;
        let (sources, next, moments) = (Mutex::default(), AtomicU64::new(0), Mutex::default());
        // Lives as long as the process, as its thread does.
        let reactor: &'static Self = Box::leak(Box::new(Self { epoll, earlier, sources, next, moments }));
        thread::Builder::new().name("apex-children".to_owned()).spawn(|| reactor.run())?;
        Ok(*started.insert(reactor))
    }

    /// Takes a source in and gives its number.
    pub(super) fn enlist(&self, source: Weak<dyn Source>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.sources().insert(number, source);
        number
    }

    /// Forgets a source.
    pub(super) fn dismiss(&self, number: u64) {
        self.sources().remove(&number);
    }

    /// Adds a descriptor of a source, not armed yet.
    pub(super) fn add(&self, number: u64, part: Part, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, descriptor, key(number, part), epoll::EventFlags::ONESHOT)?)
    }

    /// Asks to be told once when a descriptor is ready.
    pub(super) fn arm(&self, number: u64, part: Part, descriptor: impl AsFd) -> io::Result<()> {
        let wanted = if part == Part::Room { epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
        Ok(epoll::modify(&self.epoll, descriptor, key(number, part), wanted | epoll::EventFlags::ONESHOT)?)
    }

    /// Takes the wish back.
    pub(super) fn disarm(&self, number: u64, part: Part, descriptor: impl AsFd) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, descriptor, key(number, part), epoll::EventFlags::ONESHOT)?)
    }

    /// Forgets a descriptor.
    pub(super) fn remove(&self, descriptor: impl AsFd) {
        // One that was never added, or is closed, is forgotten already.
        let _ = epoll::delete(&self.epoll, descriptor);
    }

    /// Asks for a [`Source::tick`] at that moment, from then on at the earliest.
    pub(super) fn tick_at(&self, moment: Instant, source: Weak<dyn Source>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut moments = self.moments();
        moments.insert((moment, number), source);
        let is_first = moments.first_key_value().is_some_and(|((_, first), _)| *first == number);
        drop(moments);
        if is_first {
            bell::set(&self.earlier);
        }
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<u64, Weak<dyn Source>>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moments(&self) -> MutexGuard<'_, BTreeMap<(Instant, u64), Weak<dyn Source>>> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut events = Vec::with_capacity(64);
        loop {
            let pause = self.ring_moments();
            events.clear();
            let pause = pause
                .map(|pause| Timespec { tv_sec: pause.as_secs() as i64, tv_nsec: i64::from(pause.subsec_nanos()) });
            match epoll::wait(&self.epoll, spare_capacity(&mut events), pause.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "waiting for child processes failed");
                    thread::sleep(Duration::from_millis(10));
                }
            }
            for event in &events {
                self.dispatch(event.data.u64());
            }
        }
    }

    fn dispatch(&self, key: u64) {
        if key == EARLIER {
            bell::clear(&self.earlier);
            return;
        }
        let part = PARTS[(key % 8) as usize % PARTS.len()];
        let source = self.sources().get(&(key / 8)).and_then(Weak::upgrade);
        if let Some(source) = source {
            guard(|| source.ready(part));
        }
    }

    /// Tells those whose moment has come; gives the time until the next one.
    fn ring_moments(&self) -> Option<Duration> {
        loop {
            let now = Instant::now();
            let mut moments = self.moments();
            let (moment, _) = *moments.first_key_value()?.0;
            if moment > now {
                return Some((moment - now).min(LONGEST_PAUSE));
            }
            let due = moments.pop_first();
            drop(moments);
            if let Some(source) = due.and_then(|(_, source)| source.upgrade()) {
                guard(|| source.tick());
            }
        }
    }
}

fn key(number: u64, part: Part) -> epoll::EventData {
    epoll::EventData::new_u64(number * 8 + part as u64)
}

/// This thread serves all children: what panics for one must not end it.
fn guard(work: impl FnOnce()) {
    if let Err(panicked) = contain(work) {
        tracing::error!(error = %panicked, "serving a child process panicked");
    }
}
