//! Trust as discovery asks for it: `apex-discover`'s seam filled with `apex-trust`'s verifier.

use apex_discover::{Assess, Assessment, Candidate};
use apex_meta::{Digest, Document, PluginId, Signature};
use apex_trust::{Claims, Examination, Judgement, StoredExamination, Subject, Verifier};

/// The form in which facts are kept in a cache.
const FORM: u8 = 2;

/// Lets discovery ask the verifier for facts and verdicts.
pub(crate) struct Trust<'a>(pub(crate) &'a Verifier);

impl Assess for Trust<'_> {
    type Facts = Examination;

    fn examine(&self, candidate: &Candidate, document: &Document) -> Examination {
        self.0.examine(candidate.directory(), document)
    }

    fn judge(&self, group: &[(&Candidate, &Examination)]) -> Vec<Assessment> {
        let claimed: Vec<_> = group.iter().map(|(candidate, _)| Claimed(candidate)).collect();
        let subjects: Vec<_> = claimed
            .iter()
            .zip(group)
            .map(|(claimed, (candidate, examination))| Subject {
                document: claimed,
                examination,
                dev_root: candidate.is_dev(),
            })
            .collect();
        let judgements = self.0.judge(&subjects);
        judgements.into_iter().zip(group).map(|(judgement, (_, facts))| assessment(judgement, facts)).collect()
    }

    fn store_facts(&self, facts: &Examination) -> Option<Vec<u8>> {
        postcard::to_extend(&facts.to_stored()?, vec![FORM]).ok()
    }

    fn restore_facts(&self, stored: &[u8]) -> Option<Examination> {
        let (FORM, stored) = stored.split_first().map(|(form, stored)| (*form, stored))? else { return None };
        postcard::from_bytes::<StoredExamination>(stored).ok().map(Examination::from)
    }
}

/// What a candidate's manifest says, read again only if trust asks for all of it.
#[derive(Debug)]
struct Claimed<'a>(&'a Candidate);

impl Claims for Claimed<'_> {
    fn id(&self) -> &PluginId {
        self.0.id()
    }

    fn checksum(&self) -> Option<Digest> {
        self.0.checksum()
    }

    fn signature(&self) -> Option<&Signature> {
        self.0.signature()
    }

    fn document(&self) -> Option<&Document> {
        self.0.document()
    }
}

/// What is known of the bytes and the signer is told even where the verdict is no.
fn assessment(judgement: Judgement, facts: &Examination) -> Assessment {
    let mut assessment = match judgement.outcome {
        Ok(acceptance) => {
            let mut accepted = Assessment::accepted();
            accepted.trusted = acceptance.publisher.is_some();
            accepted.placement = Some(acceptance.placement);
            accepted.warnings.extend(acceptance.warning);
            accepted
        }
        Err(error) => Assessment::refused(error.to_reason()),
    };
    assessment.signer = judgement.signer;
    assessment.digest = facts.digest().ok().copied();
    assessment
}
