//! Entries: what became of each find.

use std::{cmp::Ordering, path::Path, sync::Arc};

use apex_meta::{Digest, Document, Fault, Manifest, Owner, Placement, PluginId, PluginVersion, Reason, Status};

use crate::{
    ActionSummary, Assessment, Candidate, IntendedState, Root,
    candidate::{Invalid, Place},
    summary::Summary,
};

/// What became of one find, or of one plugin that is linked into the host.
///
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct Entry(Arc<Parts>);

#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) subject: Subject,
    pub(crate) status: Status,
    pub(crate) reason: Option<Box<Reason>>,
    pub(crate) warnings: Vec<Reason>,
    pub(crate) signer: Option<String>,
    pub(crate) trusted: bool,
    pub(crate) digest: Option<Digest>,
    pub(crate) placement: Option<Placement>,
    pub(crate) intended: Option<IntendedState>,
    pub(crate) standing: Standing,
}

/// What an entry is about.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Candidate(Arc<Candidate>),
    Invalid(Arc<Invalid>),
    Linked(Arc<Linked>),
}

/// A plugin that is linked into the host.
#[derive(Debug)]
pub(crate) struct Linked {
    summary: Summary,
    document: Document,
}

/// How an entry stands towards others of the same id and version; the first one stands for them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// No other takes its place.
    Winner,
    /// Another one takes its place.
    Loser,
    /// Trust does not let it compete.
    Refused,
    /// There is no manifest to go by.
    Invalid,
}

impl Entry {
    /// A find that trust has assessed.
    pub(crate) fn assessed(candidate: &Arc<Candidate>, assessment: Assessment) -> Self {
        let trusted = assessment.trusted && assessment.verdict.is_ok();
        let refused = candidate.exposure.clone().or_else(|| assessment.verdict.err().map(Box::new));
        let standing = if refused.is_some() { Standing::Refused } else { Standing::Winner };
        let reason = refused.or_else(|| candidate.unfit.clone());
        Self(Arc::new(Parts {
            subject: Subject::Candidate(Arc::clone(candidate)),
            status: if reason.is_some() { Status::Blocked } else { Status::Ready },
            reason,
            warnings: assessment.warnings,
            signer: assessment.signer,
            trusted,
            digest: assessment.digest,
            placement: assessment.placement,
            intended: None,
            standing,
        }))
    }

    /// A find whose metadata is of no use.
    pub(crate) fn invalid(invalid: &Arc<Invalid>) -> Self {
        let mut parts = Parts::ready(Subject::Invalid(Arc::clone(invalid)), Standing::Invalid);
        (parts.status, parts.reason) = (Status::Invalid, Some(Box::new(invalid.reason.clone())));
        Self(Arc::new(parts))
    }

    /// A plugin that is linked into the host.
    pub(crate) fn linked(document: &Document) -> Self {
        let linked = Linked { summary: Summary::of(document, Vec::new()), document: document.clone() };
        let parts = Parts::ready(Subject::Linked(Arc::new(linked)), Standing::Winner);
        Self(Arc::new(Parts { placement: Some(Placement::Linked), ..parts }))
    }

    /// The plugin's id; none if its metadata does not even tell that.
    pub fn id(&self) -> Option<&PluginId> {
        match &self.0.subject {
            Subject::Invalid(invalid) => invalid.id.as_ref(),
            _ => self.summary().map(|summary| &summary.id),
        }
    }

    /// The plugin's version; none if its metadata does not even tell that.
    pub fn version(&self) -> Option<&PluginVersion> {
        match &self.0.subject {
            Subject::Invalid(invalid) => invalid.version.as_ref(),
            _ => self.summary().map(|summary| &summary.version),
        }
    }

    /// The plugin's name for people, raw: it may hold anything, terminal escapes too.
    pub fn name(&self) -> Option<&str> {
        match &self.0.subject {
            Subject::Invalid(invalid) => invalid.name.as_deref(),
            _ => self.summary().map(|summary| summary.details().name.as_str()),
        }
    }

    /// The plugin's author, raw; none for an invalid one.
    pub fn author(&self) -> Option<&str> {
        self.summary().map(|summary| summary.details().author.as_str())
    }

    /// The plugin's tags, raw; none for an invalid one.
    pub fn tags(&self) -> &[String] {
        self.summary().map_or(&[], |summary| &summary.details().tags)
    }

    /// The permissions that the plugin asks for; none for an invalid one.
    pub fn permissions(&self) -> &[String] {
        self.summary().map_or(&[], |summary| &summary.details().permissions)
    }

    /// The plugin's actions, in the order of its manifest; none for an invalid one.
    pub fn actions(&self) -> &[ActionSummary] {
        self.summary().map_or(&[], |summary| &summary.details().actions)
    }

    /// The plugin's directory, absolute; none for a plugin that is linked into the host.
    pub fn path(&self) -> Option<&Path> {
        self.place().map(|place| place.directory.as_path())
    }

    /// The root that it was found in; none for a plugin that is linked into the host.
    pub fn root(&self) -> Option<&Root> {
        self.place().map(|place| &*place.root)
    }

    /// Whether it was found in a developer's root.
    pub fn is_dev(&self) -> bool {
        self.root().is_some_and(Root::is_dev)
    }

    /// Whether it is an installed version that is not the active one: it serves only whoever asks for it.
    pub fn is_standby(&self) -> bool {
        self.place().is_some_and(|place| place.listed_as() == Some(crate::ListedAs::Standby))
    }

    /// Whether it is linked into the host.
    pub fn is_linked(&self) -> bool {
        self.place().is_none()
    }

    /// What became of it.
    pub fn status(&self) -> Status {
        self.0.status
    }

    /// Why it is not ready; none exactly if it is.
    pub fn reason(&self) -> Option<&Reason> {
        self.0.reason.as_deref()
    }

    /// What is wrong with its `plugin.json`, in the order of the text; only for an invalid one.
    pub fn faults(&self) -> &[Fault] {
        match &self.0.subject {
            Subject::Invalid(invalid) => &invalid.faults,
            _ => &[],
        }
    }

    /// What its author should look at in its `plugin.json`.
    pub fn fault_warnings(&self) -> &[Fault] {
        match &self.0.subject {
            Subject::Candidate(candidate) => &candidate.summary.details().warnings,
            Subject::Invalid(invalid) => &invalid.warnings,
            Subject::Linked(_) => &[],
        }
    }

    /// What does not keep it from running but should be known.
    pub fn warnings(&self) -> &[Reason] {
        &self.0.warnings
    }

    /// Who signed it, as far as trust could tell.
    pub fn signer(&self) -> Option<&str> {
        self.0.signer.as_deref()
    }

    /// Whether a trusted publisher signed it and its checksum holds.
    pub fn is_trusted(&self) -> bool {
        self.0.trusted
    }

    /// The digest of its files, if it could be taken.
    pub fn digest(&self) -> Option<&Digest> {
        self.0.digest.as_ref()
    }

    /// Where policy lets its code run.
    pub fn placement(&self) -> Option<Placement> {
        self.0.placement
    }

    /// Its manifest and the value that it was read from; none for an invalid one.
    ///
    /// Where a cache spared reading it, it is fetched now. None too if it is not to be had any more, because cache and
    /// plugin have both changed since the scan; a new scan tells what is there.
    pub fn document(&self) -> Option<&Document> {
        match &self.0.subject {
            Subject::Candidate(candidate) => candidate.document(),
            Subject::Invalid(_) => None,
            Subject::Linked(linked) => Some(&linked.document),
        }
    }

    /// Its manifest, as far as [`Entry::document`] is to be had.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.document().map(Document::manifest)
    }

    /// Whether it is meant to be switched on, and who says so, whatever else keeps it from running; none for an invalid
    /// one.
    pub fn intended_state(&self) -> Option<IntendedState> {
        self.0.intended
    }

    /// Whom an operator's decision about it is bound to.
    ///
    /// None if there is nothing to bind one to: an unsigned plugin whose digest could not be taken.
    pub fn owner(&self) -> Option<Owner> {
        match (&self.0.signer, self.0.digest) {
            _ if self.is_linked() => Some(Owner::Linked),
            (Some(publisher), _) if self.0.trusted => Some(Owner::Publisher(publisher.clone())),
            (_, digest) => digest.map(Owner::Digest),
        }
    }

    /// What is known without reading the metadata again; none for an invalid one.
    pub(crate) fn summary(&self) -> Option<&Summary> {
        match &self.0.subject {
            Subject::Candidate(candidate) => Some(&candidate.summary),
            Subject::Invalid(_) => None,
            Subject::Linked(linked) => Some(&linked.summary),
        }
    }

    pub(crate) fn place(&self) -> Option<&Place> {
        match &self.0.subject {
            Subject::Candidate(candidate) => Some(&candidate.place),
            Subject::Invalid(invalid) => Some(&invalid.place),
            Subject::Linked(_) => None,
        }
    }

    pub(crate) fn subject(&self) -> &Subject {
        &self.0.subject
    }

    pub(crate) fn standing(&self) -> Standing {
        self.0.standing
    }

    /// Where its parts are, which it shares with its clones: the same parts, and nothing can have changed.
    pub(crate) fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }

    /// The parts, to be changed; other clones stay as they are.
    pub(crate) fn edit(&mut self) -> &mut Parts {
        Arc::make_mut(&mut self.0)
    }

    pub(crate) fn set(&mut self, status: Status, reason: Reason) {
        let parts = self.edit();
        parts.status = status;
        parts.reason = Some(Box::new(reason));
    }

    /// What decides among equals: the earlier root, then the smaller path.
    pub(crate) fn precedence(&self) -> Option<(usize, &Path)> {
        self.place().map(|place| (place.rank, place.directory.as_path()))
    }

    /// The order of the catalogue: by id, newest version first, the one that stands for the others first.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let (id, others) = (self.id(), other.id());
        id.is_none()
            .cmp(&others.is_none())
            .then_with(|| id.cmp(&others))
            .then_with(|| other.version().cmp(&self.version()))
            .then_with(|| self.standing().cmp(&other.standing()))
            .then_with(|| self.precedence().cmp(&other.precedence()))
    }

    /// Where it is, as messages name it.
    pub(crate) fn whereabouts(&self) -> String {
        self.path().map_or_else(|| "linked into the host".to_owned(), |path| format!("at {}", path.display()))
    }
}

impl Parts {
    fn ready(subject: Subject, standing: Standing) -> Self {
        Self {
            subject,
            status: Status::Ready,
            reason: None,
            warnings: Vec::new(),
            signer: None,
            trusted: false,
            digest: None,
            placement: None,
            intended: None,
            standing,
        }
    }
}
