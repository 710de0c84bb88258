//! Plans to go back to the version that was active before.

use apex_meta::{PluginId, PluginVersion, VersionSpecifier};

use super::Planner;
use crate::{InstallError, Plan, offer::Offer};

impl Planner<'_> {
    /// Plans to make the version active that was active before, or a certain lower one that is still in the store.
    ///
    /// No pin keeps from it: it is the operator's word.
    ///
    /// # Errors
    /// The plugin is not installed; there is no such version in the store; or it does not go together with what else is
    /// active.
    pub fn rollback(&self, plugin: &PluginId, to: Option<&PluginVersion>, because: &str) -> Result<Plan, InstallError> {
        let impossible = |why: String| InstallError::NoRollback { plugin: plugin.clone(), why };
        let absent = || InstallError::NotInstalled { what: format!("plugin `{plugin}`") };
        let record = self.ledger.get(plugin).ok_or_else(absent)?;
        let active = record.active.as_ref().ok_or_else(absent)?;
        let target = to.or_else(|| record.before_active());
        let target = target.ok_or_else(|| impossible("no other version was active before".to_owned()))?;
        if target >= active {
            return Err(impossible(format!("{target} is not older than the active version {active}")));
        }
        let offer = self.stored(plugin, target);
        let offer =
            offer.ok_or_else(|| impossible(format!("{target} is not in the store, or not what was installed")))?;
        if let Some(why) = self.misfit(offer) {
            return Err(impossible(why));
        }
        let (generation, steps) = (self.ledger.generation(), self.step(offer, because).into_iter().collect());
        let (left_out, cycles, requested, grants) = Default::default();
        self.with_grants(Plan { generation, steps, left_out, cycles, requested, grants })
    }

    /// What stands in the store of a version, as it was installed.
    fn stored(&self, plugin: &PluginId, version: &PluginVersion) -> Option<&Offer> {
        self.offers.get(plugin)?.iter().find(|offer| offer.is_in_store() && offer.version == *version)
    }

    /// Why a version does not go together with what else is active in the store; what stands elsewhere is not known here.
    fn misfit(&self, offer: &Offer) -> Option<String> {
        let fits = |specifier: Option<&VersionSpecifier>, version: &PluginVersion| {
            specifier.is_none_or(|specifier| specifier.matches(version.as_semver()))
        };
        for needed in offer.dependencies.iter().filter(|needed| !needed.optional) {
            let active = self.ledger.get(&needed.id).and_then(|record| record.active.as_ref());
            if let Some(active) = active.filter(|active| !fits(needed.version_specifier.as_ref(), active)) {
                return Some(format!("{} cannot use {} {active}", offer.version, needed.id));
            }
        }
        let others = self.ledger.active().filter(|(other, _)| **other != offer.plugin);
        let mut needy = others.filter_map(|(other, tree)| {
            let needs =
                self.stored(other, &tree.version)?.dependencies.iter().find(|needs| needs.id == offer.plugin)?;
            let is_met = fits(needs.version_specifier.as_ref(), &offer.version);
            (!is_met).then(|| format!("{other} {} cannot use {}", tree.version, offer.version))
        });
        needy.next()
    }
}
