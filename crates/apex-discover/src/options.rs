//! How a discovery is run: threads, limits and plugins that are part of the host.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::SystemTime};

use apex_meta::Document;

use crate::Cache;

/// How a discovery is run; the defaults suit a host that is starting up.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) threads: NonZeroUsize,
    pub(crate) limits: Limits,
    pub(crate) linked: Vec<Document>,
    pub(crate) cache: Option<Cache>,
    pub(crate) remember: bool,
    pub(crate) progress: Option<Progress>,
    pub(crate) clock: Clock,
}

/// Who is told how far a scan is.
#[derive(Clone)]
pub(crate) struct Progress(Arc<dyn Fn(usize, usize) + Send + Sync>);

/// What the age of changes is measured by.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

/// How much is looked at, so that no tree can exhaust the host.
///
/// Depth is no number here: plugins stand one or two levels below a root, and nothing deeper is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most subdirectories of one root; the smallest names are kept and a problem reports the rest.
    pub directories_per_root: usize,
    /// The most subdirectories of one directory in a root, such as the versions of one plugin.
    pub directories_per_plugin: usize,
    /// The most finds of one discovery.
    pub finds: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { directories_per_root: 1_000_000, directories_per_plugin: 4_096, finds: 1_000_000 }
    }
}

impl Default for Options {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self {
            threads,
            limits: Limits::default(),
            linked: Vec::new(),
            cache: None,
            remember: false,
            progress: None,
            clock: Clock(Arc::new(SystemTime::now)),
        }
    }
}

impl Options {
    /// Sets how many threads read and examine; by default as many as the machine runs at once.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets how much is looked at.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Adds a plugin that is linked into the host program.
    ///
    /// It is the host's own code, so it is not assessed, and it takes precedence over every find of the same id.
    #[must_use]
    pub fn linked(mut self, document: Document) -> Self {
        self.linked.push(document);
        self
    }
    /// Keeps what a scan establishes in a cache, and relies on what stands there as far as the stamps of files say that
    /// it still holds.
    #[must_use]
    pub fn cache(mut self, cache: Cache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Keeps what a scan establishes in memory, for the next scan of the same [`Discovery`](crate::Discovery).
    #[must_use]
    pub fn remember(mut self) -> Self {
        self.remember = true;
        self
    }

    /// Sets who is told how many of how many directories have been looked at; called from several threads, often.
    #[must_use]
    pub fn progress(mut self, tell: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        self.progress = Some(Progress(Arc::new(tell)));
        self
    }

    /// Sets what the age of changes is measured by; the system's clock, if it is not called.
    ///
    /// What changed less than two seconds before a look is looked at again next time, since a change within the same
    /// tick of the file system's clock leaves no trace.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock(Arc::new(now));
        self
    }
}

impl Progress {
    pub(crate) fn tell(&self, done: usize, of: usize) {
        (self.0)(done, of);
    }
}

impl Clock {
    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
