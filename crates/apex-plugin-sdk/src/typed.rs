//! What the code that `#[plugin]` writes needs of the SDK.

use apex_meta::ErrorKind;
use futures::{Stream, StreamExt as _};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Error, Reply, Result, ResultExt as _, reply};

/// A result of the declared type, ready to cross.
#[doc(hidden)]
pub fn answer<T: Serialize>(value: T) -> Result<Reply> {
    reply(value)
}

/// A stream of values that cannot fail as one of results.
#[doc(hidden)]
pub fn infallible<T>(stream: impl Stream<Item = T>) -> impl Stream<Item = Result<T>> {
    stream.map(Ok)
}

/// The error for an action that answers otherwise than by a stream, or not at all.
#[doc(hidden)]
pub fn no_stream(action: &str) -> Error {
    Error::new(ErrorKind::StreamingNotSupported, format!("action `{}` does not stream", action.escape_debug()))
}

/// A migrated state as it is saved.
#[doc(hidden)]
pub fn migrated<T: Serialize>(state: Option<T>) -> Result<Option<Value>> {
    let state = state.map(serde_json::to_value).transpose();
    state.context("the migrated state cannot be written as JSON").with_kind(ErrorKind::StateIo)
}

/// What can be kept as state.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept as state: a state derives `Serialize`, `Deserialize` and `Default`",
    label = "not a state"
)]
pub trait StateType: Serialize + DeserializeOwned + Default + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Default + Send + 'static> StateType for T {}

/// Compiles only for what can be kept as state.
#[doc(hidden)]
pub fn assert_state<T: StateType>() {}
