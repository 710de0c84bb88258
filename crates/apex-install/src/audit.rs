//! What changes of a store come to, for whoever keeps records.

use apex_audit::{AuditError, Happening, Record, Subject};
use apex_meta::{PluginId, Reason};

use crate::{InstallError, Installed, Ledger, Step, Store};

impl Store {
    /// Records what one ledger has that the other had not; gives what could not be recorded.
    pub(crate) fn record(&self, before: &Ledger, after: &Ledger) -> Vec<AuditError> {
        happenings(before, after).into_iter().filter_map(|happening| self.keep(happening).err()).collect()
    }

    /// Records that a package was refused when it was looked at, and not before: somebody announced it as something else.
    pub(crate) fn record_refusal(&self, step: &Step, error: &InstallError) {
        if matches!(error, InstallError::Io { .. }) {
            return;
        }
        let mut subject = Subject::of_id(step.plugin.clone()).with_digest(step.digest);
        subject.version.clone_from(&step.to);
        let Reason { code, message, .. } = error.reason();
        if let Err(error) = self.keep(Happening::Block { subject, code: code.into_owned(), message }) {
            tracing::error!(%error, plugin = %step.plugin, "that a package was refused could not be recorded");
        }
    }

    fn keep(&self, happening: Happening) -> Result<(), AuditError> {
        match self.audit() {
            Some(sink) => sink.append(&Record { at: self.clock(), happening }),
            None => Ok(()),
        }
    }
}

/// What happened between two ledgers: what became active, and whose files are gone.
fn happenings(before: &Ledger, after: &Ledger) -> Vec<Happening> {
    let mut happenings = Vec::new();
    for (plugin, tree) in after.active() {
        let was = before.get(plugin).and_then(|record| record.active_tree());
        let subject = subject(after, plugin, tree);
        match was {
            // The same files, put there at the same time.
            Some(was) if was == tree => {}
            Some(was) if was.version != tree.version => {
                happenings.push(Happening::Update { subject, from: Some(was.version.clone()) });
            }
            _ => happenings.push(Happening::Install { subject, source: tree.source.clone() }),
        }
    }
    for (plugin, record) in before.plugins() {
        let gone = record.installed.iter().filter(|tree| after.installed(plugin, &tree.version).is_none());
        happenings.extend(gone.map(|tree| Happening::Remove { subject: subject(before, plugin, tree) }));
    }
    happenings
}

fn subject(ledger: &Ledger, plugin: &PluginId, tree: &Installed) -> Subject {
    let seen = ledger.get(plugin).and_then(|record| record.seen(&tree.version));
    let key_id = seen.and_then(|seen| seen.key_id).map(|key| key.to_string());
    Subject::new(plugin.clone(), tree.version.clone())
        .with_digest(Some(tree.digest))
        .with_signer(tree.publisher.clone(), key_id)
}
