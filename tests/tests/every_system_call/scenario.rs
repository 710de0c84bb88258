//! An update with a state that is migrated, the way back, and a call that saves a state; and what must be true whenever
//! they are interrupted.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use apex_plugins::{
    BuildError, FileStateStore, Owner, Placement, PluginId, PluginManager, TrustStore, UpdateError, UpdateOptions,
    install::{Consent, Severity, Store, examine},
    state::StateKey,
};
use apex_plugins_tests::{Shop, library};
use serde_json::{Value, json};

use crate::trace::{self, Call, Ending, Mishap};

/// What is done, and what there is before and afterwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    old: Kept,
    new: Kept,
}

/// The active version, and the total in its state.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Kept {
    version: &'static str,
    total: i64,
}

impl Kept {
    const fn at(version: &'static str, total: i64) -> Self {
        Self { version, total }
    }

    /// The state as the version keeps it.
    fn data(self) -> Value {
        match self.version {
            "1.1.0" => json!({"value": self.total}),
            _ => json!({"total": self.total, "additions": 0}),
        }
    }
}

pub(crate) const SCENARIOS: [Scenario; 3] = [
    Scenario { name: "update", old: Kept::at("1.1.0", 7), new: Kept::at("2.0.0", 7) },
    Scenario { name: "rollback", old: Kept::at("2.0.0", 7), new: Kept::at("1.1.0", 7) },
    Scenario { name: "save", old: Kept::at("1.1.0", 7), new: Kept::at("1.1.0", 8) },
];

fn counter() -> PluginId {
    "com.apexagent.examples.counter".parse().unwrap()
}

fn key(version: &str) -> StateKey {
    StateKey::new(counter(), version.parse().unwrap()).with_owner(Owner::Publisher("examples".to_owned()))
}

/// Why it was not done.
enum Failure {
    Build(BuildError),
    Update(UpdateError),
    Call(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => write!(f, "build: {error:?}"),
            Self::Update(error) => write!(f, "update: {}: {error:?}", error.code()),
            Self::Call(error) => write!(f, "call: {error}"),
        }
    }
}

/// A host of the store, states and sources in a directory; in one process with its plugins.
async fn host(shop: &Path, home: &Path) -> Result<PluginManager, Failure> {
    let builder = PluginManager::builder()
        .store(home.join("store"))
        .sources(shop.join("sources.json"))
        .state(FileStateStore::open(home.join("states")).map_err(|error| Failure::Call(error.to_string()))?)
        .trust(TrustStore::load(&shop.join("trust.json")).map_err(|error| Failure::Call(error.to_string()))?);
    builder.build().await.map_err(Failure::Build)
}

async fn carry_out(name: &str, plugins: &PluginManager) -> Result<(), Failure> {
    let options = UpdateOptions { consent: Consent::to_all(), ..UpdateOptions::default() };
    let changed = match name {
        "update" => plugins.update(&[], &options).await,
        "rollback" => plugins.rollback(&counter(), None, &options).await,
        _ => {
            let added = plugins.call(counter().as_str(), "add").params(json!({"by": 1})).result().await;
            return added.map(drop).map_err(|error| Failure::Call(error.to_string()));
        }
    };
    match changed {
        // A source that cannot be read is passed over, and then there is nothing to update.
        Ok(applied) if applied.updates.is_empty() => Err(Failure::Call("nothing is to be done".to_owned())),
        changed => changed.map(drop).map_err(Failure::Update),
    }
}

async fn do_all(name: &str, shop: &Path, home: &Path) -> Result<(), Failure> {
    carry_out(name, &host(shop, home).await?).await
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Publishes an example plugin without its symbols, if that can be cut off: to read it takes a system call every few
/// thousand bytes, and a run of its own for each of them.
fn publish(shop: &Shop, plugin: &str) {
    let library = library(plugin);
    let small = shop.path(library.file_name().unwrap().to_str().unwrap());
    let cut = Command::new("strip").arg("--strip-all").arg("-o").arg(&small).arg(&library).status();
    shop.publish_library(plugin, if cut.is_ok_and(|status| status.success()) { &small } else { &library });
}

/// A shop with both versions, and a store and states as they are before.
pub(crate) struct Bench<'a> {
    scenario: &'a Scenario,
    pub(crate) shop: Shop,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let shop = Shop::new(Placement::InProcess);
        shop.publisher.trusted(Placement::InProcess).save(&shop.path("trust.json")).unwrap();
        publish(&shop, "counter_v1_1");
        shop.install("counter", "1.1.0");
        publish(&shop, "counter_v2");
        shop.states().save_blocking(&key("1.1.0"), 0, &Kept::at("1.1.0", 7).data()).unwrap();
        if scenario.name == "rollback" {
            block_on(do_all("update", &shop.path(""), &shop.path(""))).unwrap_or_else(|failure| panic!("{failure}"));
        }
        Self { scenario, shop }
    }

    /// Does it in a home of its own, with a mishap.
    pub(crate) fn attempt(&self, is_chosen: impl Fn(Call) -> bool, calls: usize, mishap: Mishap) -> (PathBuf, Ending) {
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

    /// Code and state are the old ones or the new ones, and nothing acknowledged is lost; says whether they are the new
    /// ones.
    ///
    /// If `whole`, every installed byte is looked at too, and it goes on from there.
    pub(crate) fn check(&self, home: &Path, whole: bool, place: &str) -> bool {
        let (store, Scenario { name, old, new }) = (Store::new(home.join("store")), self.scenario);
        let is_new = self.is_new(home, place);
        if !whole {
            return is_new;
        }
        let problems: Vec<_> = examine(&store).into_iter().filter(|one| one.severity == Severity::Problem).collect();
        assert!(problems.is_empty(), "{place}: {problems:?}");
        if is_new {
            store.collect(9).unwrap();
        } else {
            let again = async {
                let plugins = host(&self.shop.path(""), home).await?;
                let done = carry_out(name, &plugins).await;
                plugins.shutdown(Duration::from_secs(60)).await;
                done
            };
            block_on(again).unwrap_or_else(|failure| panic!("{place}: {failure}"));
            assert!(self.is_new(home, place), "{place}: {old:?} did not become {new:?}");
        }
        // A call touches the states alone, so that nobody clears away what a kill left in the store before.
        assert!(examine(&store).is_empty(), "{place}: {:?}", examine(&store));
        is_new
    }

    fn is_new(&self, home: &Path, place: &str) -> bool {
        let ledger = Store::new(home.join("store")).ledger().unwrap_or_else(|error| panic!("{place}: {error}"));
        let active = ledger.get(&counter()).unwrap().active.as_ref().unwrap().to_string();
        let states = FileStateStore::open(home.join("states")).unwrap();
        let load = |version: &str| {
            let record = states.load_blocking(&key(version)).unwrap_or_else(|error| panic!("{place}: {error}"));
            let record = record.unwrap_or_else(|| panic!("{place}: the state of {version} is lost"));
            assert!(record.recovered.is_none(), "{place}: {version}: {record:?}");
            record.data
        };
        let found = load(&active);
        let is = |kept: Kept| kept.version == active && kept.data() == found;
        let Scenario { old, new, .. } = *self.scenario;
        assert!(is(old) || is(new), "{place}: {active} with {found}");
        if old.version != new.version {
            assert_eq!(load("1.1.0"), Kept::at("1.1.0", 7).data(), "{place}: what was acknowledged before");
        }
        is(new)
    }
}

/// The traced process: 0 if it is done, 1 if it is refused with an error that says what failed, 3 if it is done and says
/// that something is left to do. It is traced before there is a second thread, so that all of them are.
pub(crate) fn act(name: &str, shop: &Path, home: &Path) -> ExitCode {
    trace::be_traced();
    match block_on(do_all(name, shop, home)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Update(UpdateError::Rescan(_))) => ExitCode::from(3),
        // Nobody is blamed for what the disk did.
        Err(Failure::Update(error)) if BLAMING.contains(&error.code()) => ExitCode::from(2),
        Err(_) => ExitCode::from(1),
    }
}

/// What is said where somebody changed files, published something else, or saved meanwhile.
const BLAMING: &[&str] = &[
    "ChecksumMismatch",
    "IndexInvalid",
    "IndexMismatch",
    "LedgerInvalid",
    "ManifestChanged",
    "NotCanonical",
    "SignatureInvalid",
    "SignatureStripped",
    "StateConflict",
    "StateCorrupt",
    "VersionRepublished",
];

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
