//! The trait that a plugin's author implements.

use std::sync::Arc;

use apex_meta::ErrorKind;
use async_trait::async_trait;
use serde_json::Value;

use crate::{Chunks, Context, Description, Error, Host, Params, Reply, Result};

/// A plugin: one value for the life of an instance, which may answer many calls at once.
///
/// [`#[plugin]`](macro@crate::plugin) implements it out of typed functions; this is what stands underneath, for those who want no
/// macro.
///
/// A panic in any of this, in a future or stream or in the drop of one, becomes an error of the call; the instance
/// lives on. Write `#[async_trait]` over the `impl`.
#[async_trait]
pub trait Plugin: Sized + Send + Sync + 'static {
    /// Makes the plugin, ready to answer; the configuration is in the host's hands.
    ///
    /// # Errors
    /// When it cannot become ready; then no action is called.
    async fn initialize(host: &Host) -> Result<Self>;

    /// Runs an action that has one result.
    ///
    /// # Errors
    /// Whatever the action fails with, [`Error::action_not_found`] for a name that it does not know.
    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        let _ = (params, context);
        Err(Error::action_not_found(action))
    }

    /// Starts an action that answers with a stream.
    ///
    /// The stream may hold the plugin and the context; both come by value for that.
    ///
    /// # Errors
    /// When the stream cannot start; later errors are items of the stream.
    async fn execute_stream(self: Arc<Self>, action: &str, params: Params, context: Context) -> Result<Chunks> {
        let _ = (params, context);
        let message = format!("action `{}` does not stream", action.escape_debug());
        Err(Error::new(ErrorKind::StreamingNotSupported, message))
    }

    /// Turns the state that version `from` of this plugin saved into one that this version reads.
    ///
    /// Nothing means that there is no migration from there; then the host's rule for such states holds.
    ///
    /// # Errors
    /// When there is a migration and it fails.
    async fn migrate_state(from: &str, state: Value) -> Result<Option<Value>> {
        let _ = (from, state);
        Ok(None)
    }

    /// Ends the plugin, when no call is under way any more.
    ///
    /// # Errors
    /// When something could not be ended well; the plugin is dropped nonetheless.
    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    /// What the plugin says about itself, for its `plugin.json`; [`#[plugin]`](macro@crate::plugin) writes it.
    ///
    /// Nothing means that `plugin.json` is written by hand.
    fn describe() -> Option<Description> {
        None
    }
}
