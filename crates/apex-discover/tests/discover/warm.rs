//! A scan that knows what an earlier one established says the same as one that knows nothing (R2.6).

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, FileTimes, OpenOptions},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use apex_discover::{Cache, Changes, Options, Overrides};
use proptest::prelude::*;

use crate::{
    forest::plugin,
    plant::{Judge, Plugin, Roots},
    view::{Counting, cold, discovery, tick, view, warm},
};

/// Where plugins come and go: first name, and the rest of the path.
const PLACES: &[(&str, &str)] = &[("a", ""), ("b", ""), ("p", "1.0.0"), ("p", "2.0.0"), ("q", "")];

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Add(usize, Plugin),
    /// Other bytes of the same length, in the same file.
    EditInPlace(usize, &'static str),
    /// A new file takes the name of the old one.
    RenameOver(usize, Plugin),
    /// Other times, and the same content.
    Touch(usize),
    Chmod(usize, &'static str, u32),
    Remove(usize),
    /// A directory takes the name of the old one.
    ReplaceDirectory(usize, Plugin),
    /// A link takes the place of the directory, or goes.
    SwapForLink(usize),
    /// Another file, which does not belong to what is described.
    AddFile(usize, &'static str),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let place = || 0..PLACES.len();
    let file = || prop_oneof![Just("plugin.json"), Just("content")];
    let below = || prop_oneof![Just(""), Just("plugin.json"), Just("content")];
    prop_oneof![
        4 => (place(), plugin()).prop_map(|(place, plugin)| Change::Add(place, plugin)),
        3 => (place(), file()).prop_map(|(place, file)| Change::EditInPlace(place, file)),
        2 => (place(), plugin()).prop_map(|(place, plugin)| Change::RenameOver(place, plugin)),
        1 => place().prop_map(Change::Touch),
        2 => (place(), below(), prop_oneof![Just(0o755), Just(0o777), Just(0o700)])
            .prop_map(|(place, path, mode)| Change::Chmod(place, path, mode)),
        2 => place().prop_map(Change::Remove),
        2 => (place(), plugin()).prop_map(|(place, plugin)| Change::ReplaceDirectory(place, plugin)),
        1 => place().prop_map(Change::SwapForLink),
        1 => (place(), prop_oneof![Just("notes"), Just("deep/er/notes")])
            .prop_map(|(place, path)| Change::AddFile(place, path)),
    ]
}

impl Change {
    fn place(&self) -> usize {
        match *self {
            Self::Add(place, _)
            | Self::EditInPlace(place, _)
            | Self::RenameOver(place, _)
            | Self::Touch(place)
            | Self::Chmod(place, ..)
            | Self::Remove(place)
            | Self::ReplaceDirectory(place, _)
            | Self::SwapForLink(place)
            | Self::AddFile(place, _) => place,
        }
    }

    /// The directory of the root that the change lies in.
    fn name(&self) -> OsString {
        PLACES[self.place()].0.into()
    }

    pub(crate) fn make(&self, roots: &Roots) {
        let (first, rest) = PLACES[self.place()];
        // Without a slash at the end, behind which a link would be followed.
        let path: PathBuf = roots.at(first).join(rest).components().collect();
        // Nothing is written through a link that an earlier change made.
        let is_link = [roots.at(first), path.clone()].iter().any(|path| path.is_symlink());
        match self {
            Self::SwapForLink(_) if is_link => remove(&roots.at(first)),
            _ if is_link => {}
            Self::Add(_, plugin) => _ = plugin.plant(&path),
            Self::EditInPlace(_, file) => edit_in_place(&path.join(file)),
            Self::RenameOver(_, plugin) if path.is_dir() => {
                let fresh = roots.base().join("fresh");
                fs::write(&fresh, plugin.text()).unwrap();
                fs::rename(fresh, path.join("plugin.json")).unwrap();
            }
            Self::Touch(_) => touch(&path.join("plugin.json")),
            Self::Chmod(_, file, mode) => {
                let path = path.join(file);
                if path.exists() {
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
                }
            }
            Self::Remove(_) => remove(&path),
            Self::ReplaceDirectory(_, plugin) => {
                let (fresh, old) = (plugin.plant(&roots.base().join("fresh")), roots.base().join("old"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                if path.exists() {
                    fs::rename(&path, &old).unwrap();
                }
                fs::rename(fresh, &path).unwrap();
                remove(&old);
            }
            Self::SwapForLink(_) => {
                let elsewhere = roots.base().join("elsewhere");
                remove(&elsewhere);
                if path.is_dir() {
                    fs::rename(&path, &elsewhere).unwrap();
                    symlink(&elsewhere, &path).unwrap();
                }
            }
            Self::AddFile(_, file) => {
                let path = path.join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, b"notes").unwrap();
            }
            Self::RenameOver(..) => {}
        }
    }
}

fn remove(path: &Path) {
    if path.is_symlink() || path.is_file() {
        fs::remove_file(path).unwrap();
    } else if path.exists() {
        fs::remove_dir_all(path).unwrap();
    }
}

fn edit_in_place(path: &Path) {
    let Ok(mut bytes) = fs::read(path) else { return };
    let Some(last) = bytes.iter_mut().rev().find(|byte| byte.is_ascii_alphabetic()) else { return };
    *last ^= 1;
    OpenOptions::new().write(true).open(path).unwrap().write_all(&bytes).unwrap();
}

fn touch(path: &Path) {
    if let Ok(file) = OpenOptions::new().write(true).open(path) {
        file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).unwrap();
    }
}

/// What becomes of both runs of changes: first those that a cache sees, then single ones.
fn agrees_after_each(changes: &[Change]) {
    let roots = Roots::new(2);
    Plugin::new("com.acme.fixed", "1.0.0").requires(&[("a", None)]).plant(&roots.in_root(1, "fixed"));
    Plugin::new("a", "1.0.0").plant(&roots.at("a"));
    let cache = roots.base().join("cache");
    let remembering = || discovery(&roots.roots, Options::remember);
    let (mut scanned, mut updated) = (remembering(), remembering());
    updated.scan(&Judge, &Overrides::empty());
    for change in changes {
        tick(&roots.base());
        change.make(&roots);
        let expected = cold(&roots);
        assert_eq!(warm(&roots, &cache), expected, "with a cache, after {change:?}");
        assert_eq!(warm(&roots, &cache), expected, "with a fresh cache, after {change:?}");
        assert_eq!(view(&scanned.scan(&Judge, &Overrides::empty())), expected, "with memory, after {change:?}");
        let changes = Changes::In(BTreeSet::from([(roots.in_root(0, "").components().collect(), change.name())]));
        let catalogue = updated.update(&changes, &Judge, &Overrides::empty());
        assert_eq!(view(&catalogue), expected, "updated, after {change:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_changes_a_warm_scan_says_the_same_as_a_cold_one(changes in proptest::collection::vec(change(), 1..9)) {
        agrees_after_each(&changes);
    }
}

fn options(cache: &Path) -> impl FnOnce(Options) -> Options {
    let cache = Cache::new(cache);
    move |options| options.cache(cache)
}

#[test]
fn what_did_not_change_is_neither_read_nor_examined_again() {
    let roots = Roots::new(1);
    for name in ["a", "b", "c/1.0.0"] {
        Plugin::new(name.split('/').next().unwrap(), "1.0.0").plant(&roots.at(name));
    }
    fs::create_dir(roots.at("broken")).unwrap();
    fs::write(roots.at("broken/plugin.json"), b"{").unwrap();
    let cache = roots.base().join("cache");
    let (judge, none) = (Counting::default(), Overrides::empty());
    let scan = || discovery(&roots.roots, options(&cache)).scan(&judge, &none);
    scan();
    assert_eq!(judge.examined(), 3);
    let written = || {
        fs::metadata(
            fs::read_dir(&cache).unwrap().flatten().find(|entry| entry.path().extension().is_some()).unwrap().path(),
        )
        .unwrap()
        .ino()
    };
    let file = written();
    let catalogue = scan();
    assert_eq!((judge.examined(), written()), (0, file), "nothing to examine, and nothing new to keep");
    assert_eq!(view(&catalogue), cold(&roots));

    tick(&roots.base());
    fs::write(roots.at("b/content"), b"other").unwrap();
    scan();
    assert_eq!(judge.examined(), 1, "one that changed");
    Plugin::new("d", "1.0.0").plant(&roots.at("d"));
    scan();
    assert_eq!(judge.examined(), 1, "one that is new");
    fs::remove_dir_all(roots.at("a")).unwrap();
    let catalogue = scan();
    assert_eq!((judge.examined(), catalogue.entries().len()), (0, 4));
}

#[test]
fn other_roots_do_not_empty_a_cache_and_neither_does_another_kind_of_root() {
    let roots = Roots::new(2);
    Plugin::new("a", "1.0.0").plant(&roots.at("a"));
    Plugin::new("b", "1.0.0").plant(&roots.in_root(1, "b"));
    let cache = roots.base().join("cache");
    let (judge, none) = (Counting::default(), Overrides::empty());
    discovery(&roots.roots, options(&cache)).scan(&judge, &none);
    judge.examined();
    discovery(&roots.roots[..1], options(&cache)).scan(&judge, &none);
    let dev = [apex_discover::Root::dev(roots.roots[1].path())];
    let catalogue = discovery(&dev, options(&cache)).scan(&judge, &none);
    assert!(catalogue.entries()[0].is_dev());
    discovery(&roots.roots, options(&cache)).scan(&judge, &none);
    assert_eq!(judge.examined(), 0);
}

/// When what lies at a path was last changed.
fn changed_at(path: &Path) -> SystemTime {
    let metadata = fs::metadata(path).unwrap();
    let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap();
    SystemTime::UNIX_EPOCH + Duration::new(u64::try_from(metadata.ctime()).unwrap(), nanoseconds)
}

/// Attack catalogue, row 47: an edit of the same length within the same tick of the clock.
#[test]
fn what_changed_less_than_two_seconds_ago_is_looked_at_again() {
    let roots = Roots::new(1);
    let plugin = Plugin::new("a", "1.0.0").containing("one").plant(&roots.at("a"));
    let (judge, none) = (Counting::default(), Overrides::empty());
    let youngest =
        |path: &PathBuf| ["", "plugin.json", "content"].iter().map(|name| changed_at(&path.join(name))).max();
    let planted = youngest(&plugin).unwrap();
    for (age, examined) in [(3, 1), (1, 2)] {
        let cache = roots.base().join(format!("cache{age}"));
        let now = planted + Duration::from_secs(age);
        let scan = || discovery(&roots.roots, |all| options(&cache)(all.clock(move || now))).scan(&judge, &none);
        scan();
        scan();
        assert_eq!(judge.examined(), examined, "{age} seconds after the change");
        if age == 1 {
            fs::write(plugin.join("content"), "two").unwrap();
            assert_eq!(view(&scan()), cold(&roots), "the edit is seen, whatever its stamp");
        }
        judge.examined();
    }
}

/// Attack catalogue, row 46.
#[test]
fn a_manifest_edited_in_place_with_its_times_put_back_is_read_again() {
    let roots = Roots::new(1);
    let manifest = Plugin::new("a", "1.0.0").plant(&roots.at("a")).join("plugin.json");
    let cache = roots.base().join("cache");
    warm(&roots, &cache);
    let before = fs::metadata(&manifest).unwrap();
    tick(&roots.base());
    let text = fs::read_to_string(&manifest).unwrap().replace("A plugin", "B plugin");
    let mut file = OpenOptions::new().write(true).open(&manifest).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_times(FileTimes::new().set_modified(before.modified().unwrap())).unwrap();
    let after = fs::metadata(&manifest).unwrap();
    assert_eq!((after.len(), after.modified().unwrap()), (before.len(), before.modified().unwrap()));
    let seen = warm(&roots, &cache);
    assert!(seen[0].contains("B plugin"), "{seen:?}");
    assert_eq!(seen, cold(&roots));
}

#[test]
fn a_right_that_is_given_above_the_plugin_is_seen_though_nothing_in_it_changed() {
    let roots = Roots::new(1);
    Plugin::new("a", "1.0.0").plant(&roots.at("a"));
    let cache = roots.base().join("cache");
    warm(&roots, &cache);
    for path in [roots.base(), roots.base().join("root0")] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        let seen = warm(&roots, &cache);
        assert!(seen[0].contains("InsecurePermissions"), "{seen:?}");
        assert_eq!(seen, cold(&roots));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(warm(&roots, &cache), cold(&roots));
    }
}
