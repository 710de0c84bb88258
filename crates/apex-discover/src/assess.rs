//! The seam to trust: discovery asks what a candidate is worth, and knows nothing of keys and policies.

use apex_meta::{Digest, Document, Placement, Reason};

use crate::Candidate;

/// Judges candidates for discovery, in two steps.
///
/// *Facts* are dear, depend on the plugin's files alone and may be kept; *verdicts* are cheap, depend on policy, trust
/// store and clock as well, and are taken anew each time.
pub trait Assess: Sync {
    /// What an examination establishes.
    type Facts: Send + Sync;

    /// Establishes the facts about one candidate, whose document has just been read; called from several threads at
    /// once.
    fn examine(&self, candidate: &Candidate, document: &Document) -> Self::Facts;

    /// Judges all candidates whose ids are equal but for ASCII case, in the order of roots and paths.
    ///
    /// They come together because one may tell against another, as a signed one does against its unsigned twin.
    /// Exactly one assessment is expected for each, in the same order.
    fn judge(&self, group: &[(&Candidate, &Self::Facts)]) -> Vec<Assessment>;

    /// The facts as bytes for a cache; none, as without this method, if they are to be established each time.
    ///
    /// Only facts that stay true as long as the plugin's files and the rights to them do are for a cache.
    fn store_facts(&self, facts: &Self::Facts) -> Option<Vec<u8>> {
        let _ = facts;
        None
    }

    /// The facts that [`Assess::store_facts`] made these bytes of; none if they are of another form.
    ///
    /// An earlier release may have made them, so the bytes tell their form.
    fn restore_facts(&self, stored: &[u8]) -> Option<Self::Facts> {
        let _ = stored;
        None
    }
}

/// What became of the assessment of one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assessment {
    /// Whether it may be used, or which check failed.
    pub verdict: Result<(), Reason>,
    /// Who signed it: the publisher's name where the key is trusted, else whatever names the signer.
    pub signer: Option<String>,
    /// The digest of its files, if it could be taken.
    pub digest: Option<Digest>,
    /// Where its code may run.
    pub placement: Option<Placement>,
    /// Whether a trusted publisher signed it and its checksum holds.
    pub trusted: bool,
    /// What does not block it but should be known.
    pub warnings: Vec<Reason>,
}

impl Assessment {
    /// It may be used; nothing else is known yet.
    pub fn accepted() -> Self {
        Self { verdict: Ok(()), signer: None, digest: None, placement: None, trusted: false, warnings: Vec::new() }
    }

    /// It is blocked.
    pub fn refused(reason: Reason) -> Self {
        Self { verdict: Err(reason), ..Self::accepted() }
    }
}
