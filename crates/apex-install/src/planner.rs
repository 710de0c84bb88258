//! From what is asked for to a plan.

use std::collections::{BTreeMap, BTreeSet};

use apex_meta::{Permission, PluginId, PluginVersion, Status};
use apex_resolve::{Preference, Release, Releases, Request, Solution, solve};
use apex_trust::{Grants, Policy, TrustStore};

use crate::{
    Action, Index, InstallError, Ledger, Lock, Locked, Package, Plan, Source, Step, Store,
    offer::{Offer, Origin},
};

mod exclusion;
mod granting;
mod refusal;
mod removal;
mod rollback;

/// Makes plans for a store from its ledger, the sources, packages that were named, and a lock.
pub struct Planner<'a> {
    ledger: &'a Ledger,
    /// The ledger's plugins by their ids in one case: it is asked for each of many thousand offers.
    folded: BTreeMap<String, &'a PluginId>,
    trust: &'a TrustStore,
    policy: Policy,
    offers: BTreeMap<PluginId, Vec<Offer>>,
    elsewhere: Releases,
    /// What the lock names, by id for the same reason.
    lock: Option<BTreeMap<PluginId, Locked>>,
    allow_downgrade: bool,
    newest: Newest,
    grants: Grants,
    granting: Vec<(PluginId, Permission)>,
}

/// Of which plugins the highest versions are wanted, rather than those that are in use.
#[derive(Debug, Default)]
enum Newest {
    #[default]
    None,
    Of(BTreeSet<PluginId>),
    All,
}

impl Newest {
    fn is_of(&self, plugin: &PluginId) -> bool {
        match self {
            Self::None => false,
            Self::Of(plugins) => plugins.contains(plugin),
            Self::All => true,
        }
    }
}

impl<'a> Planner<'a> {
    /// A planner that knows of nothing but what is in the store.
    pub fn new(store: &Store, ledger: &'a Ledger, trust: &'a TrustStore, policy: Policy) -> Self {
        let mut planner = Self {
            ledger,
            folded: ledger.plugins().map(|(plugin, _)| (plugin.case_folded(), plugin)).collect(),
            trust,
            policy,
            offers: BTreeMap::new(),
            elsewhere: Releases::new(),
            lock: None,
            allow_downgrade: false,
            newest: Newest::None,
            grants: Grants::empty(),
            granting: Vec::new(),
        };
        for (plugin, record) in ledger.plugins() {
            let trees = record.installed.iter().filter_map(|tree| Offer::of_tree(store, ledger, plugin, tree));
            trees.for_each(|offer| planner.offer(offer));
        }
        planner
    }

    /// Adds a package that was named.
    #[must_use]
    pub fn package(mut self, package: &Package) -> Self {
        self.offer(Offer::of_package(package, self.trust));
        self
    }

    /// Adds what a source offers; earlier sources win over later ones.
    #[must_use]
    pub fn source(mut self, source: &Source, index: &Index) -> Self {
        for announced in &index.packages {
            self.offer(Offer::announced(source, announced, self.trust));
        }
        self
    }

    /// Adds plugins that stand elsewhere than in the store: dependencies that they serve need not be installed.
    #[must_use]
    pub fn elsewhere(mut self, releases: Releases) -> Self {
        self.elsewhere = releases;
        self
    }

    /// Takes nothing but what a lock names.
    #[must_use]
    pub fn locked(mut self, lock: Lock) -> Self {
        self.lock = Some(lock.plugins.into_iter().map(|locked| (locked.id.clone(), locked)).collect());
        self
    }

    /// Takes versions that are lower than the highest that was ever installed.
    #[must_use]
    pub fn allow_downgrade(mut self, allow: bool) -> Self {
        self.allow_downgrade = allow;
        self
    }

    /// Takes the highest versions, and not those that are in use already.
    #[must_use]
    pub fn newest(mut self, newest: bool) -> Self {
        self.newest = if newest { Newest::All } else { Newest::None };
        self
    }

    /// Takes the highest versions of these plugins, and leaves others as they are where that is possible.
    #[must_use]
    pub fn newest_of(mut self, plugins: impl IntoIterator<Item = PluginId>) -> Self {
        self.newest = Newest::Of(plugins.into_iter().collect());
        self
    }

    /// Says what is granted already; nothing, if this is not called.
    #[must_use]
    pub fn granted(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// Grants a permission to a plugin with the plan, on the operator's word.
    ///
    /// How wide it may be is for the caller to check, who knows the machine: see
    /// [`GrantRoots::check_width`](apex_trust::GrantRoots::check_width).
    #[must_use]
    pub fn grant(mut self, plugin: PluginId, permission: Permission) -> Self {
        self.granting.push((plugin, permission));
        self
    }

    /// Plans what is needed so that the requests, and all that is active already, are active and go together.
    ///
    /// # Errors
    /// No versions go together; or the versions that would are refused: older than was installed before, published
    /// anew, not in the lock; or the lock names other grants than there would be, or something is granted to a plugin
    /// that would not be there.
    pub fn plan(&self, requests: &[Request]) -> Result<Plan, InstallError> {
        let mut all = requests.to_vec();
        // What is active stays, in whatever version goes together with the rest.
        let kept = self.ledger.active().map(|(plugin, _)| plugin).filter(|plugin| !is_asked_for(plugin, requests));
        // Whoever updates everything to what a lock names is told what of it is not to be had.
        let is_all = matches!(self.newest, Newest::All);
        let is_due = |plugin: &PluginId| is_all && self.lock.as_ref().is_some_and(|lock| lock.contains_key(plugin));
        all.extend(kept.filter(|plugin| self.has_ready(plugin) || is_due(plugin)).cloned().map(Request::any));
        let releases = self.releases(requests);
        let named: &[_] = if is_all { &all } else { requests };
        let solution = solve(&releases, &all).map_err(|error| self.refusal(error, named))?;
        let is_known = |plugin: &PluginId| self.ledger.get(plugin).is_some_and(|record| record.requested);
        let requested = requests.iter().map(|request| &request.plugin).filter(|plugin| !is_known(plugin));
        self.with_grants(self.to_plan(&solution, requests, requested.cloned().collect()))
    }

    /// Plans what is needed so that exactly what the lock names is active.
    ///
    /// # Errors
    /// As [`plan`](Self::plan); something that the lock names is nowhere to be had.
    pub fn sync(&self) -> Result<Plan, InstallError> {
        let lock = self.lock.clone().unwrap_or_default();
        let requests: Vec<_> =
            lock.values().map(|locked| Request::exactly(locked.id.clone(), &locked.version)).collect();
        for plugin in lock.keys() {
            self.check_locked(plugin)?;
        }
        let releases = self.releases(&requests);
        let solution = solve(&releases, &requests).map_err(|error| self.refusal(error, &requests))?;
        let mut plan = self.to_plan(&solution, &requests, Vec::new());
        let surplus = self.ledger.active().filter(|(plugin, _)| !lock.contains_key(plugin));
        let removals = surplus.map(|(plugin, tree)| removal::step(plugin, &tree.version, "the lock does not name it"));
        plan.steps.extend(removals);
        self.with_grants(plan)
    }

    fn offer(&mut self, offer: Offer) {
        self.offers.entry(offer.plugin.clone()).or_default().push(offer);
    }

    fn has_ready(&self, plugin: &PluginId) -> bool {
        let offers = self.offers.get(plugin).map_or(&[] as &[_], Vec::as_slice);
        offers.iter().any(|offer| self.exclusion(offer).is_none())
    }

    fn releases(&self, requests: &[Request]) -> Releases {
        let mut releases = Releases::new();
        for (plugin, offers) in &self.offers {
            offers.iter().for_each(|offer| releases.add(plugin.clone(), self.release(offer)));
        }
        for (plugin, others) in self.elsewhere.iter().filter(|(plugin, _)| !is_asked_for(plugin, requests)) {
            for mut other in others.iter().cloned() {
                // What serves already need not be installed.
                other.preference = Preference::Active;
                releases.add(plugin.clone(), other);
            }
        }
        releases
    }

    /// Whether a version that nobody asked for by its plugin's name stands in another root already.
    fn stands_elsewhere(&self, plugin: &PluginId, version: &PluginVersion, requests: &[Request]) -> bool {
        let others = self.elsewhere.of(plugin);
        !is_asked_for(plugin, requests) && others.iter().any(|other| other.version == *version)
    }

    fn release(&self, offer: &Offer) -> Release {
        let record = self.ledger.get(&offer.plugin);
        let is_locked = self.locks(offer);
        // Also where its files are missing, so that they are brought back and nothing newer takes their place.
        let is_active = record.is_some_and(|record| record.active.as_ref() == Some(&offer.version));
        let is_pinned = record.and_then(|record| record.pin.as_ref()).is_some();
        let preference = if is_locked {
            Preference::Locked
        } else if self.newest.is_of(&offer.plugin) {
            Preference::Ordinary
        } else if is_pinned {
            Preference::Pinned
        } else if is_active {
            Preference::Active
        } else {
            Preference::Ordinary
        };
        let mut release = Release::new(offer.version.clone());
        release.dependencies.clone_from(&offer.dependencies);
        release.publisher.clone_from(&offer.publisher);
        (release.pinned, release.preference) = (is_locked, preference);
        match self.exclusion(offer) {
            Some(reason) => release.excluded(Status::Blocked, reason),
            None => release,
        }
    }

    fn to_plan(&self, solution: &Solution, requests: &[Request], requested: Vec<PluginId>) -> Plan {
        let steps = solution.chosen.iter().filter_map(|chosen| {
            let offer = self.offers.get(&chosen.plugin)?.get(chosen.index)?;
            // Of one version the first release counts, and those of the store and the sources come first.
            let is_there = !offer.is_in_store() && self.stands_elsewhere(&chosen.plugin, &offer.version, requests);
            if is_there { None } else { self.step(offer, &chosen.because) }
        });
        Plan {
            generation: self.ledger.generation(),
            steps: steps.collect(),
            left_out: solution.left_out.clone(),
            cycles: solution.cycles.clone(),
            requested,
            grants: Vec::new(),
        }
    }

    /// What makes an offer active; none if it is.
    fn step(&self, offer: &Offer, because: &str) -> Option<Step> {
        let record = self.ledger.get(&offer.plugin);
        let active = record.and_then(|record| record.active.as_ref());
        let highest = record.and_then(|record| record.highest.as_ref());
        let action = match (&offer.origin, active) {
            (Origin::Store, Some(active)) if *active == offer.version => return None,
            (_, Some(active)) if *active == offer.version => Action::Reinstall,
            _ if highest.is_some_and(|highest| offer.version < *highest) => Action::Downgrade,
            (Origin::Store, _) => Action::Activate,
            (_, Some(_)) => Action::Update,
            (_, None) => Action::Install,
        };
        let (package, source, bytes) = match &offer.origin {
            Origin::Store => (None, None, 0),
            Origin::Package { path, bytes } => (Some(path.clone()), None, *bytes),
            Origin::Source { name, path, bytes } => (Some(path.clone()), Some(name.clone()), *bytes),
        };
        Some(Step {
            action,
            plugin: offer.plugin.clone(),
            from: active.cloned(),
            to: Some(offer.version.clone()),
            digest: Some(offer.digest),
            manifest: Some(offer.manifest),
            publisher: offer.publisher.clone(),
            permissions: offer.permissions.clone(),
            granted: Vec::new(),
            not_granted: Vec::new(),
            package,
            source,
            bytes,
            because: because.to_owned(),
        })
    }
}

fn is_asked_for(plugin: &PluginId, requests: &[Request]) -> bool {
    requests.iter().any(|request| request.plugin == *plugin)
}
