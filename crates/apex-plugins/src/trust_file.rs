//! Watches the file that holds the trust store, and takes over what stands in it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Weak,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use apex_files::FileState;
use apex_meta::Reason;
use apex_trust::{TrustStore, TrustStoreError};

use crate::manager::Inner;

/// How often the file is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// The file with what it last held.
#[derive(Debug)]
pub(crate) struct TrustFile {
    path: PathBuf,
    state: FileState,
    /// Whether it was read once more after its state changed: an edit within one tick of the clock leaves none.
    is_settled: bool,
    /// What it last held; none if it was never there.
    held: Option<TrustStore>,
}

impl TrustFile {
    /// Reads the file; one that is not there yet trusts nobody.
    pub(crate) fn open(path: PathBuf) -> Result<(Self, TrustStore), TrustStoreError> {
        // The state first: what changes after it is noticed.
        let state = FileState::of(&path);
        let held = match TrustStore::load(&path) {
            Ok(store) => Some(store),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        let store = held.clone().unwrap_or_default();
        Ok((Self { path, state, is_settled: false, held }, store))
    }

    /// Watches the file on a thread of its own, which ends when the sender that is returned goes.
    pub(crate) fn watch(mut self, manager: Weak<Inner>) -> io::Result<Sender<()>> {
        let (sender, ended): (_, Receiver<()>) = channel();
        let watch = move || {
            while matches!(ended.recv_timeout(PERIOD), Err(RecvTimeoutError::Timeout)) {
                let Some(manager) = manager.upgrade() else { return };
                self.look(&manager);
            }
        };
        std::thread::Builder::new().name("apex-trust-file".to_owned()).spawn(watch)?;
        Ok(sender)
    }

    fn look(&mut self, manager: &std::sync::Arc<Inner>) {
        let state = FileState::of(&self.path);
        let is_same = state == self.state;
        if is_same && self.is_settled {
            return;
        }
        (self.state, self.is_settled) = (state, is_same);
        match TrustStore::load(&self.path) {
            Ok(store) if self.held.as_ref() == Some(&store) && !manager.authority.is_suspended() => {}
            Ok(store) => {
                self.held = Some(store.clone());
                if let Err(error) = manager.apply_trust(store) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "trust has changed, and what is loaded goes by it, but the roots could not be scanned again"
                    );
                }
            }
            // It was never there.
            Err(error) if error.is_not_found() && self.held.is_none() => {}
            Err(error) => manager.suspend_trust(&reason(&self.path, &error)),
        }
    }
}

fn reason(path: &Path, error: &TrustStoreError) -> Reason {
    let mut message = format!("the trust store {} cannot be used: {error}", path.display());
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    let hint = error.hint().unwrap_or_else(|| "mend the file, or put an older one in its place".to_owned());
    Reason::new(error.code(), message).with_hint(hint)
}
