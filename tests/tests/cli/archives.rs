//! Hostile packages: an operator checks one before anything else is done with it (attacks 50-61).
#![expect(clippy::disallowed_methods, reason = "what is attacked is for one test")]

use std::{fs, path::Path};

use apex_plugins_tests::hostile_tar::{BLOCK, HostileTar};

use crate::house::{Ended, House, Proof};

/// A row: the attack's number, what is done to a package, how, and the code it ends in.
type Attack = (u8, &'static str, fn(Genuine) -> Vec<u8>, &'static str);

/// The entries of a signed plugin's package, with those that an attacker adds before or after them.
struct Genuine {
    files: Vec<(String, Vec<u8>)>,
}

impl Genuine {
    fn tar(&self) -> HostileTar {
        self.files.iter().fold(HostileTar::default(), |tar, (path, content)| tar.file(path, content))
    }

    /// With an entry after all others.
    fn and(&self, add: impl FnOnce(HostileTar) -> HostileTar) -> Vec<u8> {
        packed(&add(self.tar()).end())
    }

    /// With an entry before all others, which sorts first.
    fn after(&self, first: HostileTar) -> Vec<u8> {
        packed(&self.files.iter().fold(first, |tar, (path, content)| tar.file(path, content)).end())
    }
}

fn packed(tar: &[u8]) -> Vec<u8> {
    zstd::encode_all(tar, 3).unwrap()
}

fn link(path: &str, target: &str) -> HostileTar {
    HostileTar::default().entry(path, b"", |block| {
        block[156] = b'2';
        block[157..157 + target.len()].copy_from_slice(target.as_bytes());
    })
}

fn mode(path: &str, mode: &[u8; 7]) -> HostileTar {
    HostileTar::default().entry(path, b"", |block| block[100..107].copy_from_slice(mode))
}

const ATTACKS: &[Attack] = &[
    (50, "a path that leads out", |genuine| genuine.and(|tar| tar.file("z/../../evil", b"evil")), "PathEscape"),
    (50, "an absolute path", |genuine| genuine.after(HostileTar::default().file("/tmp/evil", b"evil")), "PathEscape"),
    (
        51,
        "a link, and a file written through it",
        |genuine| genuine.after(link("a", "/tmp").file("a/evil", b"evil")),
        "ForbiddenEntry",
    ),
    (52, "a hard link", |genuine| genuine.and(|tar| tar.kind("z", b'1')), "ForbiddenEntry"),
    (
        52,
        "a directory that nobody may enter",
        |genuine| {
            genuine.after(HostileTar::default().entry("lib", b"", |block| {
                block[156] = b'5';
                block[100..107].copy_from_slice(b"0000000");
            }))
        },
        "ForbiddenEntry",
    ),
    (53, "an extended header with another size", |genuine| genuine.and(extended_size), "ForbiddenEntry"),
    (
        54,
        "the same path twice",
        |genuine| genuine.and(|tar| tar.file("z", b"good").file("z", b"evil")),
        "DuplicateEntry",
    ),
    (55, "paths equal but for case", |genuine| genuine.and(|tar| tar.file("zA", b"").file("za", b"")), "PathCollision"),
    (56, "a look-alike", |genuine| genuine.and(|tar| tar.file("z\u{430}", b"")), "UnportablePath"),
    (56, "two ways to write an accent", |genuine| genuine.and(|tar| tar.file("ze\u{301}", b"")), "UnportablePath"),
    (57, "a device's name", |genuine| genuine.after(HostileTar::default().file("CON", b"")), "UnportablePath"),
    (57, "a stream of a file", |genuine| genuine.and(|tar| tar.file("z:b", b"")), "UnportablePath"),
    (57, "a dot at the end", |genuine| genuine.and(|tar| tar.file("z.", b"")), "UnportablePath"),
    (58, "a file that runs as its owner", |genuine| genuine.after(mode("a", b"0004755")), "ForbiddenEntry"),
    (58, "a device", |genuine| genuine.and(|tar| tar.kind("z", b'3')), "ForbiddenEntry"),
    (58, "a FIFO", |genuine| genuine.and(|tar| tar.kind("z", b'6')), "ForbiddenEntry"),
    (59, "a bomb", |genuine| genuine.and(|tar| tar.file("z", &vec![0; (64 << 20) + 1])), "ArchiveLimit"),
    (
        59,
        "a size that is a lie",
        |genuine| genuine.and(|tar| tar.entry("z", b"", |block| block[124..135].copy_from_slice(b"00000100000"))),
        "ArchiveLimit",
    ),
    (60, "a second frame", |genuine| [genuine.and(|tar| tar), packed(b"second")].concat(), "NonCanonicalArchive"),
    (
        60,
        "bytes behind the end",
        |genuine| packed(&[genuine.tar().end(), vec![0; BLOCK]].concat()),
        "NonCanonicalArchive",
    ),
    (
        61,
        "the installer's ledger",
        |genuine| genuine.after(HostileTar::default().file("ledger.json", b"{}")),
        "ForbiddenEntry",
    ),
];

/// A header of POSIX.1-2001 that says 4 bytes of a file of none.
fn extended_size(tar: HostileTar) -> HostileTar {
    tar.entry("z", b"9 size=4\n", |block| block[156] = b'x').file("zz", b"")
}

/// A planted plugin's files, to make a package of.
fn genuine(plugin: &Path) -> Genuine {
    let tree = apex_plugins::trust::Tree::open(plugin).unwrap();
    let paths = tree.files().iter().map(|file| file.path.to_string()).chain(["plugin.json".to_owned()]);
    let mut files: Vec<_> = paths.map(|path| (path.clone(), fs::read(plugin.join(path)).unwrap())).collect();
    files.sort();
    Genuine { files }
}

/// Whoever installs one, by its file or from a source that announced something else, has nothing of it in the store.
#[test]
fn hostile_packages_are_not_installed_and_leave_the_store_as_it_was() {
    let house = House::new();
    let plugin = house.plant("greeter", Proof::Signature(house.key()), |_| ());
    let source = house.path("packages");
    let package = source.join("com.acme.greeter-1.0.0.apexpkg");
    fs::create_dir_all(&source).unwrap();
    fs::create_dir(house.path("tmp")).unwrap();
    let apex = |arguments: &[&str]| {
        let mut apex = house.command();
        apex.env("TMPDIR", house.path("tmp")).arg("--json").args(arguments);
        Ended::of(&mut apex)
    };
    fs::write(&package, genuine(&plugin).and(|tar| tar)).unwrap();
    apex(&["index", "packages"]).expect(0);
    apex(&["source", "add", "shop", "packages"]).expect(0);
    let by_file = package.to_str().unwrap();
    for (number, what, attack, code) in ATTACKS {
        fs::write(&package, attack(genuine(&plugin))).unwrap();
        for named in [by_file, "com.acme.greeter"] {
            let error = apex(&["install", named, "--yes"]).expect(4).error();
            assert_eq!(error["code"], *code, "{number}, {what}, {named}: {error:#}");
            assert!(error["hint"].is_string(), "{number}, {what}, {named}: {error:#}");
            assert!(!house.path("store/ledger.json").exists(), "{number}, {what}, {named}");
            let left = |directory: &str| fs::read_dir(house.path(directory)).map_or(0, Iterator::count);
            assert_eq!(
                (left("store/plugins"), left("store/staging"), left("tmp")),
                (0, 0, 0),
                "{number}, {what}, {named}"
            );
        }
        assert_eq!(apex(&["index", "packages"]).expect(4).error()["code"], *code, "{number}, {what}");
    }
    let log = apex(&["audit"]).expect(0).stdout;
    let blocked = log.lines().filter(|line| line.contains(r#""kind":"block""#) && line.contains("com.acme.greeter"));
    assert_eq!(blocked.count(), ATTACKS.len(), "what a source announced as something else is recorded: {log}");
    fs::write(&package, genuine(&plugin).and(|tar| tar)).unwrap();
    apex(&["install", "com.acme.greeter", "--yes"]).expect(0);
}

#[test]
fn hostile_packages_end_in_their_named_error_and_leave_nothing_behind() {
    let house = House::new();
    let plugin = house.plant("greeter", Proof::Signature(house.key()), |_| ());
    let genuine = || genuine(&plugin);
    let package = house.path("x.apexpkg");
    fs::create_dir(house.path("tmp")).unwrap();
    let check = |command: &str| {
        let mut apex = house.command();
        apex.env("TMPDIR", house.path("tmp")).arg("--json").arg(command).arg(&package);
        apex
    };
    fs::write(&package, genuine().and(|tar| tar)).unwrap();
    assert_eq!(check("check").output().unwrap().status.code(), Some(0), "without an attack it passes");
    for (number, what, attack, code) in ATTACKS {
        let bytes = attack(genuine());
        fs::write(&package, &bytes).unwrap();
        let checked = Ended::of(&mut check("check")).expect(4);
        let checked: serde_json::Value = serde_json::from_str(&checked.stdout).unwrap();
        let fault = &checked["faults"][0];
        assert_eq!((&fault["code"], &checked["ok"]), (&(*code).into(), &false.into()), "{number}, {what}: {fault:#}");
        assert!(fault["hint"].is_string(), "{number}, {what}: {fault:#}");
        // Nobody signs such a thing either, and it is left as it was.
        let signed = Ended::of(check("sign").args(["--payload-out", "payload"]));
        assert_eq!(signed.error()["code"], *code, "{number}, {what}");
        assert!(fs::read(&package).unwrap() == bytes && !house.path("payload").exists(), "{number}, {what}");
        assert_eq!(fs::read_dir(house.path("tmp")).unwrap().count(), 0, "{number}, {what}");
    }
}
