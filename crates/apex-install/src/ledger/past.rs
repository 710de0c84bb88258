//! Which versions were active before, which somebody went back from, and what is news to whoever read an earlier
//! ledger.

use apex_meta::{PluginId, PluginVersion};

use super::{Change, Happening, Ledger, Record};

impl Ledger {
    /// What happened to the plugins since an earlier ledger of the same store was written, each plugin's earliest event
    /// first.
    ///
    /// Of a plugin to which more happened than a ledger keeps, the last of it. A ledger that is not later, because
    /// somebody put an old one back, tells nothing.
    pub fn happened_since<'a>(&'a self, before: &Self) -> Vec<(&'a PluginId, &'a Happening)> {
        if self.generation <= before.generation {
            return Vec::new();
        }
        let news = self.plugins.iter().flat_map(|(plugin, record)| {
            let known = before.get(plugin).map_or(&[] as &[_], |record| record.history.as_slice());
            record.news(known).iter().map(move |happening| (plugin, happening))
        });
        news.collect()
    }
}

impl Record {
    /// What of its history comes after one that is known.
    fn news(&self, known: &[Happening]) -> &[Happening] {
        // The earliest events of a long history are dropped: what is left of the known ones stands at the beginning.
        let most = known.len().min(self.history.len());
        let left = (0..=most).rev().find(|count| known.ends_with(&self.history[..*count]));
        &self.history[left.unwrap_or(0)..]
    }

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

    use std::time::SystemTime;

    use apex_trust::Timestamp;

    use super::*;

    const PLUGIN: &str = "com.acme.counter";

    /// Makes versions active, one after the other and all at once.
    fn activate<'v>(mut ledger: Ledger, versions: impl IntoIterator<Item = &'v str>) -> Ledger {
        for version in versions {
            let (version, at) = (version.parse().unwrap(), Timestamp::from_system_time(SystemTime::UNIX_EPOCH));
            ledger.record_mut(&PLUGIN.parse().unwrap()).activate(Some(&version), at, "a test");
            ledger.count_generation();
        }
        ledger
    }

    fn ledger(versions: &[&str]) -> Ledger {
        activate(Ledger::default(), versions.iter().copied())
    }

    fn told(before: &Ledger, after: &Ledger) -> Vec<String> {
        let news = after.happened_since(before);
        news.iter().map(|(plugin, news)| format!("{plugin} {:?} {}", news.what, news.to.as_ref().unwrap())).collect()
    }

    #[test]
    fn each_event_is_news_once_however_much_alike_they_are() {
        let versions = ["1.0.0", "2.0.0", "1.0.0", "2.0.0", "1.0.0"];
        for known in 0..versions.len() {
            let told = told(&ledger(&versions[..known]), &ledger(&versions));
            assert_eq!(told.len(), versions.len() - known, "{told:?}");
            assert_eq!(told.last().unwrap(), &format!("{PLUGIN} Rollback 1.0.0"));
        }
    }

    #[test]
    fn a_history_that_lost_its_beginning_tells_what_is_new_in_it() {
        let versions: Vec<_> = (0..Ledger::MAX_HISTORY).map(|number| format!("1.{number}.0")).collect();
        let before = activate(Ledger::default(), versions.iter().map(String::as_str));
        let after = activate(before.clone(), ["2.0.0"]);
        assert_eq!(told(&before, &after), [format!("{PLUGIN} Update 2.0.0")]);
    }

    #[test]
    fn a_ledger_that_was_put_back_tells_nothing() {
        let (before, after) = (ledger(&["1.0.0"]), ledger(&["1.0.0", "2.0.0"]));
        assert!(told(&after, &before).is_empty() && told(&after, &after).is_empty());
    }
}
