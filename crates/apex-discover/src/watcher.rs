//! Watches roots for changes: by the system's notifications where they are to be had, else by the clock.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode},
};

use crate::Root;

/// Changes come in bursts: so long nothing more must come until somebody looks.
const QUIET: Duration = Duration::from_millis(25);

/// But no burst is waited out for longer than this.
const PATIENCE: Duration = Duration::from_millis(250);

/// How often a root is asked whether it is still the same directory.
const IDENTITY: Duration = Duration::from_secs(1);

/// How often what cannot be watched is to be looked at.
const POLL: Duration = Duration::from_secs(2);

/// More changed directories than this, and one look at everything is cheaper.
const MOST: usize = 4_096;

/// What may have changed below some roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changes {
    /// Anything.
    All,
    /// What lies in these directories: a root, resolved, and the name of a directory in it.
    In(BTreeSet<(PathBuf, OsString)>),
}

impl Changes {
    /// That nothing changed.
    pub const fn none() -> Self {
        Self::In(BTreeSet::new())
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::In(places) if places.is_empty())
    }

    pub(crate) fn add(&mut self, root: PathBuf, name: OsString) {
        if let Self::In(places) = self {
            places.insert((root, name));
            if places.len() > MOST {
                *self = Self::All;
            }
        }
    }
}

/// Watches roots for changes, and says where to look.
///
/// It may cry wolf, but never sleeps through a change: where the system loses track, or cannot watch at all, it asks for
/// a look at everything. Roots may vanish, come back, and be replaced.
pub struct Watcher {
    shared: Arc<Shared>,
    /// None where the system has no notifications, or none were wanted.
    notifications: Option<RecommendedWatcher>,
    roots: Vec<Watched>,
    poll: Duration,
    next_identity: Instant,
    next_poll: Instant,
}

/// Ends the wait of a [`Watcher`] from another thread.
#[derive(Clone)]
pub struct Stopper(Arc<Shared>);

struct Watched {
    given: PathBuf,
    /// The directory that is watched, if there is one.
    present: Option<(PathBuf, Identity)>,
    /// Whether the system tells of changes in it.
    is_notified: bool,
}

/// Which directory stands at a path.
type Identity = (u64, u64);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    woken: Condvar,
}

struct State {
    /// The roots that are watched, resolved.
    roots: Vec<PathBuf>,
    changes: Changes,
    /// When the first and the last of them came.
    since: Option<(Instant, Instant)>,
    /// Whether the system said that it cannot tell of everything any more.
    is_deaf: bool,
    /// Whether a root was removed: another directory of the same number may stand there by now, which nobody watches.
    is_root_gone: bool,
    stopped: bool,
}

impl Default for State {
    fn default() -> Self {
        let (roots, changes, since) = (Vec::new(), Changes::none(), None);
        Self { roots, changes, since, is_deaf: false, is_root_gone: false, stopped: false }
    }
}

impl Watcher {
    /// Watches from now on; what cannot be watched is asked for every two seconds.
    pub fn new(roots: &[Root]) -> Self {
        let shared = Arc::new(Shared::default());
        let listener = Arc::clone(&shared);
        let notifications = notify::recommended_watcher(move |event| listener.hear(event));
        let notifications = notifications
            .inspect_err(|error| tracing::warn!(%error, "the roots cannot be watched; they are polled"))
            .ok();
        Self::start(roots, shared, notifications, POLL)
    }

    /// Asks for a look at everything again and again, and does without the system's notifications.
    pub fn polling(roots: &[Root], period: Duration) -> Self {
        Self::start(roots, Arc::default(), None, period)
    }

    fn start(roots: &[Root], shared: Arc<Shared>, notifications: Option<RecommendedWatcher>, poll: Duration) -> Self {
        let watched = |root: &Root| Watched { given: root.path().to_owned(), present: None, is_notified: false };
        let now = Instant::now();
        let roots = roots.iter().map(watched).collect();
        let mut watcher = Self { shared, notifications, roots, poll, next_identity: now, next_poll: now + poll };
        watcher.follow_roots();
        watcher
    }

    /// Whether the system tells of every change, so that nothing is polled but the roots themselves.
    pub fn is_notified(&self) -> bool {
        !self.shared.lock().is_deaf && self.roots.iter().all(|root| root.is_notified || root.present.is_none())
    }

    /// What ends a wait.
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.shared))
    }

    /// Waits until something may have changed and the burst of changes is over, at most so long; then says where.
    ///
    /// None if it was stopped.
    pub fn wait(&mut self, at_most: Duration) -> Option<Changes> {
        let end = Instant::now() + at_most;
        loop {
            let now = Instant::now();
            if now >= self.next_identity {
                self.next_identity = now + IDENTITY;
                self.follow_roots();
            }
            if now >= self.next_poll {
                self.next_poll = now + self.poll;
                if !self.is_notified() {
                    self.shared.tell(|changes| *changes = Changes::All);
                }
            }
            let wake_at = end.min(self.next_identity).min(self.next_poll);
            match self.shared.take(wake_at) {
                Taken::Stopped => return None,
                Taken::Changes(changes) => return Some(changes),
                Taken::Nothing if Instant::now() >= end => return Some(Changes::none()),
                Taken::Nothing => {}
            }
        }
    }

    /// Watches the directories that stand at the roots' paths now, if they are others than a moment ago.
    fn follow_roots(&mut self) {
        let is_one_gone = std::mem::take(&mut self.shared.lock().is_root_gone);
        for index in 0..self.roots.len() {
            let now = identity(&self.roots[index].given);
            if now == self.roots[index].present && !is_one_gone {
                continue;
            }
            let before = std::mem::replace(&mut self.roots[index].present, now.clone());
            if let (Some(notifications), Some((path, _))) = (&mut self.notifications, before) {
                // It is gone, and its watch with it.
                let _ = notifications.unwatch(&path);
            }
            self.roots[index].is_notified = now.is_some_and(|(path, _)| self.notify_of(&path));
            self.shared.tell(|changes| *changes = Changes::All);
        }
        let resolved = self.roots.iter().filter_map(|root| root.present.as_ref()).map(|(path, _)| path.clone());
        self.shared.set_roots(resolved.collect());
    }

    fn notify_of(&mut self, path: &Path) -> bool {
        let Some(notifications) = &mut self.notifications else { return false };
        match notifications.watch(path, RecursiveMode::Recursive) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(root = %path.display(), %error, "the root cannot be watched as a whole; it is polled");
                // What is watched of it would only waste watches.
                let _ = notifications.unwatch(path);
                false
            }
        }
    }
}

impl Stopper {
    /// Ends the wait that is under way, and every later one.
    pub fn stop(&self) {
        self.0.lock().stopped = true;
        self.0.woken.notify_all();
    }
}

enum Taken {
    Nothing,
    Changes(Changes),
    Stopped,
}

#[cfg(test)]
impl Taken {
    fn is_changes(&self) -> bool {
        matches!(self, Self::Changes(_))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_roots(&self, roots: Vec<PathBuf>) {
        self.lock().roots = roots;
    }

    fn tell(&self, change: impl FnOnce(&mut Changes)) {
        let mut state = self.lock();
        change(&mut state.changes);
        let now = Instant::now();
        let first = state.since.map_or(now, |(first, _)| first);
        state.since = Some((first, now));
        self.woken.notify_all();
    }

    /// Takes note of what the system tells.
    fn hear(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.tell(|changes| *changes = Changes::All),
            Ok(event) if !is_change(&event.kind) => {}
            Ok(event) if event.paths.is_empty() => self.tell(|changes| *changes = Changes::All),
            Ok(event) => {
                let places: Vec<_> = {
                    let mut state = self.lock();
                    state.is_root_gone |=
                        event.kind.is_remove() && event.paths.iter().any(|path| state.roots.contains(path));
                    event.paths.iter().map(|path| place(&state.roots, path)).collect()
                };
                self.tell(|changes| {
                    for place in places {
                        match place {
                            Some((root, name)) => changes.add(root, name),
                            None => *changes = Changes::All,
                        }
                    }
                });
            }
            Err(error) => {
                // Such as that a new directory is one more than can be watched.
                tracing::warn!(%error, "the system lost track of the roots; they are polled from now on");
                self.lock().is_deaf = true;
                self.tell(|changes| *changes = Changes::All);
            }
        }
    }

    /// The changes, once there are some and their burst is over; waits until a time at most.
    fn take(&self, until: Instant) -> Taken {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return Taken::Stopped;
            }
            let now = Instant::now();
            let ready_at = state.since.map(|(first, last)| (last + QUIET).min(first + PATIENCE));
            if ready_at.is_some_and(|ready_at| now >= ready_at) {
                state.since = None;
                return Taken::Changes(std::mem::replace(&mut state.changes, Changes::none()));
            }
            let wake_at = ready_at.unwrap_or(until);
            if now >= wake_at {
                return Taken::Nothing;
            }
            let waited = self.woken.wait_timeout(state, wake_at - now).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
        }
    }
}

/// Whether something may be different afterwards: that somebody read is no change.
fn is_change(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => *kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// In which root, and in which directory of it, a path lies; none if it is a root itself, or in none.
fn place(roots: &[PathBuf], path: &Path) -> Option<(PathBuf, OsString)> {
    let within = roots.iter().filter_map(|root| Some((root, path.strip_prefix(root).ok()?)));
    // Roots that lie within each other are seen by a look at everything.
    let mut within = within.filter(|(_, relative)| *relative != Path::new(""));
    let (root, relative) = within.next()?;
    if within.next().is_some() {
        return None;
    }
    Some((root.clone(), relative.components().next()?.as_os_str().to_owned()))
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(PathBuf, Identity)> {
    use std::os::unix::fs::MetadataExt as _;
    let resolved = fs::canonicalize(path).ok()?;
    let metadata = fs::metadata(&resolved).ok().filter(fs::Metadata::is_dir)?;
    Some((resolved, (metadata.dev(), metadata.ino())))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<(PathBuf, Identity)> {
    let resolved = fs::canonicalize(path).ok()?;
    fs::metadata(&resolved).ok().filter(fs::Metadata::is_dir)?;
    Some((resolved, (0, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_told_by_root_and_directory_or_not_at_all() {
        let roots = ["/a".into(), "/b".into(), "/b/c".into()];
        let rows = [
            ("/a/x/plugin.json", Some(("/a", "x"))),
            ("/a/x", Some(("/a", "x"))),
            ("/a", None),
            ("/elsewhere", None),
            ("/b/x/y", Some(("/b", "x"))),
            ("/b/c/y", None),
        ];
        for (path, expected) in rows {
            let expected = expected.map(|(root, name)| (PathBuf::from(root), OsString::from(name)));
            assert_eq!(place(&roots, Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn many_changes_are_a_look_at_everything_and_so_is_a_loss_of_track() {
        let mut changes = Changes::none();
        assert!(changes.is_empty());
        for number in 0..=MOST {
            changes.add("/plugins".into(), number.to_string().into());
        }
        assert_eq!(changes, Changes::All);

        let shared = Shared::default();
        shared.hear(Ok(Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan)));
        assert_eq!(shared.lock().changes, Changes::All);
    }

    #[test]
    fn what_the_system_cannot_watch_any_more_is_polled() {
        let watcher = Watcher::new(&[]);
        assert!(watcher.is_notified());
        watcher.shared.hear(Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch)));
        assert!(!watcher.is_notified());
        assert_eq!(watcher.shared.lock().changes, Changes::All);
    }

    /// File systems give the number of a removed directory to the next one.
    #[test]
    fn a_root_that_was_removed_is_watched_anew_even_if_one_of_the_same_number_stands_there() {
        let room = tempfile::tempdir().expect("a directory can be made");
        let mut watcher = Watcher::new(&[Root::new(room.path())]);
        let path = room.path().canonicalize().expect("it is there");
        assert!(watcher.shared.take(Instant::now() + PATIENCE).is_changes(), "it is new");
        watcher.shared.hear(Ok(Event::new(EventKind::Remove(notify::event::RemoveKind::Folder)).add_path(path)));
        assert!(watcher.shared.take(Instant::now() + PATIENCE).is_changes(), "it is gone");
        watcher.follow_roots();
        assert!(watcher.shared.take(Instant::now() + PATIENCE).is_changes(), "it is watched anew");
        watcher.follow_roots();
        assert!(matches!(watcher.shared.take(Instant::now()), Taken::Nothing), "nothing changed since");
    }

    #[test]
    fn that_somebody_reads_wakes_nobody() {
        let shared = Shared::default();
        shared.set_roots(vec!["/plugins".into()]);
        let read = EventKind::Access(AccessKind::Open(AccessMode::Any));
        shared.hear(Ok(Event::new(read).add_path("/plugins/x/file".into())));
        assert!(matches!(shared.take(Instant::now()), Taken::Nothing));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        shared.hear(Ok(Event::new(written).add_path("/plugins/x/file".into())));
        assert_eq!(shared.lock().changes, Changes::In(BTreeSet::from([("/plugins".into(), "x".into())])));
    }
}
