//! Whom to trust at this moment: the verifier of the present trust store, which may change while plugins run.

use std::{
    ffi::OsString,
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};

use apex_meta::{Document, Reason};
use apex_trust::{History, Policy, TrustStore, Verified, Verifier};

use crate::witness::Witness;

/// What the time is taken from.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Whom to trust at this moment.
pub(crate) struct Authority {
    policy: Policy,
    witness: Arc<Witness>,
    clock: Clock,
    environment: Vec<OsString>,
    present: RwLock<Present>,
    /// Counts the trust stores, so that a call sees with one look whether there was a change since the last one.
    generation: AtomicU64,
}

struct Present {
    verifier: Verifier,
    /// Why the file that holds the trust store cannot be read any more.
    fault: Option<Reason>,
}

impl Authority {
    pub(crate) fn new(store: TrustStore, policy: Policy, history: Arc<dyn History>, clock: Clock) -> Self {
        let witness = Arc::new(Witness::new(history));
        let verifier = verifier(store, policy, &witness, &clock);
        let present = RwLock::new(Present { verifier, fault: None });
        Self { policy, witness, clock, environment: Vec::new(), present, generation: AtomicU64::new(1) }
    }

    /// Tells the names of the variables that code in this process is exposed to.
    pub(crate) fn with_environment(mut self, names: Vec<OsString>) -> Self {
        let present = self.present.get_mut().unwrap_or_else(PoisonError::into_inner);
        present.verifier = present.verifier.clone().with_environment(&names);
        self.environment = names;
        self
    }

    /// The verifier of the present trust store; it goes by that one whatever comes later.
    pub(crate) fn verifier(&self) -> Verifier {
        self.read().verifier.clone()
    }

    /// Verifies a plugin that is to be loaded.
    ///
    /// While the trust store cannot be read, nothing new is accepted: what cannot be read may be a revocation.
    pub(crate) fn verify(
        &self,
        path: &Path,
        document: &Document,
        is_dev: bool,
        siblings_signed: bool,
    ) -> Result<Verified, Reason> {
        let (verifier, fault) = {
            let present = self.read();
            (present.verifier.clone(), present.fault.clone())
        };
        let verified = verifier.verify(path, document, is_dev, siblings_signed).map_err(|error| error.to_reason())?;
        if let Some(fault) = fault {
            return Err(fault);
        }
        self.witness.saw(&verified);
        Ok(verified)
    }

    /// Which trust store counts, in the series of one manager.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Goes by another trust store from now on.
    pub(crate) fn replace(&self, store: TrustStore) {
        let verifier = verifier(store, self.policy, &self.witness, &self.clock).with_environment(&self.environment);
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Present { verifier, fault: None };
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Accepts nothing new until there is a trust store again; says whether that is news.
    pub(crate) fn suspend(&self, fault: &Reason) -> bool {
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        let is_news = present.fault.as_ref() != Some(fault);
        present.fault = Some(fault.clone());
        is_news
    }

    /// Whether nothing new is accepted at present.
    pub(crate) fn is_suspended(&self) -> bool {
        self.read().fault.is_some()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Present> {
        self.present.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn verifier(store: TrustStore, policy: Policy, witness: &Arc<Witness>, clock: &Clock) -> Verifier {
    let (clock, witness) = (Arc::clone(clock), Arc::clone(witness));
    Verifier::new(Arc::new(store), policy).with_history(witness).with_clock(move || clock())
}
