//! Names asynchronous actions that hold their worker.
//!
//! Each thread that polls plugins has a slot that says which action it polls and for the how-many-th time; entering and
//! leaving are two atomic stores, and no clock is read. One thread of the process looks at the slots now and then: what
//! it finds unchanged for longer than the limit holds its worker.

use std::{
    cell::{Cell, OnceCell},
    collections::{BTreeMap, HashMap, hash_map::Entry},
    io,
    marker::PhantomData,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use apex_abi::contain;

use crate::{SlowPoll, actions::Actions, lifecycle::Observer, metrics::ActionCounters, subject::Subject};

/// At most one warning of this age stands in the log for an action; the observer and the counters get everything.
const WARNING_STANDS: Duration = Duration::from_secs(10);

/// What a thread polls: the action's number above, a count below; 0 for nothing.
#[derive(Default)]
struct Slot(AtomicU64);

thread_local! {
    static SLOT: OnceCell<Arc<Slot>> = const { OnceCell::new() };
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

static WATCHDOG: Mutex<Watchdog> =
    Mutex::new(Watchdog { slots: Vec::new(), watched: BTreeMap::new(), next_number: 1, is_running: false });
static CHANGED: Condvar = Condvar::new();

struct Watchdog {
    slots: Vec<Weak<Slot>>,
    /// By the number of its first action.
    watched: BTreeMap<u32, Arc<Watched>>,
    next_number: u32,
    is_running: bool,
}

/// An instance whose polls are watched.
pub(crate) struct Watched {
    pub(crate) subject: Arc<Subject>,
    pub(crate) actions: Arc<Actions>,
    pub(crate) counters: Arc<[ActionCounters]>,
    pub(crate) limit: Duration,
    pub(crate) observer: Arc<dyn Observer>,
}

/// A poll that is to be told of.
struct Warning {
    watched: Arc<Watched>,
    action: usize,
    slow: SlowPoll,
    /// Whether nothing was told of this poll before.
    is_first: bool,
}

/// What the log was told of an action.
struct Told {
    at: Instant,
    kept_back: u64,
}

/// Keeps an instance watched until it is dropped.
pub(crate) struct Watch {
    first: u32,
}

impl Watch {
    /// Begins to watch an instance.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(crate) fn over(watched: Watched) -> io::Result<Self> {
        let mut watchdog = lock();
        let first = watchdog.next_number;
        let numbers = u32::try_from(watched.actions.len()).unwrap_or(u32::MAX).max(1);
        // Four thousand million instances later the numbers start again, and a warning may name the wrong action.
        watchdog.next_number = first.checked_add(numbers).unwrap_or(1);
        watchdog.watched.insert(first, Arc::new(watched));
        if !watchdog.is_running {
            let started = thread::Builder::new().name("apex-watchdog".to_owned()).spawn(keep_watch);
            if let Err(error) = started {
                watchdog.watched.remove(&first);
                return Err(error);
            }
            watchdog.is_running = true;
        }
        drop(watchdog);
        CHANGED.notify_one();
        Ok(Self { first })
    }

    /// Marks this thread as polling an action, until the guard is dropped.
    pub(crate) fn polling(&self, action: usize) -> Polling {
        let number = self.first + action as u32;
        let count = COUNT.get().wrapping_add(1);
        COUNT.set(count);
        let value = u64::from(number) << 32 | u64::from(count);
        // A plugin's poll may lead to another plugin's poll on the same thread.
        let outer = SLOT.with(|slot| {
            let slot = slot.get_or_init(register);
            let outer = slot.0.load(Ordering::Relaxed);
            slot.0.store(value, Ordering::Relaxed);
            outer
        });
        Polling { outer, of_this_thread: PhantomData }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock().watched.remove(&self.first);
    }
}

/// See [`Watch::polling`].
pub(crate) struct Polling {
    outer: u64,
    of_this_thread: PhantomData<*const Slot>,
}

impl Drop for Polling {
    fn drop(&mut self) {
        // While the thread ends there is no slot any more, and nothing to be told.
        let _ = SLOT.try_with(|slot| slot.get().map(|slot| slot.0.store(self.outer, Ordering::Relaxed)));
    }
}

fn register() -> Arc<Slot> {
    let slot = Arc::new(Slot::default());
    lock().slots.push(Arc::downgrade(&slot));
    slot
}

fn lock() -> MutexGuard<'static, Watchdog> {
    WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the watchdog knows of a slot that was not empty when it last looked.
struct Sighting {
    value: u64,
    since: Instant,
    warn_after: Duration,
    warned: bool,
}

fn keep_watch() {
    let mut sightings: HashMap<usize, Sighting> = HashMap::new();
    let mut log = HashMap::new();
    let mut watchdog = lock();
    loop {
        if watchdog.watched.is_empty() {
            watchdog.is_running = false;
            return;
        }
        log.retain(|_, told: &mut Told| told.at.elapsed() < WARNING_STANDS || told.kept_back > 0);
        let warnings = look(&mut watchdog, &mut sightings);
        let pause = watchdog.watched.values().map(|watched| watched.limit).min().unwrap_or(Duration::MAX) / 2;
        if !warnings.is_empty() {
            drop(watchdog);
            warnings.iter().for_each(|warning| warning.tell(&mut log));
            watchdog = lock();
        }
        let pause = pause.clamp(Duration::from_millis(1), Duration::from_secs(1));
        watchdog = CHANGED.wait_timeout(watchdog, pause).unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn look(watchdog: &mut Watchdog, sightings: &mut HashMap<usize, Sighting>) -> Vec<Warning> {
    let now = Instant::now();
    let mut warnings = Vec::new();
    let mut alive = Vec::with_capacity(watchdog.slots.len());
    for weak in std::mem::take(&mut watchdog.slots) {
        let key = Weak::as_ptr(&weak) as usize;
        let value = weak.upgrade().map_or(0, |slot| slot.0.load(Ordering::Relaxed));
        if let Some(sighting) = sightings.get(&key)
            && sighting.value != value
        {
            if sighting.warned {
                warnings.extend(watchdog.describe(sighting, now - sighting.since, true));
            }
            sightings.remove(&key);
        }
        if value != 0 {
            let sighting = sightings.entry(key).or_insert_with(|| Sighting {
                value,
                since: now,
                warn_after: watchdog.find(value).map_or(Duration::MAX, |(watched, _)| watched.limit),
                warned: false,
            });
            let duration = now - sighting.since;
            if duration >= sighting.warn_after {
                warnings.extend(watchdog.describe(sighting, duration, false));
                sighting.warn_after = duration.saturating_mul(2);
                sighting.warned = true;
            }
        }
        if weak.strong_count() > 0 {
            alive.push(weak);
        }
    }
    watchdog.slots = alive;
    warnings
}

impl Watchdog {
    fn find(&self, value: u64) -> Option<(&Arc<Watched>, usize)> {
        let number = (value >> 32) as u32;
        let (first, watched) = self.watched.range(..=number).next_back()?;
        let index = (number - first) as usize;
        (index < watched.actions.len()).then_some((watched, index))
    }

    fn describe(&self, sighting: &Sighting, duration: Duration, over: bool) -> Option<Warning> {
        let (watched, action) = self.find(sighting.value)?;
        let (plugin, version) = (watched.subject.id.clone(), watched.subject.version.clone());
        let slow = SlowPoll { plugin, version, action: watched.actions.name(action).to_owned(), duration, over };
        Some(Warning { watched: Arc::clone(watched), action, slow, is_first: !sighting.warned })
    }
}

impl Warning {
    /// Counts the poll, and tells observer and log.
    fn tell(&self, log: &mut HashMap<(String, String), Told>) {
        let Self { watched, action, slow, is_first } = self;
        watched.counters[*action].slow_poll(slow.duration, *is_first);
        if let Err(panicked) = contain(|| watched.observer.slow_poll(slow)) {
            tracing::error!(plugin = %slow.plugin, error = %panicked, "an observer of plugins panicked");
        }
        // A poll that never ends is told of in doubling intervals, each of them worth a line.
        let is_new = *is_first || slow.over;
        let now = Instant::now();
        let told = log.entry((slow.plugin.to_string(), slow.action.clone()));
        let kept_back = match told {
            Entry::Occupied(mut told) if is_new && now - told.get().at < WARNING_STANDS => {
                told.get_mut().kept_back += 1;
                return;
            }
            Entry::Occupied(mut told) => told.insert(Told { at: now, kept_back: 0 }).kept_back,
            Entry::Vacant(place) => place.insert(Told { at: now, kept_back: 0 }).kept_back,
        };
        let message = match slow.over {
            false => "an asynchronous action holds its worker: its poll does not return",
            true => "an asynchronous action held its worker for a long time; declare it `blocking`",
        };
        let (held, kept_back) = (slow.duration, (kept_back > 0).then_some(kept_back));
        tracing::warn!(plugin = %slow.plugin, version = %slow.version, action = slow.action, ?held, kept_back, "{message}");
    }
}
