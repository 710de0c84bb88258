//! Requests and dependencies that do not go together, told so that the reader can see which one to give up.

use std::{collections::BTreeSet, fmt};

use apex_meta::PluginId;
use serde::Serialize;

use super::{
    derivation::Derivation,
    words,
    world::{Tree, World},
};

/// Why no versions go together: each fact that counts, and how they lead to the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Conflict {
    /// What was asked for, each as `id specifier`.
    pub requests: Vec<String>,
    /// Every plugin that has a part in it, sorted.
    pub plugins: Vec<PluginId>,
    /// What was asked for and what depends on what, as far as it has a part in it.
    pub facts: Vec<String>,
    /// How the facts lead to the end, in sentences.
    pub derivation: Vec<String>,
}

impl Conflict {
    /// The most sentences of a message; the derivation has them all.
    const MOST: usize = 20;

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        "DependencyConflict"
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some("ask for other versions, or for a plugin's release that depends on what is there".to_owned())
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no versions go together that satisfy {}", words::list(&self.requests))?;
        for (index, sentence) in self.derivation.iter().take(Self::MOST).enumerate() {
            f.write_str(if index == 0 { ": " } else { " " })?;
            f.write_str(sentence)?;
        }
        match self.derivation.len().checked_sub(Self::MOST) {
            Some(more @ 1..) => write!(f, " And {more} more sentences."),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Conflict {}

/// Puts a derivation into words, and takes the tree apart.
pub(super) fn describe(world: &World<'_>, tree: Tree) -> Conflict {
    let mut derivation = Derivation::new(world);
    derivation.tell(&tree);
    let plugins: BTreeSet<_> =
        derivation.nodes.iter().filter_map(|node| world.plugin(*node)).map(|plugin| plugin.id.clone()).collect();
    let requests =
        world.requests.iter().map(|request| words::wanted(&request.plugin, request.specifier.as_ref())).collect();
    let Derivation { facts, sentences, .. } = derivation;
    take_apart(tree);
    Conflict { requests, plugins: plugins.into_iter().collect(), facts, derivation: sentences }
}

/// Drops a tree level by level: a long chain dropped at once would need as deep a stack.
fn take_apart(tree: Tree) {
    let mut left = vec![tree];
    while let Some(tree) = left.pop() {
        if let Tree::Derived(derived) = tree {
            let causes = [derived.cause1, derived.cause2];
            left.extend(causes.into_iter().filter_map(std::sync::Arc::into_inner));
        }
    }
}
