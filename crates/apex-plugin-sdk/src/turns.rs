//! Taking turns in the order of coming, under any executor.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::channel::oneshot::{self, Sender};

/// A place for one at a time; who comes first is first.
///
/// A lock that whoever is fastest may take would let one caller who comes again and again keep all others out: to wake one
/// that waits takes longer than to come again.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    is_taken: bool,
    waiting: VecDeque<Sender<Turn>>,
}

/// The place, until this is dropped.
pub(crate) struct Turn(Option<Arc<Turns>>);

impl Turns {
    /// Waits for everybody who came before; dropping the future leaves the queue.
    pub(crate) async fn take(self: &Arc<Self>) -> Turn {
        loop {
            let turn = {
                let mut queue = self.queue();
                if !queue.is_taken {
                    queue.is_taken = true;
                    return Turn(Some(Arc::clone(self)));
                }
                let (sender, receiver) = oneshot::channel();
                queue.waiting.push_back(sender);
                receiver
            };
            // Only a turn that is given up leaves its sender; then it is asked for anew.
            if let Ok(turn) = turn.await {
                return turn;
            }
        }
    }

    /// Who is next; nobody, and then the place is free.
    fn next(&self) -> Option<Sender<Turn>> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.is_taken = next.is_some();
        next
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.0.take() else { return };
        while let Some(next) = turns.next() {
            // One that is received by nobody is passed on when it is dropped; one that has gone already is passed over here.
            match next.send(Turn(Some(Arc::clone(&turns)))) {
                Ok(()) => return,
                Err(mut unwanted) => drop(unwanted.0.take()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, executor::block_on};

    use super::*;

    #[test]
    fn who_comes_again_waits_for_those_who_came_before() {
        let turns = Arc::<Turns>::default();
        let first = block_on(turns.take());
        let (mut second, mut third) = (Box::pin(turns.take()), Box::pin(turns.take()));
        assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
        drop(first);
        let mut again = Box::pin(turns.take());
        assert!(again.as_mut().now_or_never().is_none(), "it is the second one's turn");
        drop(block_on(second));
        assert!(again.as_mut().now_or_never().is_none(), "it is the third one's turn");
        drop(block_on(third));
        assert!(again.now_or_never().is_some());
    }

    #[test]
    fn who_leaves_keeps_nobody_waiting_not_even_with_a_turn_that_came_already() {
        let turns = Arc::<Turns>::default();
        let first = block_on(turns.take());
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(turns.take())).collect();
        for waits in &mut waiting {
            assert!(waits.as_mut().now_or_never().is_none());
        }
        // The first leaves before its turn, the second when it has come.
        drop(waiting.remove(0));
        drop(first);
        drop(waiting.remove(0));
        assert!(waiting.remove(0).now_or_never().is_some());
        assert!(turns.take().now_or_never().is_some());
    }
}
