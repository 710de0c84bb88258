//! Packages and stores of a test's own.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use apex_meta::{Document, Placement, TARGET_TRIPLE};
use apex_package::{Layout, publish};
use apex_resolve::Request;
use apex_trust::{Policy, SigningKey, TrustStore, Verifier};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Action, Index, InstallError, Ledger, Package, Plan, Planner, Severity, Source, Store, disk::Disk, examine,
};

#[path = "../../../../tests/src/minimal_elf.rs"]
mod minimal_elf;

/// A publisher's workshop with a source, and a place for stores.
pub(crate) struct Workshop {
    home: TempDir,
    key: SigningKey,
    pub(crate) trust: TrustStore,
    /// The source's index, as long as nothing else was published.
    index: Mutex<Option<Index>>,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let mut trust = TrustStore::empty();
        trust.add_publisher("acme", key.public_key(), &["com.acme"], Placement::Process).unwrap();
        // In memory where there is such a thing: every step waits until it is on the disk.
        let memory = Path::new("/dev/shm");
        let home = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        fs::create_dir(home.path().join("source")).unwrap();
        Self { home, key, trust, index: Mutex::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A signed package of `com.acme.<name>` in the source.
    pub(crate) fn publish(&self, name: &str, version: &str, needs: &[&str]) -> PathBuf {
        self.publish_changed(name, version, needs, |_| {})
    }

    pub(crate) fn publish_changed(
        &self,
        name: &str,
        version: &str,
        needs: &[&str],
        change: impl FnOnce(&mut Value),
    ) -> PathBuf {
        let needs: Vec<_> = needs
            .iter()
            .map(|need| {
                let (id, specifier) = need.split_once(' ').unwrap_or((need, "*"));
                json!({"id": format!("com.acme.{id}"), "version_specifier": specifier})
            })
            .collect();
        let mut manifest = json!({
            "id": format!("com.acme.{name}"), "name": name, "version": version, "description": "Does.",
            "author": "Acme", "entry_point": format!("{name}::Plugin"), "actions": [],
            "dependencies": {"plugins": needs},
        });
        change(&mut manifest);
        self.build(manifest, &format!("{name} {version}"), Some(&self.key))
    }

    /// A package of any manifest, with this content in its library.
    pub(crate) fn build(&self, manifest: Value, content: &str, key: Option<&SigningKey>) -> PathBuf {
        let mut layout = Layout::new(Document::from_value(manifest).unwrap()).unwrap();
        let name = layout.document().manifest().entry_point.library_file_name().unwrap();
        let out = tempfile::tempdir_in(self.home.path()).unwrap();
        let library = out.path().join(name);
        let bytes = minimal_elf::MinimalElf::with_content(content.as_bytes());
        File::create_new(&library).unwrap().write_all(&bytes).unwrap();
        layout.add_library(TARGET_TRIPLE, &library).unwrap();
        let archive = publish(&layout, &out.path().join("out"), key).unwrap().archive;
        let target = self.path("source").join(archive.file_name().unwrap());
        fs::copy(&archive, &target).unwrap();
        self.forget_index();
        target
    }

    pub(crate) fn store(&self, name: &str) -> Store {
        steady(Store::new(self.path(name)))
    }

    pub(crate) fn store_on(&self, disk: &(impl Disk + Clone + 'static), name: &str) -> Store {
        steady(Store::on(Arc::new(disk.clone()), self.path(name)))
    }

    pub(crate) fn source(&self) -> (Source, Index) {
        let location = self.path("source");
        let mut known = self.index.lock().unwrap();
        let index = known.get_or_insert_with(|| Index::of_directory(&location, self.home.path()).unwrap()).clone();
        (Source { name: "shop".to_owned(), location }, index)
    }

    /// Has the source's index made anew when it is next needed.
    pub(crate) fn forget_index(&self) {
        *self.index.lock().unwrap() = None;
    }

    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::new(Arc::new(self.trust.clone()), Policy::standard())
    }

    pub(crate) fn plan(&self, store: &Store, requests: &[&str]) -> Result<Plan, InstallError> {
        self.plan_by(store, requests, |planner| planner)
    }

    pub(crate) fn plan_by(
        &self,
        store: &Store,
        requests: &[&str],
        adjust: impl FnOnce(Planner<'_>) -> Planner<'_>,
    ) -> Result<Plan, InstallError> {
        let ledger = store.ledger()?;
        let (source, index) = self.source();
        let planner = Planner::new(store, &ledger, &self.trust, Policy::standard()).source(&source, &index);
        let requests: Vec<_> = requests.iter().map(|text| request(text)).collect();
        adjust(planner).plan(&requests)
    }

    pub(crate) fn install(&self, store: &Store, requests: &[&str]) -> Result<Ledger, InstallError> {
        let plan = self.plan(store, requests)?;
        self.apply(store, &plan)
    }

    pub(crate) fn apply(&self, store: &Store, plan: &Plan) -> Result<Ledger, InstallError> {
        store.apply(plan, &self.verifier(), 2).map(|done| done.ledger)
    }

    pub(crate) fn remove(&self, store: &Store, names: &[&str], force: bool) -> Result<Ledger, InstallError> {
        let requests: Vec<_> = names.iter().map(|name| request(name)).collect();
        let plan = Plan::removal(store, &store.ledger()?, &requests, force)?;
        self.apply(store, &plan)
    }

    pub(crate) fn read(&self, archive: &Path) -> Result<Package, InstallError> {
        Package::read(archive, self.home.path())
    }
}

fn steady(store: Store) -> Store {
    store.with_clock(|| UNIX_EPOCH + Duration::from_secs(1_795_384_800)).with_patience(Duration::from_secs(60))
}

pub(crate) fn request(text: &str) -> Request {
    let (name, specifier) = text.split_once(' ').map_or((text, None), |(name, rest)| (name, Some(rest)));
    Request {
        plugin: format!("com.acme.{name}").parse().unwrap(),
        specifier: specifier.map(|specifier| specifier.parse().unwrap()),
    }
}

/// `name version` of all that is active, short for what counts in a store.
pub(crate) fn active(ledger: &Ledger) -> Vec<String> {
    let name = |id: &apex_meta::PluginId| id.as_str().trim_start_matches("com.acme.").to_owned();
    ledger.active().map(|(id, tree)| format!("{} {}", name(id), tree.version)).collect()
}

/// `action name version` of each step.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    plan.steps
        .iter()
        .map(|step| {
            let name = step.plugin.as_str().trim_start_matches("com.acme.");
            let version = if step.action == Action::Remove { &step.from } else { &step.to };
            format!("{} {name} {}", step.action.as_str(), version.as_ref().unwrap())
        })
        .collect()
}

/// Nothing in the store is wrong; what is left over may be there.
#[track_caller]
pub(crate) fn assert_sound(store: &Store, place: &str) {
    let problems: Vec<_> = examine(store).into_iter().filter(|finding| finding.severity == Severity::Problem).collect();
    assert!(problems.is_empty(), "{place}: {problems:?}");
}

/// Nothing in the store is wrong or left over.
#[track_caller]
pub(crate) fn assert_clean(store: &Store, place: &str) {
    let findings = examine(store);
    assert!(findings.is_empty(), "{place}: {findings:?}");
}
