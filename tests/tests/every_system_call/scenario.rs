//! An update with a state that is migrated, and the way back; and what must be true whenever they are interrupted.

use std::{
    cell::RefCell,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use apex_plugins::{
    FileStateStore, Owner, Placement, PluginId, PluginManager, TrustStore, UpdateError, UpdateOptions,
    install::{Consent, Severity, Store, examine},
    state::StateKey,
};
use apex_plugins_tests::Shop;
use libc::c_long;
use serde_json::{Value, json};

use crate::trace::{self, Call, Ending, Mishap};

/// What is done, and which version is active before and afterwards.
pub(crate) struct Scenario {
    name: &'static str,
    old: &'static str,
    new: &'static str,
}

pub(crate) const UPDATE: Scenario = Scenario { name: "update", old: "1.1.0", new: "2.0.0" };
pub(crate) const ROLLBACK: Scenario = Scenario { name: "rollback", old: "2.0.0", new: "1.1.0" };

/// The calls that change a file or its being durable, by descriptor.
const WRITING: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_copy_file_range,
    libc::SYS_ftruncate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_fchmod,
];

/// Those that change a file system by path, but for those that open a file.
const CHANGING: &[c_long] = &[
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_chmod,
    libc::SYS_fchmodat,
];

/// Those that are made to fail; a failed write may be one to another thread, which nobody survives.
const FAILING: &[(c_long, i32)] = &[
    (libc::SYS_fsync, libc::EIO),
    (libc::SYS_mkdir, libc::ENOSPC),
    (libc::SYS_rename, libc::EIO),
    (libc::SYS_linkat, libc::EACCES),
    (libc::SYS_unlink, libc::EIO),
];

/// Says of each call whether it changes a file system: of writes that follow each other into one file the first, since each
/// leaves a file that is not whole.
fn is_changing(home: PathBuf) -> impl Fn(Call) -> bool {
    let last = RefCell::new(PathBuf::new());
    move |call| {
        if CHANGING.contains(&call.number) {
            return true;
        }
        let Some(path) = WRITING.contains(&call.number).then(|| call.path()).flatten() else { return false };
        if !path.starts_with(&home) {
            return false;
        }
        let is_another = last.replace(path.clone()) != path;
        is_another || call.number != libc::SYS_write
    }
}

fn counter() -> PluginId {
    "com.apexagent.examples.counter".parse().unwrap()
}

fn key(version: &str) -> StateKey {
    StateKey::new(counter(), version.parse().unwrap()).with_owner(Owner::Publisher("examples".to_owned()))
}

/// What version 1.1 counted to, as it keeps it and as version 2 does.
fn kept(version: &str) -> Value {
    if version == "1.1.0" { json!({"value": 7}) } else { json!({"total": 7, "additions": 0}) }
}

/// A host of the store, states and sources in a directory; in one process with its plugins.
async fn host(shop: &Path, home: &Path) -> PluginManager {
    PluginManager::builder()
        .store(home.join("store"))
        .sources(shop.join("sources.json"))
        .state(FileStateStore::open(home.join("states")).unwrap())
        .trust(TrustStore::load(&shop.join("trust.json")).unwrap())
        .build()
        .await
        .unwrap()
}

async fn carry_out(name: &str, plugins: &PluginManager) -> Result<(), UpdateError> {
    let options = UpdateOptions { consent: Consent::to_all(), ..UpdateOptions::default() };
    match name {
        "update" => plugins.update(&[], &options).await.map(drop),
        _ => plugins.rollback(&counter(), None, &options).await.map(drop),
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A shop with both versions, and a store and states as they are before.
struct Bench<'a> {
    scenario: &'a Scenario,
    shop: Shop,
}

impl<'a> Bench<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let shop = Shop::new(Placement::InProcess);
        shop.publisher.trusted(Placement::InProcess).save(&shop.path("trust.json")).unwrap();
        shop.publish("counter_v1_1", |_| ());
        shop.install("counter", "1.1.0");
        shop.publish("counter_v2", |_| ());
        shop.states().save_blocking(&key("1.1.0"), 0, &kept("1.1.0")).unwrap();
        if scenario.name == "rollback" {
            block_on(async { carry_out("update", &host(&shop.path(""), &shop.path("")).await).await }).unwrap();
        }
        Self { scenario, shop }
    }

    /// Does it in a home of its own, with a mishap.
    fn attempt(&self, is_chosen: impl Fn(Call) -> bool, calls: usize, mishap: Mishap) -> (PathBuf, Ending) {
        let home = self.shop.path("home");
        fs::remove_dir_all(&home).unwrap_or_default();
        for directory in ["store", "states"] {
            copy_private(&self.shop.path(directory), &home.join(directory));
        }
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--act", self.scenario.name]).arg(self.shop.path("")).arg(&home);
        let ending = trace::run(&mut command, is_chosen, calls, mishap);
        (home, ending)
    }

    /// Code and state are the old ones or the new ones, and nothing acknowledged is lost.
    ///
    /// If `whole`, every installed byte is looked at too, and it goes on from there.
    fn check(&self, home: &Path, whole: bool, place: &str) -> bool {
        let store = Store::new(home.join("store"));
        let active = || store.ledger().unwrap().get(&counter()).unwrap().active.as_ref().unwrap().to_string();
        let found = active();
        let is_new = found == self.scenario.new;
        assert!(is_new || found == self.scenario.old, "{place}: {found}");
        self.check_states(home, &found, place);
        if !whole {
            return is_new;
        }
        let problems: Vec<_> = examine(&store).into_iter().filter(|one| one.severity == Severity::Problem).collect();
        assert!(problems.is_empty(), "{place}: {problems:?}");
        if is_new {
            store.collect(9).unwrap();
        } else {
            let again = async {
                let plugins = host(&self.shop.path(""), home).await;
                let done = carry_out(self.scenario.name, &plugins).await;
                plugins.shutdown(Duration::from_secs(60)).await;
                done
            };
            block_on(again).unwrap_or_else(|error| panic!("{place}: {error}"));
            assert_eq!(active(), self.scenario.new, "{place}");
            self.check_states(home, self.scenario.new, place);
        }
        assert!(examine(&store).is_empty(), "{place}: {:?}", examine(&store));
        is_new
    }

    fn check_states(&self, home: &Path, active: &str, place: &str) {
        let states = FileStateStore::open(home.join("states")).unwrap();
        for version in ["1.1.0", active] {
            let record = states.load_blocking(&key(version)).unwrap_or_else(|error| panic!("{place}: {error}"));
            let record = record.unwrap_or_else(|| panic!("{place}: the state of {version} is lost"));
            assert!(record.recovered.is_none() && record.data == kept(version), "{place}: {version}: {record:?}");
        }
    }
}

/// Kills the host at each call that changes something in turn, until it ends by itself.
pub(crate) fn kill_everywhere(scenario: &Scenario) {
    let bench = Bench::new(scenario);
    let (mut old, mut new) = (0, 0);
    for calls in 0.. {
        let (home, ending) = bench.attempt(is_changing(bench.shop.path("home")), calls, Mishap::Kill);
        let place = format!("{}: at call {calls}: {ending:?}", scenario.name);
        match (ending, bench.check(&home, (old + new) % 8 == 0, &place)) {
            (Ending::Killed(_), true) => new += 1,
            (Ending::Killed(_), false) => old += 1,
            (Ending::Exited(0, None), true) => break,
            other => panic!("{place}: {other:?}"),
        }
    }
    assert!(old > 10 && new > 0, "{}: {old} kills left the old state, {new} the new one", scenario.name);
    println!("every_system_call: {}: killed {old} times before the switch, {new} times after it ... ok", scenario.name);
}

/// Has calls that make changes durable fail in turn.
pub(crate) fn fail_everywhere(scenario: &Scenario) {
    let bench = Bench::new(scenario);
    let (mut refused, mut done) = (0, 0);
    for (chosen, error) in FAILING {
        for calls in 0.. {
            let (home, ending) = bench.attempt(|call| call.number == *chosen, calls, Mishap::Fail(*error));
            let place = format!("{}: error {error} at call {calls} of number {chosen}: {ending:?}", scenario.name);
            let Ending::Exited(code, happened) = ending else { panic!("{place}") };
            if happened.is_none() {
                break;
            }
            let is_new = bench.check(&home, calls % 4 == 0, &place);
            assert_eq!(code, if is_new { 0 } else { 1 }, "{place}");
            (refused, done) = if is_new { (refused, done + 1) } else { (refused + 1, done) };
        }
    }
    assert!(refused > 3 && done > 0, "{}: {refused} refused, {done} done all the same", scenario.name);
    println!("every_system_call: {}: failed {refused} times, went on {done} times ... ok", scenario.name);
}

/// The traced process. It is traced before there is a second thread, so that all of them are.
pub(crate) fn act(name: &str, shop: &Path, home: &Path) -> ExitCode {
    trace::be_traced();
    let done = block_on(async { carry_out(name, &host(shop, home).await).await });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Every failure is one that an operator can read.
        Err(error) if ["StoreIo", "StateIo", "Unwritable"].contains(&error.code()) => ExitCode::from(1),
        Err(_) => ExitCode::from(2),
    }
}

/// A copy for this user alone, as a store and states are.
fn copy_private(from: &Path, to: &Path) {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_private(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}
