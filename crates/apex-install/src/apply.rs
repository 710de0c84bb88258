//! Carries plans out.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_audit::AuditError;
use apex_meta::{Digest, PluginId, PluginVersion};
use apex_trust::{Acceptance, Subject, TrustError, Verifier};

use crate::{
    Action, InstallError, Installed, Ledger, Package, Plan, Record, Step, Store,
    journal::Place,
    transaction::{NewTree, Transaction},
};

mod checks;

pub(crate) use checks::compare;
use checks::{check_republished, check_rollback, mismatch};

/// What became of a plan that was carried out.
#[derive(Debug)]
#[non_exhaustive]
pub struct Done {
    /// The ledger from now on.
    pub ledger: Ledger,
    /// What could not be cleaned up afterwards; the next change of the store tries again.
    pub leftovers: Vec<InstallError>,
    /// What happened and could not be recorded.
    pub unrecorded: Vec<AuditError>,
}

/// A package that was unpacked, compared with the plan, and accepted by the policy.
struct Accepted {
    package: Package,
    acceptance: Acceptance,
}

/// A version that is about to become active: it was unpacked and accepted, or stands in the store already.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Candidate {
    /// The plugin.
    pub plugin: PluginId,
    /// The version that is active before, if any.
    pub from: Option<PluginVersion>,
    /// The version.
    pub to: PluginVersion,
    /// What becomes of the plugin.
    pub action: Action,
    /// The trusted publisher who signed it, if one did.
    pub publisher: Option<String>,
    /// The digest of its files.
    pub digest: Digest,
    /// The length of its files together, in bytes.
    pub bytes: u64,
    /// Where its tree stands at present.
    pub directory: PathBuf,
}

/// What a transaction will put into its place and write.
struct Prepared {
    trees: Vec<NewTree>,
    ledger: Ledger,
    candidates: Vec<Candidate>,
}

impl Store {
    /// Carries a plan out, all of it or nothing.
    ///
    /// Every package is unpacked and verified first; then the trees are put into their places, and one replacement of
    /// the ledger makes them count. Of each plugin that the plan touches, `keep` trees beside the active one are kept,
    /// those that were active last; the others are removed.
    ///
    /// # Errors
    /// The store was changed since the plan was made; a package is not what the plan says, or is refused; the disk
    /// fails. The store is then as it was.
    pub fn apply(&self, plan: &Plan, verifier: &Verifier, keep: usize) -> Result<Done, InstallError> {
        self.apply_if(plan, verifier, keep, |_| Ok(()))
    }

    /// As [`apply`](Self::apply), if `approve` has nothing against it: it is asked when everything is unpacked and
    /// verified and nothing counts yet, with what is about to become active.
    ///
    /// Nobody else changes the store meanwhile, so what is tried out then is what becomes active; and whoever is killed
    /// then has changed nothing that counts.
    ///
    /// # Errors
    /// As [`apply`](Self::apply), and whatever `approve` returns. The store is then as it was.
    pub fn apply_if<E: From<InstallError>>(
        &self,
        plan: &Plan,
        verifier: &Verifier,
        keep: usize,
        approve: impl FnOnce(&[Candidate]) -> Result<(), E>,
    ) -> Result<Done, E> {
        let transaction = self.begin()?;
        let prepared = self.prepare(&transaction, plan, verifier, keep).map_err(E::from).and_then(|prepared| {
            approve(&prepared.candidates)?;
            Ok(prepared)
        });
        match prepared {
            Ok(Prepared { trees, ledger, .. }) => Ok(self.commit(transaction, &trees, ledger)?),
            Err(error) => {
                transaction.abandon();
                Err(error)
            }
        }
    }

    /// Unpacks and verifies, and says what the ledger will be; nothing that counts is touched.
    fn prepare(
        &self,
        transaction: &Transaction<'_>,
        plan: &Plan,
        verifier: &Verifier,
        keep: usize,
    ) -> Result<Prepared, InstallError> {
        if transaction.before.generation() != plan.generation {
            return Err(InstallError::PlanOutdated);
        }
        let verifier = verifier.clone().with_history(Arc::new(transaction.before.clone()));
        let mut ledger = transaction.before.clone();
        let (mut trees, mut candidates) = (Vec::new(), Vec::new());
        for (number, step) in plan.steps.iter().enumerate() {
            check_rollback(&transaction.before, step)?;
            if let Some(archive) = &step.package {
                let staged = transaction.staging(number);
                let accepted = self
                    .accept(step, archive, &staged, &verifier)
                    .and_then(|accepted| {
                        check_republished(&transaction.before, step, &accepted.package).map(|()| accepted)
                    })
                    .inspect_err(|error| self.record_refusal(step, error))?;
                self.note(&mut ledger, step, &accepted);
                // Its text may have other build metadata than the plan's.
                let version = accepted.package.document.version().clone();
                candidates.extend(candidate(&ledger, step, staged.clone()));
                trees.push(NewTree { staged, place: Place { plugin: step.plugin.clone(), version } });
            } else if let Some(to) = &step.to {
                candidates.extend(candidate(&ledger, step, self.tree(&step.plugin, to)));
            }
            self.activate(&mut ledger, step)?;
        }
        note_grants(&mut ledger, plan);
        for plugin in &plan.requested {
            ledger.record_mut(plugin).requested = true;
        }
        for step in &plan.steps {
            forget_surplus(ledger.record_mut(&step.plugin), keep);
        }
        Ok(Prepared { trees, ledger, candidates })
    }

    /// Writes something into the ledger that is about no tree.
    pub(crate) fn note_in_ledger(
        &self,
        change: impl FnOnce(&mut Ledger) -> Result<(), InstallError>,
    ) -> Result<Done, InstallError> {
        let transaction = self.begin()?;
        let mut ledger = transaction.before.clone();
        match change(&mut ledger) {
            Ok(()) if ledger == transaction.before => {
                Ok(Done { ledger, leftovers: Vec::new(), unrecorded: Vec::new() })
            }
            Ok(()) => self.commit(transaction, &[], ledger),
            Err(error) => {
                transaction.abandon();
                Err(error)
            }
        }
    }

    /// Removes trees of versions that are not active: of each plugin, `keep` are kept, those that were active last.
    ///
    /// # Errors
    /// The disk fails; the store is then as it was.
    pub fn collect(&self, keep: usize) -> Result<Done, InstallError> {
        let transaction = self.begin()?;
        let mut ledger = transaction.before.clone();
        let plugins: Vec<_> = ledger.plugins().map(|(plugin, _)| plugin.clone()).collect();
        for plugin in &plugins {
            forget_surplus(ledger.record_mut(plugin), keep);
        }
        if ledger == transaction.before {
            return Ok(Done { ledger, leftovers: Vec::new(), unrecorded: Vec::new() });
        }
        self.commit(transaction, &[], ledger)
    }

    fn commit(&self, transaction: Transaction<'_>, trees: &[NewTree], ledger: Ledger) -> Result<Done, InstallError> {
        let before = transaction.before.clone();
        let (ledger, leftovers) = transaction.commit(trees, ledger)?;
        let unrecorded = self.record(&before, &ledger);
        for leftover in &leftovers {
            tracing::warn!(%leftover, store = %self.root().display(), "not all could be cleaned up");
        }
        Ok(Done { ledger, leftovers, unrecorded })
    }

    /// Unpacks a package, and verifies that it is what the plan says and that the policy takes it.
    fn accept(
        &self,
        step: &Step,
        archive: &Path,
        staged: &Path,
        verifier: &Verifier,
    ) -> Result<Accepted, InstallError> {
        let refused = |source| InstallError::Archive { path: archive.to_owned(), source };
        self.disk().unpack(archive, staged).map_err(refused)?;
        let package = Package::of_tree(archive, staged)?;
        compare(step, &package)?;
        let examination = verifier.examine(staged, &package.document);
        let subject = Subject { document: &package.document, examination: &examination, dev_root: false };
        let acceptance = match verifier.judge(&[subject]).pop() {
            Some(judgement) => judgement.outcome?,
            None => return Err(TrustError::MissingChecksum { id: step.plugin.clone() }.into()),
        };
        let or_none = |publisher: &Option<String>| publisher.clone().unwrap_or_else(|| "nobody".to_owned());
        if acceptance.publisher != step.publisher {
            return Err(mismatch(step, "signer", or_none(&step.publisher), or_none(&acceptance.publisher)));
        }
        self.disk().seal(staged).map_err(InstallError::io("seal", staged))?;
        Ok(Accepted { package, acceptance })
    }

    fn note(&self, ledger: &mut Ledger, step: &Step, accepted: &Accepted) {
        let Accepted { package, acceptance } = accepted;
        let tree = Installed {
            version: package.document.version().clone(),
            digest: package.digest,
            publisher: acceptance.publisher.clone(),
            source: package.path.to_string_lossy().into_owned(),
            bytes: package.files_bytes,
            at: self.now(),
        };
        ledger.record_mut(&step.plugin).add(tree, package.manifest, acceptance.key_id);
    }

    fn activate(&self, ledger: &mut Ledger, step: &Step) -> Result<(), InstallError> {
        let record = ledger.record_mut(&step.plugin);
        match &step.to {
            Some(version) if record.installed(version).is_none() => {
                Err(InstallError::NotInstalled { what: format!("{} {version}", step.plugin) })
            }
            Some(version) => {
                record.activate(Some(version), self.now(), &step.because);
                Ok(())
            }
            None if record.active.is_some() && record.active == step.from => {
                record.activate(None, self.now(), &step.because);
                record.installed.clear();
                record.requested = false;
                Ok(())
            }
            None => {
                record.installed.retain(|tree| Some(&tree.version) != step.from.as_ref());
                Ok(())
            }
        }
    }
}

/// Notes what is granted to what becomes active, and with this plan to what is active already.
fn note_grants(ledger: &mut Ledger, plan: &Plan) {
    for step in &plan.steps {
        let record = ledger.record_mut(&step.plugin);
        if step.to.is_some() {
            record.granted = step.granted.iter().cloned().collect();
        } else if record.active.is_none() {
            record.granted.clear();
        }
    }
    for grant in &plan.grants {
        ledger.record_mut(&grant.plugin).granted.insert(grant.permission.clone());
    }
}

/// What a step makes active, once the ledger lists it.
fn candidate(ledger: &Ledger, step: &Step, directory: PathBuf) -> Option<Candidate> {
    let tree = ledger.installed(&step.plugin, step.to.as_ref()?)?;
    Some(Candidate {
        plugin: step.plugin.clone(),
        from: step.from.clone(),
        to: tree.version.clone(),
        action: step.action,
        publisher: tree.publisher.clone(),
        digest: tree.digest,
        bytes: tree.bytes,
        directory,
    })
}

/// Drops trees beside the active one, but for those that were active last; what was seen stays known.
fn forget_surplus(record: &mut Record, keep: usize) {
    let last_active =
        |version: &PluginVersion| record.history.iter().rposition(|happening| happening.to.as_ref() == Some(version));
    let mut others: Vec<_> = record
        .installed
        .iter()
        .map(|tree| &tree.version)
        .filter(|version| record.active.as_ref() != Some(version))
        .cloned()
        .collect();
    others.sort_by_key(|version| std::cmp::Reverse((last_active(version), version.clone())));
    for version in others.into_iter().skip(keep) {
        record.installed.retain(|tree| tree.version != version);
    }
}
