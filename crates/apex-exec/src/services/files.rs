//! A plugin's own files, read for it as they were verified.

use std::sync::Arc;

use apex_abi::PluginError;
use apex_meta::ErrorKind;
use apex_trust::{ResourceError, Resources, TreePath, Verified};

use crate::blocking::{Pool, Running};

/// How many reads may wait; those of a child are questions, of which there may be as many.
const MAX_WAITING: usize = 1024;

/// Whatever reads files for one plugin in one process.
///
/// One file is read at a time, on a thread of its own: the caller may be an asynchronous worker, and however many are asked
/// for, not more than one is held.
pub(crate) struct Reader(Pool);

impl Default for Reader {
    fn default() -> Self {
        Self(Pool::new(1, MAX_WAITING))
    }
}

/// A plugin's own files.
pub(crate) struct Files {
    resources: Option<Arc<Resources>>,
    max_bytes: u64,
    /// For the plugin in this process; each child has one of its own, so that one that does not take its answers keeps no
    /// other from them.
    reader: Reader,
}

impl Files {
    /// The files of a plugin that was verified; one that is linked in has none.
    pub(crate) fn of(verified: Option<&Verified>, max_bytes: usize) -> Self {
        let resources = verified.map(|verified| Arc::clone(verified.resources()));
        let max_bytes = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        Self { resources, max_bytes, reader: Reader::default() }
    }

    /// Reads a file as soon as it has its turn.
    ///
    /// # Errors
    /// `ResourceNotFound` for what is no path of a file of the plugin's, `ResourceLimit` if too much waits already; and
    /// what the reading itself ends in.
    pub(crate) fn read(&self, path: &str) -> Result<Running<Result<Vec<u8>, PluginError>>, PluginError> {
        let read = self.reading(path)?;
        self.reader.0.run(read)
    }

    /// Does the same for a child: once `may_go_on` says so, `then` gets the bytes.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    #[cfg(target_os = "linux")]
    pub(crate) fn read_then(
        &self,
        path: &str,
        reader: &Reader,
        may_go_on: impl FnOnce() -> bool + Send + 'static,
        then: impl FnOnce(Result<Vec<u8>, PluginError>) + Send + 'static,
    ) -> Result<(), PluginError> {
        let read = self.reading(path)?;
        let work = move || {
            if may_go_on() {
                then(read());
            }
        };
        reader.0.run(work).map(drop)
    }

    fn reading(&self, path: &str) -> Result<impl FnOnce() -> Result<Vec<u8>, PluginError> + Send + use<>, PluginError> {
        let Some(resources) = self.resources.clone() else {
            let message = "the plugin is linked into its host and has no files of its own; `include_bytes!` embeds one";
            return Err(PluginError::new(ErrorKind::ResourceNotFound, message));
        };
        let path: TreePath = path.parse().map_err(|fault: apex_trust::InvalidPath| {
            PluginError::new(ErrorKind::ResourceNotFound, "that is no path of a plugin's file").caused_by(&fault)
        })?;
        let max_bytes = self.max_bytes;
        Ok(move || resources.read(&path, max_bytes).map_err(|error| told(&error)))
    }
}

fn told(error: &ResourceError) -> PluginError {
    let kind = match error {
        ResourceError::Changed { .. } => ErrorKind::ResourceChanged,
        ResourceError::TooLarge { .. } => ErrorKind::ResourceLimit,
        _ => ErrorKind::ResourceNotFound,
    };
    let told = PluginError::new(kind, error.to_string());
    match std::error::Error::source(error) {
        Some(cause) => told.caused_by(cause),
        None => told,
    }
}
