//! Which plugins require which: the way back from a plugin that changed to those that this concerns.

use std::collections::{BTreeSet, HashMap};

use crate::{Entry, groups::Key, requirement::required};

/// By the key of a plugin, the keys of those that require it.
#[derive(Debug, Default)]
pub(crate) struct Dependents(HashMap<Key, BTreeSet<Key>>);

impl Dependents {
    /// Takes note of what the entries of a plugin require.
    pub(crate) fn add(&mut self, key: &Key, entries: &[Entry]) {
        for requirement in entries.iter().flat_map(required) {
            self.0.entry(Key::of_id(&requirement.id)).or_default().insert(key.clone());
        }
    }

    /// Takes that back.
    pub(crate) fn remove(&mut self, key: &Key, entries: &[Entry]) {
        for requirement in entries.iter().flat_map(required) {
            let on = Key::of_id(&requirement.id);
            if let Some(dependents) = self.0.get_mut(&on) {
                dependents.remove(key);
                if dependents.is_empty() {
                    self.0.remove(&on);
                }
            }
        }
    }

    /// These, those that require any of them, and so on.
    pub(crate) fn closure_of(&self, keys: &BTreeSet<Key>) -> BTreeSet<Key> {
        let (mut all, mut next): (BTreeSet<Key>, Vec<Key>) = (keys.clone(), keys.iter().cloned().collect());
        while let Some(key) = next.pop() {
            for dependent in self.0.get(&key).into_iter().flatten() {
                if all.insert(dependent.clone()) {
                    next.push(dependent.clone());
                }
            }
        }
        all
    }
}
