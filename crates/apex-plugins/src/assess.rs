//! Trust as discovery asks for it: `apex-discover`'s seam filled with `apex-trust`'s verifier.

use apex_discover::{Assess, Assessment, Candidate};
use apex_trust::{Examination, Judgement, Subject, Verifier};

/// Lets discovery ask the verifier for facts and verdicts.
pub(crate) struct Trust<'a>(pub(crate) &'a Verifier);

impl Assess for Trust<'_> {
    type Facts = Examination;

    fn examine(&self, candidate: &Candidate) -> Examination {
        self.0.examine(candidate.directory(), candidate.document())
    }

    fn judge(&self, group: &[(&Candidate, &Examination)]) -> Vec<Assessment> {
        let subjects: Vec<_> = group
            .iter()
            .map(|(candidate, examination)| Subject {
                document: candidate.document(),
                examination,
                dev_root: candidate.is_dev(),
            })
            .collect();
        let judgements = self.0.judge(&subjects);
        judgements.into_iter().zip(group).map(|(judgement, (_, facts))| assessment(judgement, facts)).collect()
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
