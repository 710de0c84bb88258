//! The verdict: which outcome of the policy's table applies to a plugin.

use apex_meta::{Digest, Placement, Reason};

use super::{
    Claims, Examination, Verifier,
    examination::{SignatureFact, SignatureFinding},
};
use crate::{
    KeyId, PolicyLevel, Publisher, SignatureError, Timestamp, TrustError, TrustedKey,
    signature::{Decoded, ExpectedSigned},
};

/// A plugin to judge: its manifest, the facts about it, and whether it lies in a development root.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The manifest, or a summary of it.
    pub document: &'a dyn Claims,
    /// The facts, from [`Verifier::examine`] with this same manifest.
    pub examination: &'a Examination,
    /// Whether the operator lists the root that it lies in as under development.
    pub dev_root: bool,
}

/// The verdict on a plugin.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// How it is accepted, or why it is blocked.
    pub outcome: Result<Acceptance, TrustError>,
    /// The trusted publisher whose key made its signature, whatever else may be wrong with the plugin.
    pub signer: Option<String>,
}

/// How a plugin is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Acceptance {
    /// The publisher who signed it, if the operator trusts one with this id.
    pub publisher: Option<String>,
    /// The publisher's key that signed it.
    pub key_id: Option<KeyId>,
    /// Where it may run at most.
    pub placement: Placement,
    /// The digest of its files.
    pub digest: Option<Digest>,
    /// Why it is accepted with less trust than a publisher's signature gives.
    pub warning: Option<Reason>,
}

impl Verifier {
    /// Judges all finds of one id together, ids that differ in ASCII case only counting as one.
    ///
    /// They belong together because an unsigned plugin is not accepted beside a signed one of its id. The verdicts
    /// come in the order of the subjects.
    pub fn judge(&self, group: &[Subject<'_>]) -> Vec<Judgement> {
        let signed = group.iter().filter(|subject| self.finding(subject).may_be_genuine()).count();
        group
            .iter()
            .map(|subject| {
                let others = signed - usize::from(self.finding(subject).may_be_genuine());
                Judgement { outcome: self.weigh(subject, others > 0), signer: self.signer(subject) }
            })
            .collect()
    }

    /// What is known of the signature now: the store may have the key that it did not have at the examination, or
    /// have lost it.
    ///
    /// Only the dear part of the facts is relied upon, the check with a key, and only if the manifest names this key.
    fn finding(&self, subject: &Subject<'_>) -> SignatureFinding {
        match *subject.examination.signature() {
            SignatureFact::Checked { key_id, holds }
                if self.store().key(&key_id).is_some() && names(subject.document, &key_id) =>
            {
                SignatureFinding::Checked { key_id, holds }
            }
            _ => self.try_signature(subject.document),
        }
    }

    fn signer(&self, subject: &Subject<'_>) -> Option<String> {
        match self.finding(subject) {
            SignatureFinding::Checked { key_id, holds: true } => {
                self.store().key(&key_id).map(|(name, _, _)| name.to_owned())
            }
            _ => None,
        }
    }

    /// Goes down the policy's table: first what blocks everywhere, then what a development root excuses.
    pub(super) fn weigh(&self, subject: &Subject<'_>, others_signed: bool) -> Result<Acceptance, TrustError> {
        let id = subject.document.id();
        let digest = *subject
            .examination
            .digest()
            .map_err(|source| TrustError::Tree { id: id.clone(), source: source.clone() })?;
        self.check_denied(subject, digest)?;
        let finding = self.finding(subject);
        let signer = self.check_signer(subject, &finding, digest)?;
        let acceptance = match self.check_claims(subject, &finding, digest, others_signed) {
            Ok(()) => self.accept(subject, signer, digest)?,
            Err(error) if subject.dev_root => child_only(digest, error.to_reason()),
            Err(error) => return Err(error),
        };
        if let Err(source) = subject.examination.library() {
            return Err(TrustError::Library { id: id.clone(), source: source.clone() });
        }
        // The last of all, since the plugin cannot help it.
        let is_strict = self.policy().level() == PolicyLevel::Strict;
        if is_strict && acceptance.placement == Placement::InProcess && !self.unsafe_variables.is_empty() {
            return Err(TrustError::UnsafeEnvironment { id: id.clone(), variables: self.unsafe_variables.clone() });
        }
        Ok(acceptance)
    }

    /// The digest that is claimed counts as well as that of the files: whoever denied a release meant both.
    fn check_denied(&self, subject: &Subject<'_>, digest: Digest) -> Result<(), TrustError> {
        let claimed = subject.document.checksum();
        match claimed.into_iter().chain([digest]).find(|digest| self.store().is_denied(digest)) {
            Some(digest) => Err(TrustError::DigestDenied { id: subject.document.id().clone(), digest }),
            None => Ok(()),
        }
    }

    /// What is wrong with a signature or its key blocks everywhere; an unknown key comes later.
    fn check_signer(
        &self,
        subject: &Subject<'_>,
        finding: &SignatureFinding,
        digest: Digest,
    ) -> Result<Option<(&str, &Publisher, KeyId)>, TrustError> {
        let id = subject.document.id();
        let wrong = |source| Err(TrustError::Signature { id: id.clone(), source });
        let (key_id, holds) = match finding {
            SignatureFinding::Absent | SignatureFinding::Unknown(_) => return Ok(None),
            SignatureFinding::Unfit(error) => return wrong(error.clone()),
            SignatureFinding::Checked { key_id, holds } => (*key_id, *holds),
        };
        let Some((name, publisher, trusted)) = self.store().key(&key_id) else { return Ok(None) };
        if !holds {
            return wrong(SignatureError::Invalid { key_id });
        }
        self.check_key(subject, name, trusted, digest)?;
        if !publisher.covers(id) {
            return Err(publisher.reaches_not(name, id));
        }
        Ok(Some((name, publisher, key_id)))
    }

    fn check_key(
        &self,
        subject: &Subject<'_>,
        publisher: &str,
        trusted: &TrustedKey,
        digest: Digest,
    ) -> Result<(), TrustError> {
        let (id, publisher, key_id) = (subject.document.id().clone(), publisher.to_owned(), trusted.key.key_id());
        if let Some(revoked) = self.store().revocation_of(&id, &key_id) {
            return Err(revoked);
        }
        let now = Timestamp::from_system_time((self.clock)());
        match (trusted.not_before, trusted.not_after) {
            (Some(not_before), _) if now < not_before => {
                Err(TrustError::KeyNotYetValid { id, publisher, key_id, not_before })
            }
            (_, Some(not_after)) if now > not_after && !self.history.verified_while_valid(&digest, &key_id) => {
                Err(TrustError::KeyExpired { id, publisher, key_id, not_after })
            }
            _ => Ok(()),
        }
    }

    /// What a development root excuses: claims that are missing, unproven or outdated.
    fn check_claims(
        &self,
        subject: &Subject<'_>,
        finding: &SignatureFinding,
        computed: Digest,
        others_signed: bool,
    ) -> Result<(), TrustError> {
        let id = subject.document.id();
        match subject.document.checksum() {
            None => return Err(TrustError::MissingChecksum { id: id.clone() }),
            Some(stated) if stated != computed => {
                return Err(TrustError::ChecksumMismatch { id: id.clone(), stated, computed });
            }
            Some(_) => {}
        }
        match finding {
            SignatureFinding::Unknown(decoded) => {
                Err(TrustError::UntrustedKey { id: id.clone(), key_id: decoded.key_id })
            }
            SignatureFinding::Absent => match self.expected_signed(subject, others_signed) {
                Some(because) => {
                    Err(TrustError::Signature { id: id.clone(), source: SignatureError::Stripped { because } })
                }
                None => Ok(()),
            },
            SignatureFinding::Checked { .. } | SignatureFinding::Unfit(_) => Ok(()),
        }
    }

    fn expected_signed(&self, subject: &Subject<'_>, others_signed: bool) -> Option<ExpectedSigned> {
        let id = subject.document.id();
        if let Some((name, _)) = self.store().publisher_of_id(id) {
            return Some(ExpectedSigned::Publisher { name: name.to_owned() });
        }
        if self.history.ever_signed(id) {
            return Some(ExpectedSigned::SignedBefore);
        }
        others_signed.then_some(ExpectedSigned::SignedSibling)
    }

    /// Everything that the plugin claims holds; an unsigned one claims less.
    fn accept(
        &self,
        subject: &Subject<'_>,
        signer: Option<(&str, &Publisher, KeyId)>,
        digest: Digest,
    ) -> Result<Acceptance, TrustError> {
        if let Some((name, publisher, key_id)) = signer {
            return Ok(Acceptance {
                publisher: Some(name.to_owned()),
                key_id: Some(key_id),
                placement: publisher.placement(),
                digest: Some(digest),
                warning: None,
            });
        }
        let unsigned = TrustError::Signature { id: subject.document.id().clone(), source: SignatureError::Missing };
        match self.policy().level() {
            PolicyLevel::Strict if !subject.dev_root => Err(unsigned),
            PolicyLevel::Strict | PolicyLevel::Standard => Ok(child_only(digest, unsigned.to_reason())),
        }
    }
}

/// Whether a manifest says that this key signed it, in a form that can be checked.
fn names(claims: &dyn Claims, key_id: &KeyId) -> bool {
    let signature = claims.signature().filter(|_| claims.checksum().is_some());
    signature.is_some_and(|signature| Decoded::from_signature(signature).is_ok_and(|named| named.key_id == *key_id))
}

impl SignatureFinding {
    fn may_be_genuine(&self) -> bool {
        matches!(self, Self::Unknown(_) | Self::Checked { holds: true, .. })
    }
}

fn child_only(digest: Digest, warning: Reason) -> Acceptance {
    Acceptance {
        publisher: None,
        key_id: None,
        placement: Placement::Process,
        digest: Some(digest),
        warning: Some(warning),
    }
}
