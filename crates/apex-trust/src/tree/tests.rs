//! Tests of the tree digest (R3.1, attacks 1-6, 33-35).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        net::UnixListener,
    },
};

use proptest::prelude::*;

use super::*;

/// Path to content and executable bit.
type Files = BTreeMap<String, (Vec<u8>, bool)>;

fn write(directory: &Path, files: &Files) {
    for (path, (content, executable)) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create_new(&path).unwrap();
        std::io::Write::write_all(&mut file, content).unwrap();
        let mode = if *executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn digest_of(files: &Files, algorithm: DigestAlgorithm) -> Digest {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), files);
    tree_digest(directory.path(), algorithm).unwrap()
}

fn files(list: &[(&str, &[u8], bool)]) -> Files {
    list.iter().map(|(path, content, exec)| ((*path).to_owned(), (content.to_vec(), *exec))).collect()
}

fn sample() -> Files {
    files(&[("lib/libx.so", b"machine code", true), ("data/a.txt", b"a", false), ("data-b", b"", false)])
}

/// The format spelled out once more, from its description alone.
fn by_the_book(files: &Files, algorithm: DigestAlgorithm) -> Digest {
    let hash = |bytes: &[u8]| -> [u8; 32] {
        match algorithm {
            DigestAlgorithm::Blake3 => *blake3::hash(bytes).as_bytes(),
            DigestAlgorithm::Sha256 => {
                sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), bytes)).into()
            }
        }
    };
    let mut bytes = b"apex-plugins/tree/v1\0".to_vec();
    bytes.extend_from_slice(algorithm.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&u32::try_from(files.len()).unwrap().to_le_bytes());
    for (path, (content, executable)) in files {
        bytes.extend_from_slice(&u32::try_from(path.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(path.as_bytes());
        bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
        bytes.push(u8::from(*executable));
        bytes.extend_from_slice(&hash(content));
    }
    Digest::new(algorithm, hash(&bytes))
}

#[test]
fn the_digest_is_the_one_that_the_format_describes() {
    for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
        assert_eq!(digest_of(&sample(), algorithm), by_the_book(&sample(), algorithm));
        assert_eq!(digest_of(&Files::new(), algorithm), by_the_book(&Files::new(), algorithm));
    }
}

#[test]
fn a_known_tree_has_a_known_digest() {
    let digest = digest_of(&sample(), DigestAlgorithm::Blake3);
    assert_eq!(digest.to_string(), "blake3:95b3a4e2a0fadbb57cb90983b75e147f40bb34a0d4f9f769d81ad35ac1f87709");
    let digest = digest_of(&sample(), DigestAlgorithm::Sha256);
    assert_eq!(digest.to_string(), "sha256:99830364410a12070d1c4531566c5727dc2b0be09acb04d4b44b40dd60945081");
}

#[test]
fn plugin_json_in_the_root_alone_is_left_out() {
    let mut with = sample();
    with.insert("plugin.json".into(), (b"{}".to_vec(), false));
    assert_eq!(digest_of(&with, DigestAlgorithm::Blake3), digest_of(&sample(), DigestAlgorithm::Blake3));
    with.insert("data/plugin.json".into(), (b"{}".to_vec(), false));
    assert_ne!(digest_of(&with, DigestAlgorithm::Blake3), digest_of(&sample(), DigestAlgorithm::Blake3));
}

#[test]
fn large_trees_are_hashed_on_several_threads_to_the_same_digest() {
    let large: Files = (0..9u8)
        .map(|at| (format!("part-{at}"), (vec![at; 700 << 10], at % 2 == 0)))
        .chain([("small".to_owned(), (b"x".to_vec(), false))])
        .collect();
    assert_eq!(digest_of(&large, DigestAlgorithm::Blake3), by_the_book(&large, DigestAlgorithm::Blake3));
}

#[test]
fn empty_directories_do_not_count() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &sample());
    let before = tree_digest(directory.path(), DigestAlgorithm::Blake3).unwrap();
    fs::create_dir_all(directory.path().join("empty/deeper")).unwrap();
    assert_eq!(tree_digest(directory.path(), DigestAlgorithm::Blake3).unwrap(), before);
}

/// A tree with something wrong in it, put there by `spoil`.
fn refusal(spoil: impl FnOnce(&Path)) -> TreeError {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &sample());
    spoil(directory.path());
    let error = tree_digest(directory.path(), DigestAlgorithm::Blake3).unwrap_err();
    // The same by the way that is left where the kernel has no `openat2`.
    let root = platform::Root::open(directory.path()).unwrap().looking_up_each_segment();
    let listed = Tree::list(directory.path().to_owned(), root);
    assert_eq!(listed.unwrap_err().to_string(), error.to_string());
    error
}

#[test]
fn symbolic_links_are_rejected_wherever_they_stand() {
    let link_to_file = refusal(|root| symlink("/etc/passwd", root.join("link")).unwrap());
    let dangling = refusal(|root| symlink("nowhere", root.join("link")).unwrap());
    let link_to_directory = refusal(|root| symlink("/etc", root.join("data/link")).unwrap());
    let manifest = refusal(|root| symlink("/etc/passwd", root.join("plugin.json")).unwrap());
    for error in [link_to_file, dangling, link_to_directory, manifest] {
        assert_eq!(error.code(), "SymlinkRejected");
    }
}

#[test]
fn a_plugin_directory_that_is_a_link_is_rejected_with_or_without_a_slash() {
    let directory = tempfile::tempdir().unwrap();
    let (real, link) = (directory.path().join("real"), directory.path().join("link"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    for path in [link.clone(), link.join(""), link.join(".")] {
        let error = tree_digest(&path, DigestAlgorithm::Blake3).unwrap_err();
        assert_eq!(error.code(), "SymlinkRejected", "{}", path.display());
    }
}

#[test]
fn hard_links_are_rejected() {
    let error = refusal(|root| fs::hard_link(root.join("data-b"), root.join("data-c")).unwrap());
    assert_eq!(error.code(), "HardlinkRejected");
    let outside = tempfile::NamedTempFile::new().unwrap();
    let error = refusal(|root| fs::hard_link(outside.path(), root.join("secret")).unwrap());
    assert_eq!(error.code(), "HardlinkRejected");
}

#[test]
fn special_files_are_rejected_without_a_hang() {
    let fifo = refusal(|root| {
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, root.join("fifo"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    });
    assert_eq!((fifo.code(), fifo.to_string().ends_with("is a FIFO, not a regular file")), ("NotRegularFile", true));
    let socket = refusal(|root| drop(UnixListener::bind(root.join("socket")).unwrap()));
    assert_eq!(socket.code(), "NotRegularFile");
    let not_a_directory = refusal(|root| {
        fs::remove_file(root.join("data-b")).unwrap();
        symlink("/dev/null", root.join("data-b")).unwrap();
    });
    assert_eq!(not_a_directory.code(), "SymlinkRejected");
}

#[test]
fn a_file_that_takes_a_fifos_place_after_listing_is_refused_without_a_hang() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &sample());
    let tree = Tree::open(directory.path()).unwrap();
    let path = directory.path().join("data-b");
    fs::remove_file(&path).unwrap();
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    assert_eq!(tree.digest(DigestAlgorithm::Blake3).unwrap_err().code(), "NotRegularFile");
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert_eq!(tree.digest(DigestAlgorithm::Blake3).unwrap_err().code(), "SymlinkRejected");
}

#[test]
fn a_directory_swapped_for_a_link_after_listing_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &sample());
    let tree = Tree::open(directory.path()).unwrap();
    rustix::fs::rename(directory.path().join("data"), directory.path().join("gone")).unwrap();
    symlink("gone", directory.path().join("data")).unwrap();
    assert!(tree.digest(DigestAlgorithm::Blake3).is_err());
}

#[test]
fn setuid_and_setgid_files_are_rejected() {
    for mode in [0o4755, 0o2755] {
        let error = refusal(|root| {
            fs::set_permissions(root.join("data-b"), fs::Permissions::from_mode(mode)).unwrap();
        });
        assert!(matches!(error, TreeError::SetIdBit { .. }), "{error}");
        assert_eq!(error.code(), "InsecurePermissions");
    }
}

#[test]
fn names_that_are_not_portable_or_collide_are_rejected() {
    let create = |root: &Path, name: &str| drop(File::create_new(root.join(name)).unwrap());
    for name in ["with space", "caf\u{e9}", "CON", "dot.", "a:b"] {
        assert_eq!(refusal(|root| create(root, name)).code(), "UnportablePath", "{name}");
    }
    let not_utf8 = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"\xff");
    assert_eq!(refusal(|root| drop(File::create_new(root.join(not_utf8)).unwrap())).code(), "UnportablePath");
    assert_eq!(refusal(|root| create(root, "DATA-B")).code(), "PathCollision");
    let directories = refusal(|root| {
        fs::create_dir(root.join("Data")).unwrap();
        create(root, "Data/other");
    });
    assert_eq!(directories.code(), "PathCollision");
}

#[test]
fn too_many_or_too_large_files_are_rejected_unread() {
    let sparse = |root: &Path, name: &str, length| File::create_new(root.join(name)).unwrap().set_len(length).unwrap();
    let limit = TreeLimit::FileBytes.value();
    let error = refusal(|root| sparse(root, "huge", limit + 1));
    assert!(matches!(error, TreeError::TooLarge { limit: TreeLimit::FileBytes, .. }), "{error}");
    let error = refusal(|root| (0..5).for_each(|at| sparse(root, &format!("large-{at}"), limit)));
    assert!(matches!(error, TreeError::TooLarge { limit: TreeLimit::TotalBytes, .. }), "{error}");
    let error = refusal(|root| (0..4094).for_each(|at| sparse(root, &format!("f{at}"), 0)));
    assert!(matches!(error, TreeError::TooLarge { limit: TreeLimit::Entries, .. }), "{error}");
    let error = refusal(|root| (0..4097).for_each(|at| fs::create_dir(root.join(format!("d{at}"))).unwrap()));
    assert!(matches!(error, TreeError::TooLarge { limit: TreeLimit::Entries, .. }), "{error}");
}

#[test]
fn a_missing_directory_or_a_file_in_its_place_is_said_to_be_so() {
    let directory = tempfile::tempdir().unwrap();
    let missing = tree_digest(&directory.path().join("absent"), DigestAlgorithm::Blake3).unwrap_err();
    assert_eq!(missing.code(), "NotFound");
    let file = directory.path().join("file");
    drop(File::create_new(&file).unwrap());
    assert_eq!(tree_digest(&file, DigestAlgorithm::Blake3).unwrap_err().code(), "Unreadable");
}

/// One change to a tree, as an attacker or a disk would make it.
#[derive(Debug, Clone)]
enum Change {
    FlipByte { file: prop::sample::Index, at: prop::sample::Index, bit: u8 },
    Append { file: prop::sample::Index, byte: u8 },
    Truncate { file: prop::sample::Index },
    ToggleExecutable { file: prop::sample::Index },
    Remove { file: prop::sample::Index },
    Rename { file: prop::sample::Index },
    Add { byte: u8 },
    SwapContents { first: prop::sample::Index, second: prop::sample::Index },
    MoveByteFromContentToPath { file: prop::sample::Index },
}

fn change() -> impl Strategy<Value = Change> {
    use prop::sample::Index;
    let file = || any::<Index>();
    prop_oneof![
        (file(), any::<Index>(), 0u8..8).prop_map(|(file, at, bit)| Change::FlipByte { file, at, bit }),
        (file(), any::<u8>()).prop_map(|(file, byte)| Change::Append { file, byte }),
        file().prop_map(|file| Change::Truncate { file }),
        file().prop_map(|file| Change::ToggleExecutable { file }),
        file().prop_map(|file| Change::Remove { file }),
        file().prop_map(|file| Change::Rename { file }),
        any::<u8>().prop_map(|byte| Change::Add { byte }),
        (file(), file()).prop_map(|(first, second)| Change::SwapContents { first, second }),
        file().prop_map(|file| Change::MoveByteFromContentToPath { file }),
    ]
}

impl Change {
    fn apply(&self, files: &Files) -> Files {
        let mut changed = files.clone();
        let name = |index: &prop::sample::Index| files.keys().nth(index.index(files.len())).unwrap().clone();
        let edit = |changed: &mut Files, index, edit: &dyn Fn(&mut Vec<u8>)| {
            edit(&mut changed.get_mut(&name(index)).unwrap().0);
        };
        match self {
            Self::FlipByte { file, at, bit } => edit(&mut changed, file, &|content| {
                if !content.is_empty() {
                    let at = at.index(content.len());
                    content[at] ^= 1 << bit;
                }
            }),
            Self::Append { file, byte } => edit(&mut changed, file, &|content| content.push(*byte)),
            Self::Truncate { file } => {
                edit(&mut changed, file, &|content| content.truncate(content.len().saturating_sub(1)));
            }
            Self::ToggleExecutable { file } => changed.get_mut(&name(file)).unwrap().1 ^= true,
            Self::Remove { file } => drop(changed.remove(&name(file))),
            Self::Rename { file } => {
                let entry = changed.remove(&name(file)).unwrap();
                changed.insert(format!("{}x", name(file)), entry);
            }
            Self::Add { byte } => drop(changed.insert("z-added".into(), (vec![*byte], false))),
            Self::SwapContents { first, second } => {
                let (one, two) = (changed[&name(first)].clone(), changed[&name(second)].clone());
                changed.insert(name(first), two);
                changed.insert(name(second), one);
            }
            Self::MoveByteFromContentToPath { file } => {
                let (mut content, executable) = changed.remove(&name(file)).unwrap();
                let first = if content.is_empty() { b'a' } else { content.remove(0) };
                changed.insert(format!("{}{}", name(file), char::from(b'a' + first % 26)), (content, executable));
            }
        }
        changed
    }
}

fn any_files() -> impl Strategy<Value = Files> {
    let content = prop::collection::vec(any::<u8>(), 0..40);
    // Files and directories are spelled apart, so that no file stands where another one needs a directory.
    prop::collection::btree_map("(d[a-c]/){0,3}f[a-e]{1,3}", (content, any::<bool>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_digest_changes_with_any_change_of_the_tree(files in any_files(), change in change()) {
        let changed = change.apply(&files);
        for algorithm in [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256] {
            let (before, after) = (digest_of(&files, algorithm), digest_of(&changed, algorithm));
            prop_assert_eq!(before == after, files == changed, "{:?}", change);
            prop_assert_eq!(before, by_the_book(&files, algorithm));
        }
    }

    #[test]
    fn the_algorithms_never_agree(files in any_files()) {
        let digests = [DigestAlgorithm::Blake3, DigestAlgorithm::Sha256].map(|algorithm| digest_of(&files, algorithm));
        prop_assert_ne!(digests[0].as_bytes(), digests[1].as_bytes());
    }
}

#[test]
fn both_ways_of_looking_up_give_one_digest_and_refuse_what_was_swapped_in() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &sample());
    let root = platform::Root::open(directory.path()).unwrap().looking_up_each_segment();
    let tree = Tree::list(directory.path().to_owned(), root).unwrap();
    let digest = tree_digest(directory.path(), DigestAlgorithm::Blake3).unwrap();
    assert_eq!(tree.digest(DigestAlgorithm::Blake3).unwrap(), digest);
    let whole = Tree::open(directory.path()).unwrap();
    rustix::fs::rename(directory.path().join("data"), directory.path().join("gone")).unwrap();
    symlink("gone", directory.path().join("data")).unwrap();
    for tree in [tree, whole] {
        assert_eq!(tree.digest(DigestAlgorithm::Blake3).unwrap_err().code(), "SymlinkRejected");
    }
}

#[test]
fn a_guarded_tree_may_be_changed_by_nobody_else_nor_may_what_is_above_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let plugin = home.path().join("plugin");
    let set = |path: &str, mode| fs::set_permissions(home.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    fs::create_dir(&plugin).unwrap();
    write(&plugin, &sample());
    for (path, harmless) in [("", 0o755), ("plugin", 0o755), ("plugin/data", 0o700), ("plugin/data-b", 0o644)] {
        assert!(Tree::open_guarded(&plugin).is_ok());
        set(path, harmless | 0o002);
        let error = Tree::open_guarded(&plugin).unwrap_err();
        assert!(error.to_string().contains(home.path().join(path).to_str().unwrap().trim_end_matches('/')), "{error}");
        assert_eq!(error.code(), "InsecurePermissions", "{path}");
        assert!(Tree::open(&plugin).is_ok(), "an author's own check asks for form alone");
        set(path, harmless);
    }
    assert_eq!(Tree::open_guarded(&home.path().join("absent/plugin")).unwrap_err().code(), "NotFound");
    symlink("plugin", home.path().join("link")).unwrap();
    assert_eq!(Tree::open_guarded(&home.path().join("link")).unwrap_err().code(), "SymlinkRejected");
}
