//! The rule of selection.

use std::cmp::Reverse;

use apex_meta::{PluginId, PluginVersion, Status, VersionSpecifier};

use crate::{Candidate, Considered, Explanation, NoCandidate, Verdict, explain::Setting};

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// Which of the candidates, counted from 0 in the order in which they were given.
    pub index: usize,
    /// Its version.
    pub version: PluginVersion,
    /// What became of every candidate.
    pub explanation: Explanation,
}

/// Chooses the candidate that serves a request for a plugin.
///
/// It is the highest version, by SemVer's precedence, that is ready and satisfies the specifier; without a specifier,
/// the highest that is ready and not on [standby](Candidate::standby). Pre-releases are left out unless the specifier names one, or unless nothing stable that is
/// ready satisfies it. Among several ready candidates of one version the first one given is taken.
///
/// # Errors
/// Nothing can be chosen; [`NoCandidate`] tells whether nothing was found, nothing satisfies the specifier, or what
/// satisfies it is blocked, disabled or invalid, and has the explanation of every candidate.
pub fn select(
    plugin: &PluginId,
    specifier: Option<&VersionSpecifier>,
    candidates: impl IntoIterator<Item = Candidate>,
) -> Result<Selection, NoCandidate> {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let request = Request { specifier, candidates: &candidates };
    let chosen = request.choose();
    let explanation = request.explain(plugin, chosen);
    match chosen.and_then(|index| Some((index, candidates[index].version.clone()?))) {
        Some((index, version)) => Ok(Selection { index, version, explanation }),
        None => Err(NoCandidate::new(explanation, request.nearest())),
    }
}

/// Says what [`select()`] would choose and why, whether it would choose anything or not.
pub fn explain(
    plugin: &PluginId,
    specifier: Option<&VersionSpecifier>,
    candidates: impl IntoIterator<Item = Candidate>,
) -> Explanation {
    let candidates: Vec<_> = candidates.into_iter().collect();
    let request = Request { specifier, candidates: &candidates };
    request.explain(plugin, request.choose())
}

struct Request<'a> {
    specifier: Option<&'a VersionSpecifier>,
    candidates: &'a [Candidate],
}

impl Request<'_> {
    /// The candidate to take.
    fn choose(&self) -> Option<usize> {
        let ready = |candidate: &Candidate| candidate.effective_status() == Status::Ready;
        let eligible =
            self.eligible(|candidate| self.satisfies(candidate) && ready(candidate) && !self.stands_by(candidate));
        eligible.into_iter().min_by_key(|&index| (Reverse(&self.candidates[index].version), index))
    }

    /// The candidate that would have been taken had everything been ready: the one whose reason is worth telling.
    fn nearest(&self) -> Option<usize> {
        let mut satisfying = self.eligible(|candidate| self.satisfies(candidate) && !self.stands_by(candidate));
        if satisfying.is_empty() && self.candidates.iter().all(|candidate| candidate.version.is_none()) {
            satisfying = (0..self.candidates.len()).collect();
        }
        let distance = |status| match status {
            Status::Ready => 0,
            Status::Disabled => 1,
            Status::Blocked => 2,
            Status::Invalid => 3,
            // The one that takes its place says more.
            Status::Shadowed => 4,
        };
        satisfying.into_iter().min_by_key(|&index| {
            let candidate = &self.candidates[index];
            (Reverse(&candidate.version), distance(candidate.effective_status()), index)
        })
    }

    /// PEP 440's rule for pre-releases, over the candidates that pass all other criteria.
    fn eligible(&self, passes: impl Fn(&Candidate) -> bool) -> Vec<usize> {
        let passing = || (0..self.candidates.len()).filter(|&index| passes(&self.candidates[index]));
        let is_stable = |index: &usize| !self.candidates[*index].is_prerelease();
        if self.asks_for_prereleases() || !passing().any(|index| is_stable(&index)) {
            passing().collect()
        } else {
            passing().filter(is_stable).collect()
        }
    }

    fn satisfies(&self, candidate: &Candidate) -> bool {
        match (self.specifier, &candidate.version) {
            (None, _) => true,
            (Some(specifier), Some(version)) => specifier.matches(version.as_semver()),
            (Some(_), None) => false,
        }
    }

    /// Whether it would only serve a request with a specifier.
    fn stands_by(&self, candidate: &Candidate) -> bool {
        self.specifier.is_none() && candidate.standby
    }

    fn explain(&self, plugin: &PluginId, chosen: Option<usize>) -> Explanation {
        let version = chosen.and_then(|index| self.candidates[index].version.clone());
        let has_standby = self.candidates.iter().any(|candidate| self.stands_by(candidate));
        let setting = Setting { specifier: self.specifier, chosen: version.as_ref(), has_standby };
        let mut considered: Vec<_> = (0..self.candidates.len())
            .map(|index| {
                let (candidate, verdict) = (&self.candidates[index], self.verdict(index, chosen));
                Considered {
                    index,
                    version: candidate.version.clone(),
                    status: candidate.effective_status(),
                    verdict,
                    because: setting.because(candidate, verdict),
                    reason: candidate.reason.clone(),
                }
            })
            .collect();
        considered.sort_by(|a, b| b.version.cmp(&a.version).then(b.status.cmp(&a.status)));
        let specifier = self.specifier.cloned();
        Explanation { plugin: plugin.clone(), specifier, chosen: version, considered }
    }

    fn verdict(&self, index: usize, chosen: Option<usize>) -> Verdict {
        let candidate = &self.candidates[index];
        if candidate.version.is_some() && !self.satisfies(candidate) {
            return Verdict::NotMatching;
        }
        if let Some(verdict) = Verdict::of_unfit(candidate.effective_status()) {
            return verdict;
        }
        if self.stands_by(candidate) {
            return Verdict::Standby;
        }
        // Something that is ready and satisfies the specifier is here, so something was chosen.
        let best = chosen.map_or(candidate, |index| &self.candidates[index]);
        if chosen == Some(index) {
            Verdict::Chosen
        } else if candidate.version == best.version {
            Verdict::SameVersion
        } else if candidate.is_prerelease() && !best.is_prerelease() && !self.asks_for_prereleases() {
            Verdict::Prerelease
        } else {
            Verdict::Lower
        }
    }

    fn asks_for_prereleases(&self) -> bool {
        self.specifier.is_some_and(VersionSpecifier::allows_prereleases)
    }
}

#[cfg(test)]
mod tests;
