//! How a discovery is run: threads, limits and plugins that are part of the host.

use std::num::NonZeroUsize;

use apex_meta::Document;

/// How a discovery is run; the defaults suit a host that is starting up.
#[derive(Debug, Clone)]
pub struct Options {
    pub(crate) threads: NonZeroUsize,
    pub(crate) limits: Limits,
    pub(crate) linked: Vec<Document>,
}

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
        Self { threads, limits: Limits::default(), linked: Vec::new() }
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
}
