//! Plugins that crashed too often: noted for good, and let run again by hand.

use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use apex_discover::{Overrides, Quarantine};
use apex_exec::CallError;

use crate::{BuildError, EnableError, PluginManager, PluginSpec, background, instances::InstanceKey, manager::Inner};

/// What a manager knows of quarantines beside what its file says.
#[derive(Default)]
pub(crate) struct Notes {
    /// What the file said at the last scan.
    seen: Mutex<Vec<Quarantine>>,
    /// The threads that write to the file.
    writing: Mutex<Vec<JoinHandle<()>>>,
}

impl Notes {
    /// Remembers what the file says.
    pub(crate) fn saw(&self, overrides: &Overrides) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = overrides.quarantined().cloned().collect();
    }

    fn has_changed(&self, overrides: &Overrides) -> bool {
        !self.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().eq(overrides.quarantined())
    }

    /// Waits until everything is written.
    pub(crate) async fn settle(&self) {
        let writing = std::mem::take(&mut *self.writing.lock().unwrap_or_else(PoisonError::into_inner));
        if writing.is_empty() {
            return;
        }
        let wait = move || writing.into_iter().for_each(|thread| drop(thread.join()));
        if let Err(error) = background::run("apex-quarantine", wait).await {
            tracing::warn!(%error, "what crashed too often may not be noted yet");
        }
    }
}

impl PluginManager {
    /// Lets plugins that crashed too often run again, here and for good; says how many there were.
    ///
    /// [`set_enabled`](Self::set_enabled) does so too. Where another process lets a plugin run again, with the same
    /// overrides file, the next call or scan finds out.
    ///
    /// # Errors
    /// The file cannot be read or written, or the roots cannot be scanned again.
    pub async fn lift_quarantine(&self, spec: &PluginSpec) -> Result<usize, EnableError> {
        let (inner, spec) = (Arc::clone(&self.inner), spec.clone());
        background::run("apex-quarantine", move || inner.lift(&spec))
            .await
            .map_err(|error| EnableError::Rescan(BuildError::Scan(error)))?
    }
}

impl Inner {
    fn lift(&self, spec: &PluginSpec) -> Result<usize, EnableError> {
        let mut lifted = self.instances.lift(spec);
        if let Some(file) = &self.settings.overrides {
            let noted = Overrides::edit(file, |overrides| overrides.lift(&spec.id, spec.specifier.as_ref()));
            lifted = lifted.max(noted.map_err(EnableError::File)?);
        }
        self.rescan().map_err(EnableError::Rescan)?;
        Ok(lifted)
    }

    /// Notes for good that a plugin crashed too often; on a thread of its own, since that may wait for a disk.
    pub(crate) fn note_quarantine(self: &Arc<Self>, key: InstanceKey, error: &CallError) {
        let last = error.causes().next().map(|cause| format!("; at last {cause}")).unwrap_or_default();
        let (inner, message) = (Arc::clone(self), format!("{}{last}", error.message()));
        let note = move || {
            inner.write_quarantine(&key, message.clone());
            inner.end_probation(&key, &message);
        };
        match std::thread::Builder::new().name("apex-quarantine".to_owned()).spawn(note) {
            Ok(thread) => self.quarantines.writing.lock().unwrap_or_else(PoisonError::into_inner).push(thread),
            Err(error) => tracing::error!(%error, "no thread to note that a plugin crashed too often"),
        }
    }

    fn write_quarantine(&self, key: &InstanceKey, message: String) {
        let (Some(file), Some(digest)) = (&self.settings.overrides, key.digest) else { return };
        let quarantine = Quarantine { id: key.id.clone(), version: key.version.clone(), digest, message };
        let written = {
            // No scan may take it for lifted before it is in the file.
            let _turn = self.discovery.lock().unwrap_or_else(PoisonError::into_inner);
            let written = Overrides::edit(file, |overrides| overrides.quarantine(quarantine));
            if written.is_ok() {
                self.instances.noted(key);
            }
            written
        };
        if let Err(error) = written {
            tracing::error!(plugin = %key.id, version = %key.version, %error, "that it crashed too often cannot be noted");
        } else if let Err(error) = self.rescan() {
            tracing::error!(%error, "the roots could not be scanned after a plugin crashed too often");
        }
    }

    /// Scans again if another process changed what is in quarantine; says whether it did.
    pub(crate) fn look_at_quarantines(&self) -> bool {
        let Some(file) = &self.settings.overrides else { return false };
        let has_changed = Overrides::load(file).is_ok_and(|overrides| self.quarantines.has_changed(&overrides));
        has_changed && self.rescan().is_ok()
    }
}
