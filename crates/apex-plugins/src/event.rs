//! What happens in the registry and to the plugins, for whoever listens.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use apex_discover::{Catalogue, Change};
use apex_exec::{Lifecycle, ProcessStarted, SlowPoll};
use apex_install::Happening;
use apex_meta::{PluginId, PluginVersion, Reason};
use futures::{Stream, stream::BoxStream};
use tokio::sync::broadcast;

use crate::update::{UpdateInfo, UpdateStage};

/// Something that happened in the registry or to a plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The roots were scanned; this is what is there now.
    Discovered(Arc<Catalogue>),
    /// A plugin was added, changed or removed, or something else became of it, and why.
    ///
    /// Those of one look at the roots come one after the other, then [`Event::Discovered`] with the whole.
    Registry(Change),
    /// An instance went from one state of its life to another.
    Lifecycle {
        /// The plugin.
        plugin: PluginId,
        /// Its version.
        version: PluginVersion,
        /// The state it left; none for a new instance.
        from: Option<Lifecycle>,
        /// The state it is in now.
        to: Lifecycle,
    },
    /// A plugin holds the thread that polls it, or did so until now.
    SlowPoll(SlowPoll),
    /// A child process was started for a plugin.
    ProcessStarted(ProcessStarted),
    /// A damaged state was replaced by its backup.
    StateRecovered {
        /// The plugin whose state it is.
        plugin: PluginId,
        /// What was wrong, and where the damaged file went.
        reason: Reason,
    },
    /// The manager goes by another trust store.
    TrustChanged {
        /// How often that store was saved.
        version: u64,
    },
    /// The file with the trust store cannot be used any more.
    ///
    /// What is loaded goes on, as the last store that could be read lets it; nothing new is accepted until the file can be
    /// read again, for what cannot be read may be a revocation.
    TrustUnreadable {
        /// What is wrong with it.
        reason: Reason,
    },
    /// A loaded plugin is trusted no more: new calls are refused, those under way may end within a few seconds.
    TrustWithdrawn {
        /// The plugin.
        plugin: PluginId,
        /// Its version.
        version: PluginVersion,
        /// What is held against it, such as `KeyRevoked`.
        reason: Reason,
        /// How many calls are under way.
        in_flight: u64,
    },
    /// A plugin that is trusted no more has ended.
    StoppedUntrusted {
        /// The plugin.
        plugin: PluginId,
        /// Its version.
        version: PluginVersion,
        /// What was held against it.
        reason: Reason,
        /// The actions of the calls that were cut off.
        cut: Vec<String>,
        /// The actions of the calls that could not be ended, such as a blocking one that never returns.
        leftovers: Vec<String>,
    },
    /// A version takes the place of another, and has come so far.
    Update {
        /// The plugin.
        plugin: PluginId,
        /// The version that was active before.
        from: PluginVersion,
        /// The version that becomes active.
        to: PluginVersion,
        /// How far it has come.
        stage: UpdateStage,
    },
    /// A plugin was installed, updated, rolled back or removed, by this host or by another program.
    ///
    /// Read from the ledger of the store when the roots are looked at, so that a host which
    /// [watches](crate::Builder::watch) them is told of what others do. How another program comes to it, stage by
    /// stage, nobody but that program knows.
    StoreChanged {
        /// The plugin.
        plugin: PluginId,
        /// What happened, as the ledger has it: from which version to which, when, and why.
        happening: Happening,
    },
    /// There is a newer version of an installed plugin.
    UpdateAvailable(Box<UpdateInfo>),
    /// A new version crashed too often soon after it became active, and the version before it is active again.
    RolledBack {
        /// The plugin.
        plugin: PluginId,
        /// The version that crashed.
        from: PluginVersion,
        /// The version that is active now.
        to: PluginVersion,
        /// How it crashed.
        crashes: String,
    },
    /// A record could not be kept by the audit sink.
    AuditFailed {
        /// Why.
        reason: Reason,
    },
    /// The listener was too slow, and this many events before the next one are lost to it.
    Missed(u64),
}

/// How many events a slow listener may lag behind before it misses some.
const BUFFERED: usize = 1024;

/// Where events are sent to.
#[derive(Clone)]
pub(crate) struct Events(broadcast::Sender<Event>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::Sender::new(BUFFERED))
    }
}

impl Events {
    pub(crate) fn send(&self, event: Event) {
        // An error only says that nobody listens.
        let _ = self.0.send(event);
    }

    pub(crate) fn subscribe(&self) -> EventStream {
        let events = futures::stream::unfold(self.0.subscribe(), |mut receiver| async move {
            match receiver.recv().await {
                Ok(event) => Some((event, receiver)),
                Err(broadcast::error::RecvError::Lagged(count)) => Some((Event::Missed(count), receiver)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        });
        EventStream(Box::pin(events))
    }
}

/// The events from the moment of subscription on; a slow listener misses some and is told how many.
pub struct EventStream(BoxStream<'static, Event>);

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.as_mut().poll_next(context)
    }
}
