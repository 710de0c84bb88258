//! Updates and rollbacks of installed plugins: code and state together, while the plugin is in use.

use std::{sync::Arc, time::Duration};

use apex_install::{Consent, InstallError, Outdated, Plan, Planner, Source, Sources, Store, Update};
use apex_meta::{PluginId, PluginVersion, Status};
use apex_resolve::Request;

use crate::{PluginManager, PluginSpec, background, manager::Inner, releases};

mod available;
mod error;
mod peers;
mod probation;
mod stage;
mod switch;
mod trial;

pub use available::UpdateInfo;
pub use error::UpdateError;
pub(crate) use peers::Peers;
pub use stage::UpdateStage;

/// How a plan is carried out.
#[derive(Debug, Clone)]
pub struct UpdateOptions {
    /// What somebody agreed to; nothing by default.
    pub consent: Consent,
    /// How many versions to keep beside the active one, those that were active last. Without any there is no way back.
    pub keep: usize,
    /// How long calls under way of a plugin that has a state may take to end; new calls wait meanwhile. If they do not end,
    /// nothing is changed.
    pub drain: Duration,
}

impl Default for UpdateOptions {
    /// Nothing agreed to, two versions kept, half a minute for calls to end.
    fn default() -> Self {
        Self { consent: Consent::default(), keep: 2, drain: Duration::from_secs(30) }
    }
}

/// A plan that was carried out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Applied {
    /// What it changed for those who use what was installed.
    pub updates: Vec<Update>,
    /// How many states were carried over to new versions.
    pub states: usize,
    /// What could not be cleaned up afterwards; the next change of the store tries again.
    pub leftovers: Vec<InstallError>,
}

impl PluginManager {
    /// Plans to update plugins to the newest versions that the sources have, or all that are installed if none is named;
    /// a specifier limits which versions will do.
    ///
    /// # Errors
    /// The manager has no store, its ledger or the sources cannot be read, or no versions go together.
    pub async fn plan_update(&self, plugins: &[PluginSpec]) -> Result<Plan, UpdateError> {
        let (inner, plugins) = (Arc::clone(&self.inner), plugins.to_vec());
        background::run("apex-update", move || inner.plan_update(&plugins)).await?
    }

    /// Updates plugins as [`plan_update`](Self::plan_update) plans it; see [`apply`](Self::apply).
    ///
    /// # Errors
    /// As both.
    pub async fn update(&self, plugins: &[PluginSpec], options: &UpdateOptions) -> Result<Applied, UpdateError> {
        let plan = self.plan_update(plugins).await?;
        self.apply(&plan, options).await
    }

    /// Plans to make the version active again that was active before, or a certain lower one.
    ///
    /// # Errors
    /// The manager has no store; there is no such version in it, or it does not go together with the rest.
    pub async fn plan_rollback(&self, plugin: &PluginId, to: Option<&PluginVersion>) -> Result<Plan, UpdateError> {
        let (inner, plugin, to) = (Arc::clone(&self.inner), plugin.clone(), to.cloned());
        let plan = move || inner.plan_rollback(&plugin, to.as_ref(), "you ask for it");
        background::run("apex-update", plan).await?
    }

    /// Makes the version active again that was active before, or a certain lower one, with the state that it had then.
    ///
    /// What the present version saved since stays under its own number. No version returns to it unasked.
    ///
    /// # Errors
    /// The manager has no store; there is no such version in it, or it does not go together with the rest; calls under way
    /// do not end.
    pub async fn rollback(
        &self,
        plugin: &PluginId,
        to: Option<&PluginVersion>,
        options: &UpdateOptions,
    ) -> Result<Applied, UpdateError> {
        let plan = self.plan_rollback(plugin, to).await?;
        // It was agreed to once.
        let options = UpdateOptions { consent: Consent::to_all(), ..options.clone() };
        self.apply(&plan, &options).await
    }

    /// Carries a plan out, all of it or nothing, while the plugins are in use.
    ///
    /// Where a version takes the place of another one, the calls under way end on the old one; if the plugin has a state,
    /// new calls wait until they have. Then its saves are fenced off, its state is migrated on a copy by the new version's
    /// `migrate_state`, the new version is started with it, and its action `health_check` is called if it has one. One
    /// replacement of the ledger makes all of it count. If anything fails, code and state are as they were, the old
    /// instance goes on, and no call notices; a process that is killed has changed all of it or nothing.
    ///
    /// # Errors
    /// Nobody agreed to something that the plan changes; a package is refused; calls under way do not end; a state cannot be
    /// migrated; the new version does not start, or is not in health; the disk fails.
    pub async fn apply(&self, plan: &Plan, options: &UpdateOptions) -> Result<Applied, UpdateError> {
        let (inner, plan, options) = (Arc::clone(&self.inner), plan.clone(), options.clone());
        // Whatever the host's services need of a runtime is there on the thread too.
        let runtime = tokio::runtime::Handle::try_current().ok();
        let apply = move || {
            let _entered = runtime.as_ref().map(tokio::runtime::Handle::enter);
            inner.switch(&plan, &options)
        };
        background::run("apex-update", apply).await?
    }
}

impl Inner {
    fn store(&self) -> Result<&Store, UpdateError> {
        self.installed.store().ok_or(UpdateError::NoStore)
    }

    /// The sources that can be read, with what they offer.
    fn offered(&self) -> Result<Vec<(Source, apex_install::Index)>, UpdateError> {
        let Some(file) = &self.settings.sources else { return Ok(Vec::new()) };
        let sources = Sources::load(file)?;
        let offered = sources.iter().filter_map(|source| match source.index() {
            Ok(index) => Some((source.clone(), index)),
            Err(error) => {
                tracing::warn!(
                    source = source.name,
                    error = &error as &dyn std::error::Error,
                    "a source is passed over"
                );
                None
            }
        });
        Ok(offered.collect())
    }

    fn plan_update(&self, plugins: &[PluginSpec]) -> Result<Plan, UpdateError> {
        let (store, offered) = (self.store()?, self.offered()?);
        let ledger = store.ledger()?;
        if let Some(absent) = plugins.iter().find(|spec| ledger.get(&spec.id).is_none_or(|of| of.active.is_none())) {
            return Err(InstallError::NotInstalled { what: format!("plugin `{}`", absent.id) }.into());
        }
        let (verifier, catalogue) = (self.authority.verifier(), self.catalogue());
        let elsewhere = releases(&catalogue, |entry| {
            entry.status() == Status::Ready && entry.root().is_none_or(|root| !root.is_store())
        });
        let planner = Planner::new(store, &ledger, verifier.store(), self.settings.policy);
        let planner = planner.elsewhere(elsewhere).granted(self.grants()?);
        let planner = offered.iter().fold(planner, |planner, (source, index)| planner.source(source, index));
        let planner = match plugins.is_empty() {
            true => planner.newest(true),
            false => planner.newest_of(plugins.iter().map(|spec| spec.id.clone())),
        };
        let request = |spec: &PluginSpec| Request { plugin: spec.id.clone(), specifier: spec.specifier.clone() };
        Ok(planner.plan(&plugins.iter().map(request).collect::<Vec<_>>())?)
    }

    fn plan_rollback(&self, plugin: &PluginId, to: Option<&PluginVersion>, because: &str) -> Result<Plan, UpdateError> {
        let (store, verifier) = (self.store()?, self.authority.verifier());
        let ledger = store.ledger()?;
        let planner = Planner::new(store, &ledger, verifier.store(), self.settings.policy).granted(self.grants()?);
        Ok(planner.rollback(plugin, to, because)?)
    }

    /// Every installed plugin that there is a newer version of.
    fn outdated(&self) -> Result<Vec<Outdated>, UpdateError> {
        let (store, offered, plan) = (self.store()?, self.offered()?, self.plan_update(&[])?);
        let ledger = store.ledger()?;
        let updates = plan.updates(store, &ledger, self.scratch())?;
        Ok(Outdated::all(&ledger, &plan, &updates, &offered))
    }
}
