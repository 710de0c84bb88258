//! A registry that follows the file system ends where a new scan would begin (R2.7).

use std::{
    fs,
    path::PathBuf,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use apex_discover::{Assess as _, Discovery, Options, Overrides, Watcher};
use apex_meta::{Digest, Status};
use proptest::prelude::*;

use crate::{
    plant::{Judge, Plugin, Roots},
    view::{cold, view},
    warm::change,
};

/// Nothing takes that long; only what hangs does.
const LIMIT: Duration = Duration::from_secs(60);

/// Follows roots as a host does.
struct Follower<'a> {
    roots: &'a Roots,
    watcher: Watcher,
    discovery: Discovery<Digest>,
    seen: Vec<String>,
}

impl<'a> Follower<'a> {
    fn new(roots: &'a Roots, watcher: Watcher) -> Self {
        let mut discovery = Discovery::new(roots.roots.clone(), Options::default().remember());
        let seen = view(&discovery.scan(&Judge, &Overrides::empty()));
        Self { roots, watcher, discovery, seen }
    }

    /// Follows until what is known is what a new scan finds.
    fn settle(&mut self) {
        let end = Instant::now() + LIMIT;
        loop {
            let expected = cold(self.roots);
            if self.seen == expected {
                return;
            }
            assert!(Instant::now() < end, "known: {:#?}\nthere: {expected:#?}", self.seen);
            let changes = self.watcher.wait(Duration::from_millis(100)).unwrap();
            let changes = self.discovery.with_unsettled(changes);
            if !changes.is_empty() {
                self.seen = view(&self.discovery.update(&changes, &Judge, &Overrides::empty()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn whatever_changes_a_registry_that_follows_ends_where_a_new_scan_begins(
        changes in proptest::collection::vec(change(), 1..12),
        pauses in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let roots = Roots::new(2);
        Plugin::new("com.acme.fixed", "1.0.0").requires(&[("a", None)]).plant(&roots.in_root(1, "fixed"));
        let watcher = Watcher::new(&roots.roots);
        let mut follower = Follower::new(&roots, watcher);
        for (change, pause) in changes.iter().zip(pauses) {
            change.make(&roots);
            if pause {
                follower.settle();
            }
        }
        follower.settle();
    }
}

#[test]
fn what_cannot_be_watched_is_polled() {
    let roots = Roots::new(1);
    let mut follower = Follower::new(&roots, Watcher::polling(&roots.roots, Duration::from_millis(20)));
    for number in 0..3 {
        Plugin::new("a", &format!("{number}.0.0")).plant(&roots.at("a"));
        follower.settle();
    }
    fs::remove_dir_all(roots.at("a")).unwrap();
    follower.settle();
    assert!(follower.seen.is_empty());
}

#[test]
fn a_root_that_goes_comes_back_or_is_another_one_is_followed() {
    let roots = Roots::new(1);
    let watcher = Watcher::new(&roots.roots);
    let mut follower = Follower::new(&roots, watcher);
    let root = roots.base().join("root0");
    Plugin::new("a", "1.0.0").plant(&roots.at("a"));
    follower.settle();
    fs::remove_dir_all(&root).unwrap();
    follower.settle();
    fs::create_dir(&root).unwrap();
    Plugin::new("b", "1.0.0").plant(&roots.at("b"));
    follower.settle();
    Plugin::new("c", "1.0.0").plant(&roots.at("c"));
    follower.settle();
    fs::rename(&root, roots.base().join("aside")).unwrap();
    follower.settle();
    fs::rename(roots.base().join("aside"), &root).unwrap();
    follower.settle();
    Plugin::new("d", "1.0.0").plant(&roots.at("d"));
    follower.settle();
    assert_eq!(follower.seen.len(), 3);
}

#[test]
fn a_plugin_that_is_copied_file_by_file_is_not_broken_for_good() {
    let roots = Roots::new(1);
    let ready = Plugin::new("a", "1.0.0").plant(&roots.base().join("ready"));
    let watcher = Watcher::new(&roots.roots);
    let mut follower = Follower::new(&roots, watcher);
    fs::create_dir(roots.at("a")).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(&ready).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // The metadata first, so that it is seen before all is there.
    files.sort_by_key(|path| !path.ends_with("plugin.json"));
    for file in &files {
        fs::copy(file, roots.at("a").join(file.file_name().unwrap())).unwrap();
        follower.settle();
    }
    let catalogue = follower.discovery.scan(&Judge, &Overrides::empty());
    assert_eq!(catalogue.count(Status::Ready), 1);
}

#[test]
fn a_wait_is_ended_from_another_thread() {
    let roots = Roots::new(1);
    let mut watcher = Watcher::polling(&roots.roots, LIMIT);
    let stopper = watcher.stopper();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || {
        while watcher.wait(LIMIT).is_some() {}
        sender.send(()).unwrap();
    });
    stopper.stop();
    ended.recv_timeout(LIMIT).unwrap();
}

#[test]
fn the_facts_of_these_tests_survive_as_bytes() {
    let digest: Digest = format!("blake3:{}", "0f".repeat(32)).parse().unwrap();
    assert_eq!(Judge.restore_facts(&Judge.store_facts(&digest).unwrap()), Some(digest));
}
