//! What a solution is chosen from.

use std::collections::BTreeMap;

use apex_meta::{PluginDependency, PluginId, PluginVersion, Reason, Status};

use crate::Candidate;

/// One version of a plugin that is on offer.
#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    /// Its version.
    pub version: PluginVersion,
    /// What became of it; only [`Status::Ready`] is ever chosen.
    pub status: Status,
    /// Why it is not ready.
    pub reason: Option<Reason>,
    /// The plugins that it needs.
    pub dependencies: Vec<PluginDependency>,
    /// The trusted publisher who signed it, if one did.
    pub publisher: Option<String>,
    /// Whether what a trusted publisher signed may depend on it although no trusted publisher signed it: it is part of
    /// the host, or its digest is pinned by the lock.
    pub pinned: bool,
    /// How much it is preferred to other versions.
    pub preference: Preference,
}

impl Release {
    /// A release that is ready, unsigned, and needs nothing.
    pub fn new(version: PluginVersion) -> Self {
        Self {
            version,
            status: Status::Ready,
            reason: None,
            dependencies: Vec::new(),
            publisher: None,
            pinned: false,
            preference: Preference::Ordinary,
        }
    }

    /// The same, not to be chosen, with the reason.
    #[must_use]
    pub fn excluded(mut self, status: Status, reason: Reason) -> Self {
        self.status = status;
        self.reason = Some(reason);
        self
    }

    /// Whether what a trusted publisher signed may depend on it.
    pub fn vouched(&self) -> bool {
        self.publisher.is_some() || self.pinned
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status == Status::Ready
    }

    pub(super) fn to_candidate(&self) -> Candidate {
        let candidate = Candidate::new(self.version.clone(), self.status);
        match &self.reason {
            Some(reason) => candidate.with_reason(reason.clone()),
            None => candidate,
        }
    }
}

/// How much a release is preferred to others of its plugin; the first is preferred most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Preference {
    /// The lock names it.
    Locked,
    /// The operator pinned it.
    Pinned,
    /// It is the version that is in use now.
    Active,
    /// The higher the version the better.
    #[default]
    Ordinary,
}

/// Every release on offer, by plugin.
#[derive(Debug, Clone, Default)]
pub struct Releases {
    by_plugin: BTreeMap<PluginId, Vec<Release>>,
}

impl Releases {
    /// Nothing at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a release. Among several that are ready and of one version, the first one added counts.
    pub fn add(&mut self, plugin: PluginId, release: Release) {
        self.by_plugin.entry(plugin).or_default().push(release);
    }

    /// The releases of a plugin, in the order in which they were added.
    pub fn of(&self, plugin: &PluginId) -> &[Release] {
        self.by_plugin.get(plugin).map_or(&[], Vec::as_slice)
    }

    /// Every plugin with its releases.
    pub fn iter(&self) -> impl Iterator<Item = (&PluginId, &[Release])> {
        self.by_plugin.iter().map(|(plugin, releases)| (plugin, releases.as_slice()))
    }
}

impl FromIterator<(PluginId, Release)> for Releases {
    fn from_iter<I: IntoIterator<Item = (PluginId, Release)>>(releases: I) -> Self {
        let mut all = Self::new();
        for (plugin, release) in releases {
            all.add(plugin, release);
        }
        all
    }
}
