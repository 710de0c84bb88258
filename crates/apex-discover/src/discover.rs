//! The pipeline: scan, read, examine, judge, settle contests, apply the operator's word, check requirements.

use std::collections::BTreeMap;

use apex_meta::{Document, Placement, Reason, Status};

use crate::{
    Assess, Assessment, Candidate, Catalogue, Entry, Options, Overrides, Root,
    candidate::{Find, Invalid},
    contest,
    entry::Standing,
    fitness::unfitness,
    parallel, requirement,
    scan::{Scan, scan},
};

/// Finds every plugin in the roots and says what becomes of it, with the default [`Options`].
///
/// Never fails as a whole: what is wrong with one plugin stands in its entry, what is wrong with a root in the
/// catalogue's problems.
pub fn discover<A: Assess>(roots: &[Root], assess: &A, overrides: &Overrides) -> Catalogue {
    discover_with(roots, assess, overrides, &Options::default())
}

/// Finds every plugin in the roots and says what becomes of it.
///
/// The result depends on what lies in the roots and on the arguments alone, not on the number of threads or the order
/// in which the file system lists names.
pub fn discover_with<A: Assess>(roots: &[Root], assess: &A, overrides: &Overrides, options: &Options) -> Catalogue {
    let Scan { finds, problems } = scan(roots, options);
    let mut entries: Vec<Entry> = options.linked.iter().map(linked).collect();
    let mut candidates = Vec::new();
    for find in finds {
        match find {
            Find::Candidate(candidate) => candidates.push(*candidate),
            Find::Invalid(invalid) => entries.push(invalid_entry(*invalid)),
        }
    }
    let facts = parallel::map(&candidates, options.threads, |candidate| assess.examine(candidate));
    entries.extend(judge(candidates, &facts, assess));
    for group in by_folded_id(&mut entries) {
        contest::settle(group);
    }
    for entry in &mut entries {
        overrides.apply(entry);
    }
    entries.sort_by(Entry::order);
    requirement::enforce(&mut entries);
    tracing::debug!(entries = entries.len(), problems = problems.len(), "discovery done");
    Catalogue::new(entries, problems)
}

/// Judges the candidates of each id together and turns them into entries.
fn judge<A: Assess>(candidates: Vec<Candidate>, facts: &[A::Facts], assess: &A) -> Vec<Entry> {
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, candidate) in candidates.iter().enumerate() {
        groups.entry(candidate.id().case_folded()).or_default().push(index);
    }
    let mut assessments: Vec<Option<Assessment>> = Vec::new();
    assessments.resize_with(candidates.len(), || None);
    for members in groups.into_values() {
        let group: Vec<_> = members.iter().map(|&index| (&candidates[index], &facts[index])).collect();
        for (index, assessment) in members.iter().zip(assess.judge(&group)) {
            assessments[*index] = Some(assessment);
        }
    }
    candidates.into_iter().zip(assessments).map(|(candidate, assessment)| entry(candidate, assessment)).collect()
}

fn entry(candidate: Candidate, assessment: Option<Assessment>) -> Entry {
    // A judge that passes over a candidate has not let it through.
    let assessment = assessment.unwrap_or_else(|| {
        Assessment::refused(Reason::new("NotAssessed", format!("{} was not assessed", candidate.id())))
    });
    let trusted = assessment.trusted && assessment.verdict.is_ok();
    let refused = candidate.exposure.clone().or(assessment.verdict.err());
    let standing = if refused.is_some() { Standing::Refused } else { Standing::Winner };
    let reason = refused.or_else(|| unfitness(&candidate));
    let status = if reason.is_some() { Status::Blocked } else { Status::Ready };
    let Candidate { place, document, warnings, .. } = candidate;
    Entry {
        place: Some(place),
        fault_warnings: warnings,
        warnings: assessment.warnings,
        signer: assessment.signer,
        trusted,
        digest: assessment.digest,
        placement: assessment.placement,
        status,
        reason,
        standing,
        ..ready(&document)
    }
}

fn linked(document: &Document) -> Entry {
    Entry { placement: Some(Placement::Linked), ..ready(document) }
}

fn ready(document: &Document) -> Entry {
    Entry {
        place: None,
        id: Some(document.id().clone()),
        version: Some(document.version().clone()),
        name: Some(document.manifest().name.clone()),
        document: Some(document.clone()),
        status: Status::Ready,
        reason: None,
        faults: Vec::new(),
        fault_warnings: Vec::new(),
        warnings: Vec::new(),
        signer: None,
        trusted: false,
        digest: None,
        placement: None,
        intended: None,
        standing: Standing::Winner,
    }
}

fn invalid_entry(invalid: Invalid) -> Entry {
    let Invalid { place, reason, faults, warnings, id, version, name } = invalid;
    Entry {
        place: Some(place),
        id,
        version,
        name,
        document: None,
        status: Status::Invalid,
        reason: Some(reason),
        faults,
        fault_warnings: warnings,
        warnings: Vec::new(),
        signer: None,
        trusted: false,
        digest: None,
        placement: None,
        intended: None,
        standing: Standing::Invalid,
    }
}

/// Sorts the entries so that ids that are equal but for ASCII case stand together, and cuts between them.
fn by_folded_id(entries: &mut [Entry]) -> impl Iterator<Item = &mut [Entry]> {
    entries.sort_by_cached_key(|entry| entry.id.as_ref().map(|id| id.case_folded()));
    entries.chunk_by_mut(|one, other| {
        one.id.as_ref().zip(other.id.as_ref()).is_some_and(|(one, other)| one.eq_ignore_case(other))
    })
}
