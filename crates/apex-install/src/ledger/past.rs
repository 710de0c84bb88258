//! Which versions were active before, and which somebody went back from.

use apex_meta::PluginVersion;

use super::{Change, Happening, Record};

impl Record {
    /// The version that the active one took the place of, if it did: going back does not count as a step of its own, so
    /// that going back twice leads to the version before that.
    pub fn before_active(&self) -> Option<&PluginVersion> {
        let mut path: Vec<&PluginVersion> = Vec::new();
        for happening in &self.history {
            match (&happening.to, happening.what) {
                (None, _) => path.clear(),
                (Some(to), Change::Rollback) => {
                    path.truncate(path.iter().position(|version| *version == to).unwrap_or(0));
                    path.push(to);
                }
                (Some(to), _) if path.last() == Some(&to) => {}
                (Some(to), _) => path.push(to),
            }
        }
        let (active, before) = (path.pop()?, path.pop()?);
        (self.active.as_ref() == Some(active)).then_some(before)
    }

    /// Whether somebody went back from a version to an older one, so that nothing returns to it unasked.
    pub fn was_rolled_back(&self, version: &PluginVersion) -> bool {
        let is_it =
            |happening: &&Happening| happening.what == Change::Rollback && happening.from.as_ref() == Some(version);
        self.history.iter().any(|happening| is_it(&happening))
    }
}
