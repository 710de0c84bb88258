//! Decides forward, and goes back to whoever is to blame: the way to a solution where there is one and it is not far.

use std::{collections::BTreeSet, rc::Rc};

use pubgrub::VersionSet;

use super::{
    set::Set,
    world::{ABSENT, Node, ROOT, World},
};

/// The versions that serve, of each plugin that a version needs; nothing if the version contradicts itself.
type Needs = Option<Rc<[(Node, Set)]>>;

/// A search that has decided upon some plugins, one after the other.
///
/// Each is decided upon when its turn comes: the first that was found to be needed, the optional ones last. It gets its
/// best version whose needs leave something of every plugin. If there is none, the last decision that has a part in that
/// is taken back with all after it (conflict-directed backjumping, Prosser 1993). No version is dropped that a solution
/// has with the decisions before it, so that what is found first is the best.
///
/// Nothing is learnt from a conflict, unlike in PubGrub: to decide once more costs little here. Where that is done too
/// often, the search is given up.
pub(super) struct Search<'w, 'a> {
    world: &'w World<'a>,
    /// By number.
    plugins: Vec<State>,
    /// Every plugin that is needed, in the order in which that was found.
    found: Vec<Node>,
    /// What changed what is left of which plugin, in that order.
    changes: Vec<Change>,
    decisions: Vec<Decision>,
    /// The first places in `found` at which there may be a plugin that is to be decided upon: one that must be there, any.
    next: [usize; 2],
    /// How many decisions may still be made, or be blamed for a conflict.
    left: usize,
}

#[derive(Clone, Default)]
struct State {
    /// The versions that are left, if it is needed.
    possible: Option<Set>,
    /// Its place in `found`.
    place: usize,
    is_decided: bool,
    /// The last change of it, counted from 1.
    changed: usize,
    /// What those of its versions need that were looked at.
    needs: Vec<(u32, Needs)>,
}

struct Change {
    node: Node,
    /// What was left before, and the change before.
    before: Option<Set>,
    changed: usize,
    /// The decision that brought it about.
    by: usize,
}

struct Decision {
    node: Node,
    version: u32,
    /// What was not tried yet.
    untried: Set,
    /// The earlier decisions because of which versions were refused.
    blame: BTreeSet<usize>,
    /// What there was before it.
    changes: usize,
    found: usize,
    next: [usize; 2],
}

impl<'w, 'a> Search<'w, 'a> {
    /// So many times as many decisions as there are plugins are made or blamed before the search is given up.
    const MOST: usize = 16;

    pub(super) fn new(world: &'w World<'a>) -> Self {
        let plugins = vec![State::default(); world.count()];
        let left = Self::MOST * plugins.len();
        Self { world, plugins, found: Vec::new(), changes: Vec::new(), decisions: Vec::new(), next: [0, 0], left }
    }

    /// What is chosen, in the order of the decisions; nothing if there is no solution, or it is too far away.
    pub(super) fn run(mut self) -> Option<Vec<(Node, u32)>> {
        let needs = self.needs(ROOT, 1)?;
        let mut root = self.open(ROOT);
        root.version = 1;
        if self.decide(root, &needs).is_some() {
            return None;
        }
        while let Some(node) = self.turn() {
            let mut open = self.open(node);
            while let Some(dead) = self.attempt(open) {
                open = self.go_back(dead)?;
            }
            self.left = self.left.checked_sub(1)?;
        }
        let chosen = self.decisions.iter().filter(|made| made.node != ROOT && made.version != ABSENT);
        Some(chosen.map(|made| (made.node, made.version)).collect())
    }

    fn state(&mut self, node: Node) -> &mut State {
        let number = node.0 as usize;
        if self.plugins.len() <= number {
            self.plugins.resize(number + 1, State::default());
        }
        &mut self.plugins[number]
    }

    /// A decision that is to be made, with all that there is before it.
    fn open(&mut self, node: Node) -> Decision {
        let untried = self.state(node).possible.clone().unwrap_or_else(Set::empty);
        let (changes, found, next) = (self.changes.len(), self.found.len(), self.next);
        Decision { node, version: ABSENT, untried, blame: BTreeSet::new(), changes, found, next }
    }

    /// Whose turn it is: the first that must be there, else the first that can be.
    fn turn(&mut self) -> Option<Node> {
        for (kind, is_optional) in [false, true].into_iter().enumerate() {
            while let Some(&node) = self.found.get(self.next[kind]) {
                let state = self.state(node);
                let waits = !state.is_decided
                    && (is_optional || state.possible.as_ref().is_some_and(|possible| !possible.contains(&ABSENT)));
                if waits {
                    return Some(node);
                }
                self.next[kind] += 1;
            }
        }
        None
    }

    /// Decides upon the best version that is left to be tried and can be had; gives the decision back if there is none.
    fn attempt(&mut self, mut open: Decision) -> Option<Decision> {
        loop {
            let best = self.world.plugin(open.node).and_then(|plugin| plugin.best(&open.untried));
            let Some(version) = best.or_else(|| open.untried.contains(&ABSENT).then_some(ABSENT)) else {
                return Some(open);
            };
            open.untried = open.untried.intersection(&Set::singleton(version).complement());
            open.version = version;
            let Some(needs) = self.needs(open.node, version) else { continue };
            match self.decide(open, &needs) {
                None => return None,
                Some(refused) => open = refused,
            }
        }
    }

    /// Decides, unless the needs leave nothing of a plugin: then the decision comes back with who is to blame.
    fn decide(&mut self, mut open: Decision, needs: &[(Node, Set)]) -> Option<Decision> {
        if needs.iter().any(|(_, serving)| *serving == Set::empty()) {
            return Some(open);
        }
        for (needed, serving) in needs {
            if self.state(*needed).possible.as_ref().is_some_and(|possible| possible.is_disjoint(serving)) {
                self.blame(*needed, &mut open.blame);
                return Some(open);
            }
        }
        let (node, version) = (open.node, open.version);
        self.decisions.push(open);
        self.narrow(node, &Set::singleton(version));
        self.state(node).is_decided = true;
        for (needed, serving) in needs {
            self.narrow(*needed, serving);
        }
        None
    }

    /// Leaves only these versions of a plugin.
    fn narrow(&mut self, node: Node, to: &Set) {
        let (by, count, place) = (self.decisions.len() - 1, self.changes.len() + 1, self.found.len());
        let state = self.state(node);
        let possible = match &state.possible {
            Some(before) if before.subset_of(to) => return,
            Some(before) => before.intersection(to),
            None => {
                state.place = place;
                to.clone()
            }
        };
        let must = !possible.contains(&ABSENT);
        let before = state.possible.replace(possible);
        let changed = std::mem::replace(&mut state.changed, count);
        let place = state.place;
        if before.is_none() {
            self.found.push(node);
        }
        if must {
            self.next[0] = self.next[0].min(place);
        }
        self.changes.push(Change { node, before, changed, by });
    }

    /// Names every decision that has a part in what is left of a plugin.
    fn blame(&mut self, node: Node, blame: &mut BTreeSet<usize>) {
        let mut changed = self.state(node).changed;
        while let Some(change) = changed.checked_sub(1).and_then(|place| self.changes.get(place)) {
            blame.insert(change.by);
            changed = change.changed;
        }
    }

    /// Takes decisions back up to the last that has a part in that a plugin cannot be had; it is open again.
    fn go_back(&mut self, mut dead: Decision) -> Option<Decision> {
        let mut blame = std::mem::take(&mut dead.blame);
        self.blame(dead.node, &mut blame);
        self.left = self.left.checked_sub(blame.len())?;
        let last = blame.pop_last().filter(|last| *last > 0)?;
        let undone = self.decisions.split_off(last);
        for made in &undone {
            self.state(made.node).is_decided = false;
        }
        let mut open = undone.into_iter().next()?;
        while self.changes.len() > open.changes {
            let Some(Change { node, before, changed, .. }) = self.changes.pop() else { break };
            let state = self.state(node);
            (state.possible, state.changed) = (before, changed);
        }
        self.found.truncate(open.found);
        self.next = open.next;
        open.blame.append(&mut blame);
        Some(open)
    }

    /// What a version needs, which is found out once.
    fn needs(&mut self, node: Node, version: u32) -> Needs {
        let known = self.state(node).needs.iter().find(|(known, _)| *known == version);
        if let Some((_, needs)) = known {
            return needs.clone();
        }
        let needs: Needs = self.world.needs(node, version).ok().map(Into::into);
        self.state(node).needs.push((version, needs.clone()));
        needs
    }
}

#[cfg(test)]
mod tests;
