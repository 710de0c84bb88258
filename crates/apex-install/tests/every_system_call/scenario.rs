//! What is done to a store, and what must be true of it whenever that is interrupted.

use std::{
    env,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
};

use apex_install::{Index, InstallError, Ledger, Plan, Planner, Severity, Source, Store, examine};
use apex_meta::{Document, Placement, TARGET_TRIPLE};
use apex_package::{Layout, publish};
use apex_resolve::Request;
use apex_trust::{Policy, SigningKey, TrustStore, Verifier};
use libc::c_long;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    minimal_elf::MinimalElf,
    trace::{self, Ending, Mishap},
};

/// What is done: the first install of two plugins, the removal of one, its update, and the way back.
pub(crate) const NAMES: [&str; 4] = ["install", "remove", "update", "rollback"];

/// The calls that can change a file system, with the errors that they are made to fail with.
const CHANGING: &[(c_long, &[i32])] = &[
    (libc::SYS_open, &[libc::ENOSPC]),
    (libc::SYS_openat, &[libc::ENOSPC, libc::EACCES]),
    (libc::SYS_openat2, &[libc::EACCES]),
    (libc::SYS_creat, &[libc::ENOSPC]),
    (libc::SYS_write, &[libc::ENOSPC, libc::EIO]),
    (libc::SYS_writev, &[libc::ENOSPC]),
    (libc::SYS_pwrite64, &[libc::ENOSPC]),
    (libc::SYS_copy_file_range, &[libc::ENOSPC]),
    (libc::SYS_ftruncate, &[libc::EIO]),
    (libc::SYS_fsync, &[libc::EIO]),
    (libc::SYS_fdatasync, &[libc::EIO]),
    (libc::SYS_mkdir, &[libc::ENOSPC, libc::EACCES]),
    (libc::SYS_mkdirat, &[libc::ENOSPC]),
    (libc::SYS_rmdir, &[libc::EACCES]),
    (libc::SYS_rename, &[libc::EIO, libc::EACCES]),
    (libc::SYS_renameat, &[libc::EIO]),
    (libc::SYS_renameat2, &[libc::EIO]),
    (libc::SYS_link, &[libc::EACCES]),
    (libc::SYS_linkat, &[libc::EACCES]),
    (libc::SYS_unlink, &[libc::EIO]),
    (libc::SYS_unlinkat, &[libc::EIO]),
    (libc::SYS_chmod, &[libc::EACCES]),
    (libc::SYS_fchmod, &[libc::EACCES]),
    (libc::SYS_fchmodat, &[libc::EACCES]),
    (libc::SYS_flock, &[libc::ENOLCK]),
];

fn is_changing(call: c_long) -> bool {
    CHANGING.iter().any(|(known, _)| *known == call)
}

/// A publisher's packages, the trust in them, and a store for each attempt.
struct Bench {
    home: TempDir,
    name: &'static str,
    /// What is active before, and afterwards.
    old: Vec<String>,
    new: Vec<String>,
}

impl Bench {
    fn new(name: &'static str) -> Self {
        // In memory where there is such a thing: what a kill leaves does not depend on the disk.
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let key = SigningKey::generate().unwrap();
        let mut trust = TrustStore::empty();
        trust.add_publisher("acme", key.public_key(), &["com.acme"], Placement::Process).unwrap();
        trust.save(&home.path().join("trust.json")).unwrap();
        let source = home.path().join("source");
        fs::create_dir(&source).unwrap();
        pack(home.path(), &key, "app", "1.0.0", &["base"]);
        pack(home.path(), &key, "base", "1.0.0", &[]);
        let index = Index::of_directory(&source, home.path()).unwrap();
        index.save(&source.join("index.json")).unwrap();
        let both = |app: &str| vec![format!("com.acme.app {app}"), "com.acme.base 1.0.0".to_owned()];
        let (old, new) = match name {
            "install" => (Vec::new(), both("1.0.0")),
            "update" => (both("1.0.0"), both("1.1.0")),
            "rollback" => (both("1.1.0"), both("1.0.0")),
            _ => (both("1.0.0"), vec!["com.acme.base 1.0.0".to_owned()]),
        };
        let bench = Self { home, name, old, new };
        let (home, template) = (bench.home.path(), Store::new(bench.template()));
        if name != "install" {
            apply("install", home, &template).unwrap();
        }
        pack(home, &key, "app", "1.1.0", &["base"]);
        if name != "install" {
            let index = Index::of_directory(&source, home).unwrap();
            index.save(&source.join("index.json")).unwrap();
        }
        if name == "rollback" {
            apply("update", home, &template).unwrap();
        }
        bench
    }

    /// A store as it is before, to be copied.
    fn template(&self) -> PathBuf {
        self.home.path().join("template")
    }

    /// Runs the scenario on a store of its own, with a mishap.
    fn attempt(&self, is_chosen: impl Fn(c_long) -> bool, calls: usize, mishap: Mishap) -> (Store, Ending) {
        let root = self.home.path().join("store");
        fs::remove_dir_all(&root).unwrap_or_default();
        if self.template().exists() {
            copy(&self.template(), &root);
        }
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--act", self.name]).arg(self.home.path()).arg(&root);
        let ending = trace::run(&mut command, |call| is_chosen(call.number), calls, mishap);
        (Store::new(root), ending)
    }

    /// The store is the old one or the new one, and goes on from there.
    fn check(&self, store: &Store, place: &str) -> bool {
        let problems: Vec<_> =
            examine(store).into_iter().filter(|finding| finding.severity == Severity::Problem).collect();
        assert!(problems.is_empty(), "{place}: {problems:?}");
        let found = active(&store.ledger().unwrap());
        assert!(found == self.old || found == self.new, "{place}: {found:?}");
        let is_new = found == self.new;
        if !is_new {
            apply(self.name, self.home.path(), store).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(active(&store.ledger().unwrap()), self.new, "{place}");
        }
        store.collect(9).unwrap();
        let findings = examine(store);
        assert!(findings.is_empty() || is_new, "{place}: {findings:?}");
        is_new
    }
}

/// Kills the process at each chosen call in turn, until it ends by itself.
pub(crate) fn kill_everywhere(name: &'static str, every: bool) {
    let bench = Bench::new(name);
    let is_chosen = |call| every || is_changing(call);
    let (mut old, mut new) = (0, 0);
    for calls in 0.. {
        let (store, ending) = bench.attempt(is_chosen, calls, Mishap::Kill);
        match ending {
            Ending::Killed(call) => {
                let is_new = bench.check(&store, &format!("{name}: killed at call {calls}, number {call}"));
                (old, new) = if is_new { (old, new + 1) } else { (old + 1, new) };
            }
            Ending::Exited(code, None) => {
                assert_eq!((code, active(&store.ledger().unwrap())), (0, bench.new), "{name} without a kill");
                break;
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    // A rollback touches no tree.
    let least = if name == "rollback" { 10 } else { 20 };
    assert!(old > least && new > 2, "{name}: {old} kills left the old state, {new} the new one");
    println!("every_system_call: {name}: killed {old} times before the switch, {new} times after it ... ok");
}

/// Has each call that changes something fail in turn, with each of its errors, and writes write half.
pub(crate) fn fail_everywhere(name: &'static str) {
    let bench = Bench::new(name);
    let (mut refused, mut done) = (0, 0);
    let fails = CHANGING.iter().flat_map(|(call, errors)| errors.iter().map(|error| (*call, Mishap::Fail(*error))));
    for (chosen, mishap) in fails.chain([(libc::SYS_write, Mishap::Shorten)]) {
        for calls in 0.. {
            let (store, ending) = bench.attempt(|call| call == chosen, calls, mishap);
            let place = format!("{name}: {mishap:?} at call {calls} of number {chosen}");
            match ending {
                Ending::Exited(_, None) => break,
                Ending::Exited(code, Some(_)) => {
                    let is_new = bench.check(&store, &place);
                    assert_eq!(code, if is_new { 0 } else { 1 }, "{place}");
                    (refused, done) = if is_new { (refused, done + 1) } else { (refused + 1, done) };
                    assert!(mishap != Mishap::Shorten || is_new, "{place}: the rest of a short write was not written");
                }
                Ending::Killed(_) => panic!("{place}: {ending:?}"),
            }
        }
    }
    let least = if name == "rollback" { 10 } else { 20 };
    assert!(refused > least && done > 2, "{name}: {refused} refused, {done} done all the same");
    println!("every_system_call: {name}: failed {refused} times, went on {done} times ... ok");
}

/// The traced process: plans, then carries the plan out before its parent's eyes.
pub(crate) fn act(name: &str, home: &Path, root: &Path) -> ExitCode {
    let store = Store::new(root);
    let trust = TrustStore::load(&home.join("trust.json")).unwrap();
    let plan = plan(name, home, &store, &trust).unwrap();
    let verifier = Verifier::new(Arc::new(trust), Policy::standard());
    trace::be_traced();
    match store.apply(&plan, &verifier, 2) {
        Ok(_) => ExitCode::SUCCESS,
        // Every failure is one that an operator can read.
        Err(error) if error.code() != "StoreBusy" => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    }
}

fn apply(name: &str, home: &Path, store: &Store) -> Result<(), InstallError> {
    let trust = TrustStore::load(&home.join("trust.json")).unwrap();
    let plan = plan(name, home, store, &trust)?;
    store.apply(&plan, &Verifier::new(Arc::new(trust), Policy::standard()), 2).map(drop)
}

fn plan(name: &str, home: &Path, store: &Store, trust: &TrustStore) -> Result<Plan, InstallError> {
    let app = Request::any("com.acme.app".parse().unwrap());
    let ledger = store.ledger()?;
    if name == "remove" {
        return Plan::removal(store, &ledger, &[app], false);
    }
    let source = Source { name: "shop".to_owned(), location: home.join("source") };
    let planner = Planner::new(store, &ledger, trust, Policy::standard()).source(&source, &source.index()?);
    match name {
        "rollback" => planner.rollback(&app.plugin, None, "a test"),
        "update" => planner.newest(true).plan(&[app]),
        _ => planner.plan(&[app]),
    }
}

fn active(ledger: &Ledger) -> Vec<String> {
    ledger.active().map(|(id, tree)| format!("{id} {}", tree.version)).collect()
}

fn pack(home: &Path, key: &SigningKey, name: &str, version: &str, needs: &[&str]) {
    let needs: Vec<_> = needs.iter().map(|id| json!({"id": format!("com.acme.{id}")})).collect();
    let manifest = json!({
        "id": format!("com.acme.{name}"), "name": name, "version": version, "description": "Does.", "author": "Acme",
        "entry_point": format!("{name}::Plugin"), "actions": [], "dependencies": {"plugins": needs},
    });
    let mut layout = Layout::new(Document::from_value(manifest).unwrap()).unwrap();
    let library = home.join(layout.document().manifest().entry_point.library_file_name().unwrap());
    let content = MinimalElf::with_content(format!("{name} {version}").as_bytes());
    File::create(&library).unwrap().write_all(&content).unwrap();
    layout.add_library(TARGET_TRIPLE, &library).unwrap();
    let archive = publish(&layout, &home.join("out"), Some(key)).unwrap().archive;
    fs::copy(&archive, home.join("source").join(archive.file_name().unwrap())).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
