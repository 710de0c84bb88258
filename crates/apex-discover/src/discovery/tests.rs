//! What it takes to follow a change, counted in steps.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::{ffi::OsString, fs, path::Path, time::Duration};

use super::*;
use crate::{Assessment, Candidate, Change, ChangeKind, work};

/// Lets everything pass.
struct Pass;

impl Assess for Pass {
    type Facts = ();

    fn examine(&self, _candidate: &Candidate, _document: &apex_meta::Document) {}

    fn judge(&self, group: &[(&Candidate, &())]) -> Vec<Assessment> {
        group.iter().map(|_| Assessment::accepted()).collect()
    }

    fn store_facts(&self, _facts: &()) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn restore_facts(&self, _stored: &[u8]) -> Option<()> {
        Some(())
    }
}

/// Plants a plugin that requires another one, and a library beside it.
fn plant(root: &Path, name: &str, description: &str, requires: &str) {
    let directory = root.join(name);
    fs::create_dir_all(&directory).unwrap();
    let manifest = serde_json::json!({
        "name": name, "id": format!("com.acme.{name}"), "version": "1.0.0", "description": description, "author": "Acme",
        "entry_point": "things::Things", "actions": [{"name": "act", "description": "Acts."}],
        "dependencies": {"plugins": [{"id": format!("com.acme.{requires}")}]},
    });
    fs::write(directory.join("plugin.json"), manifest.to_string()).unwrap();
    let library = "things::Things".parse::<apex_meta::EntryPoint>().unwrap().library_file_name().unwrap();
    fs::write(directory.join(library), b"library").unwrap();
}

/// What it takes to follow a change of one plugin, one that comes and one that goes, where there are so many.
fn steps_of_changes_among(count: usize) -> [usize; 4] {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().canonicalize().unwrap();
    // Pairs that require each other, and a broken one among ten.
    for number in 0..count {
        plant(&root, &format!("p{number}"), "Does things.", &format!("p{}", number ^ 1));
    }
    for number in 0..count / 10 {
        fs::create_dir(root.join(format!("broken{number}"))).unwrap();
        fs::write(root.join(format!("broken{number}/plugin.json")), b"{").unwrap();
    }
    let later = || SystemTime::now() + Duration::from_secs(3_600);
    let mut discovery = Discovery::new(vec![Root::new(&root)], Options::default().remember().clock(later));
    let overrides = Overrides::empty();
    let mut known = discovery.scan(&Pass, &overrides);
    assert_eq!(known.count(apex_meta::Status::Ready), count);
    let mut step = |name: &str, expected: &[ChangeKind]| {
        let changes = Changes::In([(root.clone(), OsString::from(name))].into());
        let ((now, told), steps) = work::of(|| {
            let now = discovery.update(&changes, &Pass, &overrides);
            let told = now.changes_since(&known);
            (now, told)
        });
        assert_eq!(told.iter().map(|change: &Change| change.kind).collect::<Vec<_>>(), expected, "{name}");
        known = now;
        steps
    };
    plant(&root, "p4", "Does other things.", "p5");
    let changed = step("p4", &[ChangeKind::Changed]);
    plant(&root, "new", "Does things.", "p4");
    let added = step("new", &[ChangeKind::Added]);
    fs::remove_dir_all(root.join("p4")).unwrap();
    // What requires it falls with it.
    let removed = step("p4", &[ChangeKind::StatusChanged, ChangeKind::StatusChanged, ChangeKind::Removed]);
    fs::write(root.join("broken0/plugin.json"), b"[").unwrap();
    let broken = step("broken0", &[ChangeKind::Changed]);
    [changed, added, removed, broken]
}

#[test]
fn a_change_of_one_plugin_takes_the_same_work_however_many_there_are() {
    let few = steps_of_changes_among(16);
    let many = steps_of_changes_among(1_024);
    for (few, many) in few.into_iter().zip(many) {
        // The tree of plugins is six levels deeper, and a step is taken on each level a few times.
        assert!(many <= few + 120, "{few} steps among 16, {many} among 1,024");
    }
}
