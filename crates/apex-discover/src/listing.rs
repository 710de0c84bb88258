//! What lies in an install store and is not in its ledger is no candidate.

use std::path::PathBuf;

use apex_meta::Reason;

use crate::{
    ListedAs, Problem, Root, RootKind,
    candidate::{Find, Layout, Place},
};

/// Takes finds out that the ledger of their store does not list, and reports them as problems instead.
pub(crate) fn keep_listed<F>(finds: &mut Vec<Find<F>>, problems: &mut Vec<Problem>) {
    finds.retain(|find| {
        let place = find.place();
        let is_listed = place.listed_as().is_some();
        if !is_listed {
            let message =
                format!("{} is not in the ledger of its store, so it is no candidate", place.directory.display());
            let reason = Reason::new("NotInLedger", message)
                .with_hint("`apex doctor` shows what is left over in the store; `apex install` puts plugins into it");
            problems.push(Problem::new(&place.directory, reason));
        }
        is_listed
    });
}

impl Place {
    /// As what the ledger of its store lists it; what lies elsewhere needs no listing.
    pub(crate) fn listed_as(&self) -> Option<ListedAs> {
        match self.root.kind() {
            RootKind::Store => self.root.listed_as(&self.below_root()),
            RootKind::Standard | RootKind::Dev => Some(ListedAs::Active),
        }
    }

    /// Its path below the root, however the root was written.
    fn below_root(&self) -> PathBuf {
        let depth = if self.layout == Layout::Versioned { 2 } else { 1 };
        let names: Vec<_> = self.directory.components().rev().take(depth).collect();
        names.into_iter().rev().collect()
    }
}

impl Root {
    /// Whether only what a ledger lists is a candidate here.
    pub fn is_store(&self) -> bool {
        self.kind() == RootKind::Store
    }
}
