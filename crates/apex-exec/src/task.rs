//! Work of the plugin that ends in one value, wherever it runs.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use apex_abi::PluginError;
use apex_meta::ErrorKind;

use crate::{active::Active, blocking::Running};

/// Work of the plugin that ends in one value.
pub(crate) enum Task<F: Future> {
    /// Polled in the caller's own task.
    Here(F),
    /// On a thread of its own.
    Elsewhere(Running<Option<F::Output>>),
}

impl<T, F: Future<Output = Result<T, PluginError>> + Unpin> Task<F> {
    pub(crate) fn poll(&mut self, active: &Active, context: &mut Context<'_>) -> Poll<Result<T, PluginError>> {
        match self {
            Self::Here(future) => active.poll_here(|| Pin::new(future).poll(context)),
            Self::Elsewhere(running) => Pin::new(running).poll(context).map(|result| result?.unwrap_or_else(abandoned)),
        }
    }
}

/// What nobody reads: who abandoned the work does not ask for its result.
pub(crate) fn abandoned<T>() -> Result<T, PluginError> {
    Err(PluginError::new(ErrorKind::Cancelled, "was abandoned"))
}
