//! What of an update somebody has to agree to, and who did.

use std::{collections::BTreeMap, fmt};

use apex_meta::{Permission, PluginId, PluginVersion};
use serde::Serialize;

use super::{Update, VersionStep};
use crate::{InstallError, Plan};

/// Something about an update that nobody may take for granted (R5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Concern {
    /// What worked may not work any more.
    MajorVersion,
    /// It asks for more than before.
    NewPermission,
    /// An action is gone, or says something else of itself.
    ChangedAction,
    /// Somebody else answers for it, or nobody does.
    ChangedPublisher,
}

impl Concern {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MajorVersion => "major-version",
            Self::NewPermission => "new-permission",
            Self::ChangedAction => "changed-action",
            Self::ChangedPublisher => "changed-publisher",
        }
    }

    /// The option of `apex update` by which it is agreed to.
    pub const fn option(self) -> &'static str {
        match self {
            Self::MajorVersion => "--allow-major",
            Self::NewPermission => "--grant PERMISSION, or --allow-new-permissions to grant nothing",
            Self::ChangedAction => "--allow-changed-actions",
            Self::ChangedPublisher => "--allow-changed-publisher",
        }
    }
}

impl fmt::Display for Concern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What somebody agreed to; nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Consent {
    /// To versions that may break what worked.
    pub major: bool,
    /// To every new permission, granted or not.
    pub permissions: bool,
    /// To the new permissions of a plugin that one of these covers.
    pub granted: BTreeMap<PluginId, Vec<Permission>>,
    /// To actions that are gone or changed.
    pub actions: bool,
    /// To another publisher, or to none.
    pub publisher: bool,
}

impl Consent {
    /// To everything, as somebody agrees who has seen the whole of it.
    pub fn to_all() -> Self {
        Self { major: true, permissions: true, granted: BTreeMap::new(), actions: true, publisher: true }
    }

    /// The same, and to what is granted with a plan or was before: whoever grants a permission has agreed to it.
    #[must_use]
    pub fn with_grants_of(mut self, plan: &Plan) -> Self {
        let granted = plan.steps.iter().filter(|step| !step.granted.is_empty());
        self.granted.extend(granted.map(|step| (step.plugin.clone(), step.granted.clone())));
        self
    }

    /// What of an update nobody has agreed to.
    pub fn missing(&self, update: &Update) -> Vec<Concern> {
        let is_open = |concern: &Concern| match concern {
            Concern::MajorVersion => !self.major,
            Concern::NewPermission => !self.permissions && !self.grants(update),
            Concern::ChangedAction => !self.actions,
            Concern::ChangedPublisher => !self.publisher,
        };
        update.concerns.iter().copied().filter(is_open).collect()
    }

    /// Asks for agreement to all of these.
    ///
    /// # Errors
    /// [`InstallError::UpdateNotConfirmed`] with everything that nobody has agreed to.
    pub fn check(&self, updates: &[Update]) -> Result<(), InstallError> {
        let open = updates.iter().filter_map(|update| {
            let concerns = self.missing(update);
            let (plugin, from, to) = (update.plugin.clone(), update.from.clone(), update.to.clone());
            (!concerns.is_empty()).then_some(Unconfirmed { plugin, from, to, concerns })
        });
        let open: Vec<_> = open.collect();
        if open.is_empty() { Ok(()) } else { Err(InstallError::UpdateNotConfirmed(open)) }
    }

    /// Whether every new permission is granted.
    fn grants(&self, update: &Update) -> bool {
        let granted = self.granted.get(&update.plugin).map_or(&[] as &[_], Vec::as_slice);
        let is_granted = |asked: &Permission| granted.iter().any(|granted| granted.covers(asked));
        let named = |text: &String| Permission::named(text).is_ok_and(|asked| asked.iter().all(is_granted));
        update.permissions.added.iter().all(named)
    }
}

/// An update with what of it nobody has agreed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Unconfirmed {
    /// The plugin.
    pub plugin: PluginId,
    /// The version that is active.
    pub from: PluginVersion,
    /// The version that would be.
    pub to: PluginVersion,
    /// What is not agreed to.
    pub concerns: Vec<Concern>,
}

impl fmt::Display for Unconfirmed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let concerns: Vec<_> = self.concerns.iter().map(|concern| concern.as_str()).collect();
        write!(f, "{} {} -> {} ({})", self.plugin, self.from, self.to, concerns.join(", "))
    }
}

/// What of an update somebody has to agree to.
pub(super) fn concerns(update: &Update) -> Vec<Concern> {
    let concerns = [
        (Concern::MajorVersion, update.version_step == VersionStep::Major),
        (Concern::NewPermission, !update.permissions.added.is_empty()),
        // Going back, with its own word, leads to what was there before.
        (Concern::ChangedAction, update.version_step != VersionStep::Down && update.actions.is_breaking()),
        (Concern::ChangedPublisher, update.publisher.is_other()),
    ];
    concerns.into_iter().filter_map(|(concern, is_there)| is_there.then_some(concern)).collect()
}
