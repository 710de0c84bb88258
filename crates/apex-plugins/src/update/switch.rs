//! The switch: what is used is drained and fenced, what is new is tried out, one replacement of the ledger makes it count.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use apex_audit::{AuditError, AuditSink, Happening, Record, Subject};
use apex_exec::block_on;
use apex_install::{Action, Candidate, InstallError, Installed, Ledger, Plan, PlannedGrant, Store, Update};
use apex_meta::{Owner, PluginId};
use apex_state::{CarriedOver, StateStore};
use apex_trust::{Grants, GrantsError};

use super::{Applied, Peers, UpdateError, UpdateOptions, UpdateStage, trial::Trial};
use crate::{
    audit::Auditor,
    event::Event,
    instances::{Held, Instances},
    manager::Inner,
    running::Running,
};

/// A switch that is under way.
struct Switch<'a> {
    inner: &'a Arc<Inner>,
    store: &'a Store,
    ledger: Ledger,
    plan: &'a Plan,
    options: &'a UpdateOptions,
    /// What is granted, with what the plan grants.
    grants: Grants,
    updates: Vec<Update>,
    swaps: Vec<Swap>,
}

/// One version that takes the place of another, as far as it has come.
struct Swap {
    candidate: Candidate,
    /// The instances that are to end; new calls wait for them if they are held.
    running: Vec<Arc<Running>>,
    held: Option<Held>,
    has_state: bool,
    carried: CarriedOver,
}

impl Inner {
    /// Carries a plan out, on this thread.
    pub(super) fn switch(self: &Arc<Self>, plan: &Plan, options: &UpdateOptions) -> Result<Applied, UpdateError> {
        let store = &self.store()?.clone().with_audit(StoreRecords(self.auditor.clone()));
        let (ledger, mut grants) = (store.ledger()?, self.grants()?);
        if !plan.grants.is_empty() && self.grants_file().is_none() {
            return Err(UpdateError::NoGrantsFile);
        }
        plan.grant(&mut grants);
        let (updates, swaps) = (Vec::new(), Vec::new());
        let mut switch = Switch { inner: self, store, ledger, plan, options, grants, updates, swaps };
        let done =
            store.apply_if(plan, &self.authority.verifier(), options.keep, |candidates| switch.prepare(candidates));
        match done {
            Ok(done) => switch.complete(done.leftovers),
            Err(error) => {
                switch.undo(&error);
                Err(error)
            }
        }
    }
}

impl Switch<'_> {
    /// Brings everything to the point from which on only the ledger is to be replaced.
    fn prepare(&mut self, candidates: &[Candidate]) -> Result<(), UpdateError> {
        for candidate in candidates {
            self.updates.extend(Update::of_candidate(self.store, &self.ledger, candidate)?);
        }
        self.options.consent.clone().with_grants_of(self.plan).check(&self.updates)?;
        let replacing = |candidate: &&Candidate| candidate.from.as_ref().is_some_and(|from| *from != candidate.to);
        let replacing: Vec<_> = candidates.iter().filter(replacing).collect();
        let (inner, grants) = (self.inner, self.grants.clone());
        let peers = Arc::<Peers>::default();
        let trials = replacing.iter().map(|candidate| Trial::load(inner, candidate, &grants, &peers));
        let trials: Vec<_> = trials.collect::<Result<_, _>>()?;
        // Dependencies come first in a plan. Who calls them is drained before them: its calls under way may need them.
        for candidate in replacing.iter().rev() {
            self.settle(candidate)?;
        }
        let tried = trials.iter().enumerate().try_for_each(|(at, trial)| {
            let is_called = trials[at + 1..].iter().any(|later| later.calls(trial));
            self.try_out(trials.len() - 1 - at, trial, is_called)
        });
        block_on(peers.end());
        tried?;
        let Some(states) = &self.inner.settings.state else { return Ok(()) };
        for Swap { candidate, carried, .. } in &self.swaps {
            let current = block_on(carried.check_current(&**states));
            current.map_err(|error| UpdateError::store_of_state(&candidate.plugin, &candidate.to, error))?;
        }
        Ok(())
    }

    /// Brings the old version to rest, if it has a state.
    fn settle(&mut self, candidate: &Candidate) -> Result<(), UpdateError> {
        self.tell(candidate, UpdateStage::Draining);
        let (running, held, has_state) = (Vec::new(), None, false);
        let carried = CarriedOver::default();
        self.swaps.push(Swap { candidate: candidate.clone(), running, held, has_state, carried });
        let Some(states) = self.inner.settings.state.clone() else { return Ok(()) };
        if self.has_state(&*states, candidate)? {
            self.last().has_state = true;
            self.drain(candidate)?;
        }
        Ok(())
    }

    /// Has the new version take the state over, and tells whether it is fit to take the old one's place.
    fn try_out(&mut self, swap: usize, trial: &Trial<'_>, is_called: bool) -> Result<(), UpdateError> {
        let Swap { candidate, has_state, .. } = &self.swaps[swap];
        let (candidate, has_state) = (candidate.clone(), *has_state);
        // Who goes back finds its state as it was.
        if candidate.action == Action::Downgrade {
            return Ok(());
        }
        let states = self.inner.settings.state.clone();
        if let Some(states) = states.as_ref().filter(|_| has_state) {
            self.tell(&candidate, UpdateStage::Migrating);
            let old_owner = candidate.from.as_ref().and_then(|from| self.owner_of(&candidate.plugin, from));
            self.swaps[swap].carried = block_on(trial.take_over(states, old_owner))?;
        }
        self.tell(&candidate, UpdateStage::Checking);
        block_on(trial.check(states, is_called))
    }

    fn last(&mut self) -> &mut Swap {
        let last = self.swaps.len() - 1;
        &mut self.swaps[last]
    }

    /// Whether the plugin has a state; where it has none so far, no instance that runs can begin to have one any more.
    fn has_state(&mut self, states: &dyn StateStore, candidate: &Candidate) -> Result<bool, UpdateError> {
        let Candidate { plugin, to, .. } = candidate;
        let listing = block_on(states.list(plugin)).map_err(|error| UpdateError::store_of_state(plugin, to, error))?;
        if !listing.entries.is_empty() || !listing.unreadable.is_empty() {
            return Ok(true);
        }
        let running = self.inner.instances.of(plugin);
        let is_unused = running.iter().all(|running| running.fence.close_if_unused());
        // Whatever was closed is opened again if nothing comes of it.
        self.last().running = running;
        Ok(!is_unused)
    }

    /// Has new calls wait, those under way end, and saves refused from then on.
    fn drain(&mut self, candidate: &Candidate) -> Result<(), UpdateError> {
        let (plugin, start) = (&candidate.plugin, Instant::now());
        let busy = |calls| UpdateError::StillBusy { plugin: plugin.clone(), calls, waited: start.elapsed() };
        let held = Instances::hold(self.inner, plugin).ok_or_else(|| busy(0))?;
        let running = block_on(held.running());
        let swap = self.last();
        swap.running.clone_from(&running);
        swap.held = Some(held);
        for running in &running {
            if !running.pause(self.options.drain.saturating_sub(start.elapsed())) {
                return Err(busy(running.callers()));
            }
        }
        running.iter().for_each(|running| running.fence.close());
        Ok(())
    }

    fn owner_of(&self, plugin: &PluginId, version: &apex_meta::PluginVersion) -> Option<Owner> {
        self.ledger.installed(plugin, version).map(Installed::owner)
    }

    /// The new versions count: the old instances end, and the calls that wait go to the new ones.
    fn complete(self, leftovers: Vec<InstallError>) -> Result<Applied, UpdateError> {
        // Who dies in between has a plugin that may do less.
        let granted = self.grant();
        let limits = &self.inner.settings.limits;
        for running in self.swaps.iter().flat_map(|swap| &swap.running) {
            self.inner.instances.dismiss(running);
            running.retire(limits);
        }
        let rescanned = self.inner.rescan();
        for swap in &self.swaps {
            self.tell(&swap.candidate, UpdateStage::Done);
        }
        let states = self.swaps.iter().map(|swap| swap.carried.len()).sum();
        rescanned.map_err(UpdateError::Rescan)?;
        granted.map_err(UpdateError::NotGranted)?;
        Ok(Applied { updates: self.updates, states, leftovers })
    }

    /// Writes down what the plan grants.
    fn grant(&self) -> Result<(), GrantsError> {
        let Some(file) = self.inner.grants_file().filter(|_| !self.plan.grants.is_empty()) else { return Ok(()) };
        let add = |grants: &mut Grants| {
            self.plan.grant(grants);
            Ok::<_, GrantsError>(())
        };
        Grants::edit(file, add)?;
        for PlannedGrant { plugin, owner, permission, .. } in &self.plan.grants {
            let subject = Subject::of_id(plugin.clone());
            let (owner, permission) = (owner.to_string(), permission.to_string());
            self.inner.auditor.record(Happening::Grant { subject, owner, permission, granted: true });
        }
        Ok(())
    }

    /// Code and state are as they were; the calls that wait go to the old instances.
    fn undo(self, error: &UpdateError) {
        let reason = error.to_reason();
        for swap in self.swaps.iter().rev() {
            self.tell(&swap.candidate, UpdateStage::Failed(reason.clone()));
        }
        for Swap { candidate, running, held, carried, .. } in self.swaps.into_iter().rev() {
            if let Some(states) = &self.inner.settings.state
                && let Err(error) = block_on(carried.undo(&**states))
            {
                // The old version's own state is untouched, and the next attempt makes the copies anew.
                let (plugin, version) = (&candidate.plugin, &candidate.to);
                tracing::error!(%plugin, %version, error = &error as &dyn std::error::Error, "copies of the state are left");
            }
            for running in &running {
                running.fence.open();
                running.resume();
            }
            drop(held);
        }
    }

    fn tell(&self, candidate: &Candidate, stage: UpdateStage) {
        let Some(from) = candidate.from.clone() else { return };
        let (plugin, to) = (candidate.plugin.clone(), candidate.to.clone());
        tracing::info!(%plugin, %from, %to, %stage, "one version takes the place of another");
        self.inner.events.send(Event::Update { plugin, from, to, stage });
    }
}

/// What the store records, on its way to the manager's sink, which counts what it could not keep.
struct StoreRecords(Auditor);

impl AuditSink for StoreRecords {
    fn append(&self, record: &Record) -> Result<(), AuditError> {
        self.0.record(record.happening.clone());
        Ok(())
    }
}

/// How long an automatic switch lets calls take to end.
pub(super) const UNATTENDED_DRAIN: Duration = Duration::from_secs(30);
