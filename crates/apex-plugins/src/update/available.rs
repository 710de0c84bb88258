//! What a user interface shows of updates, and what policies do about them (R5.1, R5.2, R5.8).

use std::sync::Arc;

use apex_install::{Outdated, UpdatePolicy};
use apex_meta::PluginVersion;
use serde::Serialize;

use super::{UpdateError, UpdateOptions};
use crate::{PluginManager, PluginSpec, background, event::Event, manager::Inner};

/// An installed plugin that there is a newer version of, and what runs of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UpdateInfo {
    /// What is installed, what there is, and what it would change.
    #[serde(flatten)]
    pub outdated: Outdated,
    /// The versions that run in this process, lowest first.
    pub running: Vec<PluginVersion>,
    /// Whether the policy carries it out unasked.
    pub automatic: bool,
}

impl PluginManager {
    /// Every installed plugin that the sources have a newer version of, with what it would change; each is told by
    /// [`Event::UpdateAvailable`] as well.
    ///
    /// # Errors
    /// The manager has no store, or its ledger, the sources or a package cannot be read.
    pub async fn available_updates(&self) -> Result<Vec<UpdateInfo>, UpdateError> {
        let inner = Arc::clone(&self.inner);
        let found = background::run("apex-update", move || inner.available_updates()).await??;
        for info in &found {
            self.inner.events.send(Event::UpdateAvailable(Box::new(info.clone())));
        }
        Ok(found)
    }

    /// Looks for updates and carries out those that a policy wants at once and that concern nobody; gives the others.
    ///
    /// A host calls it as often as it likes to look. One that fails is told by [`Event::Update`] and in the log, and stops
    /// no other.
    ///
    /// # Errors
    /// As [`available_updates`](Self::available_updates).
    pub async fn follow_update_policies(&self) -> Result<Vec<UpdateInfo>, UpdateError> {
        self.follow_policies(|policy| policy == UpdatePolicy::Immediate).await
    }

    pub(crate) async fn follow_policies(
        &self,
        is_time: impl Fn(UpdatePolicy) -> bool,
    ) -> Result<Vec<UpdateInfo>, UpdateError> {
        let mut waiting = Vec::new();
        for info in self.available_updates().await? {
            if !info.automatic || !is_time(info.outdated.policy) {
                waiting.push(info);
                continue;
            }
            let plugin = PluginSpec::from(info.outdated.id.clone());
            if let Err(error) = self.update(&[plugin], &UpdateOptions::default()).await {
                let (plugin, version) = (&info.outdated.id, &info.outdated.latest);
                tracing::error!(%plugin, %version, error = &error as &dyn std::error::Error, "a plugin cannot be updated");
                waiting.push(info);
            }
        }
        Ok(waiting)
    }
}

impl Inner {
    fn available_updates(&self) -> Result<Vec<UpdateInfo>, UpdateError> {
        let info = |outdated: Outdated| {
            let running = self.instances.of(&outdated.id);
            let mut running: Vec<_> = running.iter().map(|running| running.instance.version().clone()).collect();
            running.sort();
            let automatic = outdated.policy != UpdatePolicy::Manual && outdated.is_automatic();
            UpdateInfo { outdated, running, automatic }
        };
        Ok(self.outdated()?.into_iter().map(info).collect())
    }
}
