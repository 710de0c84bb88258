//! A cache that is cut, flipped, foreign, forged, shared or cannot be written costs time, and nothing else (R2.6).

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown, symlink},
    path::{Path, PathBuf},
    thread,
};

use apex_discover::Cache;

use crate::{
    plant::{Plugin, Roots},
    view::{cold, warm},
};

/// A root with finds of each kind, and the one file of a cache that knows them.
fn kept() -> (Roots, PathBuf, PathBuf) {
    let roots = Roots::new(1);
    Plugin::new("a", "1.0.0").signed_by("acme").plant(&roots.at("a"));
    Plugin::new("b", "2.0.0").requires(&[("a", Some("^1"))]).plant(&roots.at("b/2.0.0"));
    fs::create_dir(roots.at("broken")).unwrap();
    fs::write(roots.at("broken/plugin.json"), br#"{"id": "c"}"#).unwrap();
    let cache = roots.base().join("cache");
    assert_eq!(warm(&roots, &cache), cold(&roots));
    let file = file_in(&cache);
    (roots, cache, file)
}

fn file_in(cache: &Path) -> PathBuf {
    let files = Cache::new(cache).files().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(files[0].fault, None);
    files[0].path.clone()
}

#[test]
fn a_file_that_is_cut_at_any_length_says_nothing() {
    let (roots, cache, file) = kept();
    let (whole, expected) = (fs::read(&file).unwrap(), cold(&roots));
    // Each cut is looked at; a scan is made where parts of the file meet, and here and there.
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let files = Cache::new(&cache).files().unwrap();
        assert!(files[0].fault.is_some(), "{length} of {} bytes", whole.len());
        if length < 30 || length % 97 == 0 || length + 2 > whole.len() {
            assert_eq!(warm(&roots, &cache), expected, "{length} of {} bytes", whole.len());
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_changes_nothing_that_is_found() {
    let (roots, cache, file) = kept();
    let (whole, expected) = (fs::read(&file).unwrap(), cold(&roots));
    for trial in 0..300 {
        let mut flipped = whole.clone();
        // Spread over the whole file, the same in each run.
        let bit = trial * 7_919 % (whole.len() * 8);
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(&file, flipped).unwrap();
        assert_eq!(warm(&roots, &cache), expected, "bit {bit}");
    }
    assert_eq!(warm(&roots, &cache), expected);
    assert_eq!(Cache::new(&cache).files().unwrap()[0].fault, None, "it was written anew");
}

#[test]
fn whatever_a_writer_that_died_left_behind_is_passed_over() {
    let (roots, cache, file) = kept();
    let (whole, expected) = (fs::read(&file).unwrap(), cold(&roots));
    let name = file.file_name().unwrap().to_str().unwrap();
    let fresh = cache.join(format!(".{name}.new"));
    for length in [0, 1, whole.len() / 2, whole.len() - 1, whole.len()] {
        fs::write(&fresh, &whole[..length]).unwrap();
        assert_eq!(warm(&roots, &cache), expected);
        // Before the first rename there is no other file.
        fs::remove_file(&file).unwrap();
        assert_eq!(warm(&roots, &cache), expected);
        assert!(!fresh.exists(), "the next writer takes it away");
    }
}

#[test]
fn a_cache_that_others_may_write_to_or_own_or_that_is_a_link_is_not_read() {
    let (roots, cache, file) = kept();
    let unusable = |why: &str| {
        assert!(Cache::new(&cache).files().unwrap()[0].fault.is_some(), "{why}");
        assert_eq!(warm(&roots, &cache), cold(&roots), "{why}");
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    unusable("others may write to it");
    if rustix::process::geteuid().is_root() {
        chown(&file, Some(54_321), None).unwrap();
        unusable("it belongs to somebody else");
    }
    fs::rename(&file, roots.base().join("elsewhere")).unwrap();
    symlink(roots.base().join("elsewhere"), &file).unwrap();
    unusable("it is a link");
}

#[test]
fn a_cache_that_cannot_be_made_or_written_only_costs_time() {
    let roots = Roots::new(1);
    Plugin::new("a", "1.0.0").plant(&roots.at("a"));
    let expected = cold(&roots);
    // Nothing can be made below a file, whoever asks.
    let file = roots.base().join("file");
    fs::write(&file, b"").unwrap();
    assert_eq!(warm(&roots, &file.join("cache")), expected);
    // Nor in a place that is taken by a directory.
    let cache = roots.base().join("cache");
    warm(&roots, &cache);
    let taken = file_in(&cache);
    fs::remove_file(&taken).unwrap();
    fs::create_dir(&taken).unwrap();
    assert_eq!(warm(&roots, &cache), expected);
    assert_eq!(warm(&roots, &cache), expected);
    if !rustix::process::geteuid().is_root() {
        let closed = roots.base().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
        assert_eq!(warm(&roots, &closed), expected);
    }
}

#[test]
fn what_stands_in_the_way_of_a_new_file_only_costs_time() {
    let (roots, cache, file) = kept();
    fs::remove_file(&file).unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    fs::create_dir_all(cache.join(format!(".{name}.new/within"))).unwrap();
    assert_eq!(warm(&roots, &cache), cold(&roots));
    assert!(!file.exists());
}

#[test]
fn several_at_once_share_a_cache_and_agree() {
    let (roots, cache, file) = kept();
    let expected = cold(&roots);
    thread::scope(|scope| {
        for number in 0..4 {
            let (roots, cache, expected, file) = (&roots, &cache, &expected, &file);
            scope.spawn(move || {
                for round in 0..12 {
                    if (number + round) % 3 == 0 {
                        // Somebody empties it meanwhile.
                        fs::remove_file(file).ok();
                    }
                    assert_eq!(&warm(roots, cache), expected);
                }
            });
        }
    });
    assert_eq!(warm(&roots, &cache), expected);
    assert_eq!(file_in(&cache), file);
}

#[test]
fn a_cache_of_another_root_or_program_says_nothing() {
    let (roots, cache, file) = kept();
    let (other, other_cache, other_file) = kept();
    fs::copy(&file, &other_file).unwrap();
    assert_eq!(warm(&other, &other_cache), cold(&other), "the file of another root under this one's name");
    let mut bytes = fs::read(&file).unwrap();
    bytes[4] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert_eq!(warm(&roots, &cache), cold(&roots), "another format");
}
