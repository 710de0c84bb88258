//! Watches roots for changes: by the system's notifications where they are to be had, else by the clock.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use apex_files::FileState;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::Root;

mod burst;
mod changes;
mod places;
#[cfg(test)]
mod tests;

use burst::{Shared, Taken};
pub use changes::Changes;
use places::{Identity, Places, identity};

/// How often a root is asked whether it is still the same directory.
const IDENTITY: Duration = Duration::from_secs(1);

/// How often what cannot be watched is to be looked at.
const POLL: Duration = Duration::from_secs(2);

/// Watches roots for changes, and says where to look.
///
/// It may cry wolf, but never sleeps through a change: where the system loses track, or cannot watch at all, it asks for
/// a look at everything. Roots may vanish, come back, and be replaced.
pub struct Watcher {
    shared: Arc<Shared>,
    /// None where the system has no notifications, or none were wanted.
    notifications: Option<RecommendedWatcher>,
    roots: Vec<Watched>,
    files: Vec<WatchedFile>,
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

/// A file that says something about roots, watched through the directory that it is in.
struct WatchedFile {
    path: PathBuf,
    /// The directory that is watched, if there is one.
    present: Option<(PathBuf, Identity)>,
    state: FileState,
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
        let (now, files) = (Instant::now(), Vec::new());
        let roots = roots.iter().map(watched).collect();
        let mut watcher = Self { shared, notifications, roots, files, poll, next_identity: now, next_poll: now + poll };
        watcher.follow();
        watcher
    }

    /// Asks for a look at everything when this file changes too, such as one that says what in a root counts.
    ///
    /// The file need not be there yet. Where the system does not tell of it, it is asked for every second.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let state = FileState::of(&path);
        self.files.push(WatchedFile { path, present: None, state });
        self.follow();
        self
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
                self.follow();
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

    /// Watches what stands at the paths of roots and files now, if that is something else than a moment ago.
    fn follow(&mut self) {
        self.follow_roots();
        self.follow_files();
        let resolved = self.roots.iter().filter_map(|root| root.present.as_ref()).map(|(path, _)| path.clone());
        let roots = resolved.collect();
        let files = self.files.iter().filter_map(WatchedFile::resolved).collect();
        self.shared.set_watched(Places { roots, files });
    }

    fn follow_roots(&mut self) {
        let is_one_gone = std::mem::take(&mut self.shared.lock().is_root_gone);
        for index in 0..self.roots.len() {
            let now = identity(&self.roots[index].given);
            if now == self.roots[index].present && !is_one_gone {
                continue;
            }
            let before = std::mem::replace(&mut self.roots[index].present, now.clone());
            self.forget(before);
            self.roots[index].is_notified = now.is_some_and(|(path, _)| self.notify_of_root(&path));
            self.shared.tell(|changes| *changes = Changes::All);
        }
    }

    /// A file is compared with what it was even where the system tells of it: that costs one question.
    fn follow_files(&mut self) {
        let shared = Arc::clone(&self.shared);
        // A directory that is also a root is watched as a whole, and stays so.
        let is_root = |(path, _): &(PathBuf, Identity)| shared.lock().watched.is_root(path);
        for index in 0..self.files.len() {
            let now = self.files[index].path.parent().and_then(identity);
            if now != self.files[index].present {
                let before = std::mem::replace(&mut self.files[index].present, now.clone());
                self.forget(before.filter(|directory| !is_root(directory)));
                if let Some((path, _)) = now.filter(|directory| !is_root(directory)) {
                    self.notify_of_names(&path);
                }
            }
            let file = &mut self.files[index];
            let state = FileState::of(&file.path);
            if state != file.state {
                file.state = state;
                self.shared.tell(|changes| *changes = Changes::All);
            }
        }
    }

    /// Watches a directory no more; it may be gone, and its watch with it.
    fn forget(&mut self, directory: Option<(PathBuf, Identity)>) {
        if let (Some(notifications), Some((path, _))) = (&mut self.notifications, directory) {
            let _ = notifications.unwatch(&path);
        }
    }

    fn notify_of_root(&mut self, path: &Path) -> bool {
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

    fn notify_of_names(&mut self, path: &Path) {
        let Some(notifications) = &mut self.notifications else { return };
        if let Err(error) = notifications.watch(path, RecursiveMode::NonRecursive) {
            tracing::warn!(directory = %path.display(), %error, "the directory cannot be watched; its file is polled");
        }
    }
}

impl WatchedFile {
    fn resolved(&self) -> Option<PathBuf> {
        let (directory, _) = self.present.as_ref()?;
        Some(directory.join(self.path.file_name()?))
    }
}

impl Stopper {
    /// Ends the wait that is under way, and every later one.
    pub fn stop(&self) {
        self.0.stop();
    }
}
