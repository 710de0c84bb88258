//! Which actions changed between two versions, and in what.

use std::fmt;

use apex_meta::{Action, ActionName, Manifest};
use apex_trust::Definitions;
use serde::Serialize;

use crate::InstallError;

/// The actions that differ between two versions, by their pinned definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ActionChanges {
    /// Those that only the new version has.
    pub added: Vec<ActionName>,
    /// Those that only the active version has; a renamed action is one of these and one of the added.
    pub removed: Vec<ActionName>,
    /// Those that say something else of themselves.
    pub changed: Vec<ChangedAction>,
}

/// An action that says something else of itself than it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedAction {
    /// The action.
    pub name: ActionName,
    /// In what it differs.
    pub parts: Vec<ActionPart>,
}

/// A part of what an action says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ActionPart {
    /// What it is for.
    Description,
    /// The schema of its parameters.
    Parameters,
    /// The schema of its result, or whether and what it streams.
    Returns,
    /// What it does to the world: `read_only`, `destructive`, `idempotent`, `open_world`.
    EffectHints,
}

impl ActionPart {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Description => "description",
            Self::Parameters => "parameters",
            Self::Returns => "returns",
            Self::EffectHints => "effect-hints",
        }
    }
}

impl fmt::Display for ActionPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl ActionChanges {
    /// Whether callers who knew the active version may be surprised: something is gone, or is not what it was.
    pub fn is_breaking(&self) -> bool {
        !self.removed.is_empty() || !self.changed.is_empty()
    }

    pub(super) fn between(from: &Manifest, to: &Manifest) -> Result<Self, InstallError> {
        let (old, new) = (Definitions::of(from)?, Definitions::of(to)?);
        let only_in = |one: &Definitions, other: &Definitions| {
            one.actions.keys().filter(|name| !other.actions.contains_key(*name)).cloned().collect()
        };
        let differing =
            old.actions.iter().filter(|(name, digest)| new.actions.get(*name).is_some_and(|d| d != *digest));
        let changed = differing.filter_map(|(name, _)| {
            let of = |manifest: &'_ Manifest| manifest.actions.iter().find(|action| action.name == *name).cloned();
            Some(ChangedAction { name: name.clone(), parts: parts(&of(from)?, &of(to)?) })
        });
        Ok(Self { added: only_in(&new, &old), removed: only_in(&old, &new), changed: changed.collect() })
    }
}

/// In what two actions of one name differ.
fn parts(old: &Action, new: &Action) -> Vec<ActionPart> {
    let returns = |action: &Action| {
        (action.returns_value_schema().cloned(), action.returns_stream, action.stream_metadata.clone())
    };
    let hints = |action: &Action| (action.read_only, action.destructive, action.idempotent, action.open_world);
    let differs = [
        (ActionPart::Description, old.description != new.description),
        (ActionPart::Parameters, old.parameters_object_schema() != new.parameters_object_schema()),
        (ActionPart::Returns, returns(old) != returns(new)),
        (ActionPart::EffectHints, hints(old) != hints(new)),
    ];
    differs.into_iter().filter_map(|(part, differs)| differs.then_some(part)).collect()
}
