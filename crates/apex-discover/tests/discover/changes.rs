//! What became different between two scans, and why (R2.7).

use std::fs;

use apex_discover::{Assess, Assessment, Candidate, Catalogue, Change, ChangeKind, Overrides, discover};
use apex_meta::{Document, Placement, Status};

use crate::plant::{Plugin, Roots};

fn told(changes: &[Change]) -> Vec<(ChangeKind, &str, &str)> {
    changes
        .iter()
        .map(|change| (change.kind, change.entry.id().unwrap().as_str(), change.reason.code.as_ref()))
        .collect()
}

#[test]
fn each_change_is_told_with_its_reason() {
    use ChangeKind::{Added, Changed, Removed, StatusChanged};
    let roots = Roots::new(1);
    let plant = |plugin: Plugin| plugin.plant(&roots.at("a"));
    let mut before = Catalogue::empty();
    let mut step = |expected: &[(ChangeKind, &str, &str)]| {
        let now = roots.discover();
        let changes = now.changes_since(&before);
        assert_eq!(told(&changes), expected);
        before = now;
        changes
    };
    step(&[]);
    plant(Plugin::new("a", "1.0.0"));
    let added = step(&[(Added, "a", "PluginAdded")]);
    assert_eq!((added[0].before, added[0].entry.status()), (None, Status::Ready));
    step(&[]);
    plant(Plugin::new("a", "1.0.0").containing("other"));
    step(&[(Changed, "a", "FilesChanged")]);
    plant(Plugin::new("a", "1.0.0").containing("other").with("description", "Other.".into()));
    step(&[(Changed, "a", "MetadataChanged")]);
    plant(Plugin::new("a", "1.1.0").containing("other"));
    step(&[(Changed, "a", "VersionChanged")]);
    plant(Plugin::new("a", "1.1.0").containing("other").signed_by("acme"));
    step(&[(Changed, "a", "MetadataChanged")]);
    plant(Plugin::new("a", "1.1.0").containing("other").refused("UntrustedKey"));
    let blocked = step(&[(Changed, "a", "MetadataChanged"), (StatusChanged, "a", "UntrustedKey")]);
    assert_eq!((blocked[1].before, blocked[1].entry.status()), (Some(Status::Ready), Status::Blocked));
    plant(Plugin::new("a", "1.1.0"));
    step(&[(Changed, "a", "FilesChanged"), (StatusChanged, "a", "NothingInTheWay")]);
    // What another one's going does to it is told of it as well.
    Plugin::new("b", "1.0.0").requires(&[("a", None)]).plant(&roots.at("b"));
    step(&[(Added, "b", "PluginAdded")]);
    fs::remove_dir_all(roots.at("a")).unwrap();
    step(&[(StatusChanged, "b", "DependencyMissing"), (Removed, "a", "PluginRemoved")]);
}

/// Judges every plugin alike, whatever it says of itself.
struct Verdict(Assessment);

impl Assess for Verdict {
    type Facts = ();

    fn examine(&self, _: &Candidate, _: &Document) {}

    fn judge(&self, group: &[(&Candidate, &())]) -> Vec<Assessment> {
        vec![self.0.clone(); group.len()]
    }
}

#[test]
fn what_trust_thinks_of_the_same_files_is_told_when_it_changes() {
    let roots = Roots::new(1);
    Plugin::new("a", "1.0.0").plant(&roots.at("a"));
    let verdict = |signer: Option<&str>, placement| {
        let mut assessment = Assessment::accepted();
        (assessment.signer, assessment.trusted) = (signer.map(str::to_owned), signer.is_some());
        assessment.placement = Some(placement);
        discover(&roots.roots, &Verdict(assessment), &Overrides::empty())
    };
    let before = verdict(None, Placement::Process);
    let signed = verdict(Some("acme"), Placement::Process);
    assert_eq!(told(&signed.changes_since(&before)), [(ChangeKind::Changed, "a", "SignerChanged")]);
    let placed = verdict(Some("acme"), Placement::InProcess);
    assert_eq!(told(&placed.changes_since(&signed)), [(ChangeKind::Changed, "a", "PlacementChanged")]);
}
