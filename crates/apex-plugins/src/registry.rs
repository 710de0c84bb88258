//! What is known of the roots: scanned, followed, and judged anew when trust changes.

use std::{
    path::Path,
    sync::{Arc, PoisonError},
    time::SystemTime,
};

use apex_audit::Happening;
use apex_discover::{Catalogue, Changes, Discovery, Options, Overrides, Watcher};
use apex_install::Store;
use apex_meta::Reason;
use apex_trust::{Examination, TrustStore};

use crate::{BuildError, Builder, Event, assess::Trust, background, installed::Refreshed, manager::Inner};

impl Inner {
    /// What was found at the last scan.
    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where packages are looked at: nothing is left there.
    pub(crate) fn scratch(&self) -> &Path {
        self.settings.confinement.temporary.as_deref().unwrap_or(Path::new("/tmp"))
    }

    fn overrides(&self) -> Result<Overrides, BuildError> {
        let overrides = match &self.settings.overrides {
            Some(file) => Overrides::load(file).map_err(BuildError::Overrides)?,
            None => Overrides::empty(),
        };
        self.quarantines.saw(&overrides);
        Ok(overrides)
    }

    /// Scans, and puts what was found in the place of what was known.
    pub(crate) fn rescan(&self) -> Result<Arc<Catalogue>, BuildError> {
        self.follow(&Changes::All)
    }

    /// Looks at what may have changed, and puts what was found in the place of what was known.
    pub(crate) fn follow(&self, changes: &Changes) -> Result<Arc<Catalogue>, BuildError> {
        let mut discovery = self.discovery.lock().unwrap_or_else(PoisonError::into_inner);
        let (verifier, overrides) = (self.authority.verifier(), self.overrides()?);
        // The ledger of the store may say something else by now.
        let Refreshed { roots, happened } = self.installed.refresh(&self.settings.roots).map_err(BuildError::Store)?;
        discovery.set_roots(roots);
        let found = discovery.update(changes, &Trust(&verifier), &overrides);
        let (before, catalogue) = {
            let mut current = self.catalogue.write().unwrap_or_else(PoisonError::into_inner);
            let catalogue = Arc::new(found.succeeding(&current));
            (std::mem::replace(&mut *current, Arc::clone(&catalogue)), catalogue)
        };
        for running in self.instances.follow(&catalogue, &before) {
            running.retire(&self.settings.limits);
        }
        for (plugin, happening) in happened {
            self.events.send(Event::StoreChanged { plugin, happening });
        }
        // What the first scan of a manager finds is no change.
        let changes = if before.generation() > 0 { catalogue.changes_since(&before) } else { Vec::new() };
        self.auditor.scanned(&changes);
        for change in changes {
            self.events.send(Event::Registry(change));
        }
        self.events.send(Event::Discovered(Arc::clone(&catalogue)));
        Ok(catalogue)
    }

    /// Adds the places that must be looked at once more, and whose time has come.
    pub(crate) fn with_unsettled(&self, changes: Changes) -> Changes {
        self.discovery.lock().unwrap_or_else(PoisonError::into_inner).with_unsettled(changes)
    }

    /// When there will be such places.
    pub(crate) fn look_again_at(&self) -> Option<SystemTime> {
        self.discovery.lock().unwrap_or_else(PoisonError::into_inner).look_again_at()
    }

    /// Goes by another trust store: first for what is loaded, then for what lies in the roots.
    pub(crate) fn apply_trust(&self, store: TrustStore) -> Result<Arc<Catalogue>, BuildError> {
        let version = store.version();
        self.authority.replace(store);
        self.events.send(Event::TrustChanged { version });
        for running in self.instances.running() {
            if let Some(reason) = running.objection(&self.authority) {
                self.withdraw(&running, reason);
            }
        }
        self.auditor.record(Happening::TrustChange { store_version: version });
        self.rescan()
    }

    /// Lets nothing new in until the trust store can be read again.
    pub(crate) fn suspend_trust(&self, reason: &Reason) {
        if !self.authority.suspend(reason) {
            return;
        }
        tracing::error!(%reason, "nothing new is accepted until the trust store can be read again");
        self.events.send(Event::TrustUnreadable { reason: reason.clone() });
        let (code, message) = (reason.code.to_string(), reason.message.clone());
        self.auditor.record(Happening::TrustUnreadable { code, message });
    }
}

/// Discovery as the settings want it.
pub(crate) fn discovery(settings: &Builder) -> Discovery<Examination> {
    let linked = settings.linked.iter().map(|(document, _)| document.clone());
    let (scans, now) = (settings.scans.clone(), Arc::clone(&settings.clock));
    Discovery::new(settings.roots.clone(), linked.fold(scans.clock(move || now()), Options::linked))
}

/// What watches the roots, if that is wanted; many directories take a while.
pub(crate) async fn watcher(settings: &Builder) -> Result<Option<Watcher>, BuildError> {
    if !settings.watches {
        return Ok(None);
    }
    let (roots, ledger) = (settings.roots.clone(), settings.store.as_ref().map(Store::ledger_file));
    // What of a store counts is its ledger's word, which may change with no directory.
    let watch = move || ledger.into_iter().fold(Watcher::new(&roots), Watcher::with_file);
    let watching = background::run("apex-watch", watch).await;
    watching.map(Some).map_err(BuildError::Scan)
}
