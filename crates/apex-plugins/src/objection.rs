//! What a trust store has against a plugin that was accepted under an earlier one.

use apex_meta::{Placement, Reason};
use apex_trust::{TrustStore, Verified};

/// Why a plugin that is loaded, and runs at a place, may not stay so.
///
/// Beside what [`TrustStore::objection_to`] says, a publisher whose plugins may no longer run in process: code that is
/// in this process cannot go over into a child, so it ends, and the next call starts it where it may run.
pub(crate) fn objection(store: &TrustStore, verified: &Verified, runs: Placement) -> Option<Reason> {
    if let Some(error) = store.objection_to(&verified.provenance()) {
        return Some(error.to_reason());
    }
    let publisher = verified.publisher()?;
    let may = store.publisher(publisher)?.placement();
    if runs != Placement::InProcess || may == Placement::InProcess {
        return None;
    }
    let message = format!("plugin {}: `{publisher}` is no longer trusted to run in process", verified.id());
    Some(Reason::new("PlacementTightened", message).with_hint("call it again: it starts where it may run"))
}
