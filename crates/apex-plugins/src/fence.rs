//! Keeps an instance that is being replaced from saving what its successor would not see.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard};

/// Stands between an instance and the state store: open, until the instance is replaced.
pub(crate) struct Fence {
    is_open: RwLock<bool>,
    /// Whether the instance ever asked for a state, or saved one.
    is_used: AtomicBool,
}

impl Default for Fence {
    fn default() -> Self {
        Self { is_open: RwLock::new(true), is_used: AtomicBool::new(false) }
    }
}

impl Fence {
    /// Takes note that the instance has a state.
    pub(crate) fn is_asked(&self) {
        self.is_used.store(true, Ordering::SeqCst);
    }

    /// Lets a save through, for which [`close`](Self::close) waits; none if it is too late.
    pub(crate) async fn pass(&self) -> Option<RwLockReadGuard<'_, bool>> {
        self.is_asked();
        let open = self.is_open.read().await;
        (*open).then_some(open)
    }

    /// Lets no save through any more; those under way are done when this returns.
    pub(crate) fn close(&self) {
        *apex_exec::block_on(self.is_open.write()) = false;
    }

    /// As [`close`](Self::close), if the instance has asked for no state; else nothing happens, and the answer is no.
    pub(crate) fn close_if_unused(&self) -> bool {
        let mut open = apex_exec::block_on(self.is_open.write());
        let is_unused = !self.is_used.load(Ordering::SeqCst);
        *open &= !is_unused;
        is_unused
    }

    /// Lets saves through again.
    pub(crate) fn open(&self) {
        *apex_exec::block_on(self.is_open.write()) = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_fence_lets_nothing_through_until_it_is_opened() {
        let fence = Fence::default();
        assert!(apex_exec::block_on(fence.pass()).is_some());
        fence.close();
        assert!(apex_exec::block_on(fence.pass()).is_none());
        fence.open();
        assert!(apex_exec::block_on(fence.pass()).is_some());
    }

    #[test]
    fn who_never_asked_for_a_state_is_told_from_who_did() {
        let (used, unused) = (Fence::default(), Fence::default());
        used.is_asked();
        assert!(unused.close_if_unused() && !used.close_if_unused());
        assert!(apex_exec::block_on(unused.pass()).is_none() && apex_exec::block_on(used.pass()).is_some());
    }
}
