//! What a child was asked, and what of its answer has come.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use apex_abi::{Chunk, PluginError, RVec};
use futures::task::AtomicWaker;

use crate::{CallError, call::Call};

/// Why there is no answer: what the plugin says, or what the host finds.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    Told(PluginError),
    Found(CallError),
}

/// Something that a child was asked.
pub(super) struct Slot {
    pub(super) number: u64,
    /// The call that it belongs to; none for the plugin's own beginning and end.
    pub(super) call: Option<Arc<Call>>,
    waker: AtomicWaker,
    /// Since when nobody waits for the answer any more.
    abandoned: OnceLock<Instant>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answer: Option<Result<Option<RVec<u8>>, Fault>>,
    chunks: VecDeque<Chunk>,
}

impl Slot {
    pub(super) fn new(number: u64, call: Option<Arc<Call>>) -> Arc<Self> {
        let (waker, abandoned, state) = (AtomicWaker::new(), OnceLock::new(), Mutex::default());
        Arc::new(Self { number, call, waker, abandoned, state })
    }

    /// Takes the last that will come, unless something did already; gives whom to wake.
    pub(super) fn answer(&self, answer: Result<Option<RVec<u8>>, Fault>) -> Option<Waker> {
        self.lock().answer.get_or_insert(answer);
        self.waker.take()
    }

    /// Takes chunks; gives whom to wake.
    pub(super) fn push(&self, chunks: impl IntoIterator<Item = Chunk>) -> Option<Waker> {
        if !self.is_abandoned() {
            self.lock().chunks.extend(chunks);
        }
        self.waker.take()
    }

    pub(super) fn abandon(&self) {
        let _ = self.abandoned.set(Instant::now());
        // Chunks may be large, and nobody will take them.
        let chunks = std::mem::take(&mut self.lock().chunks);
        drop(chunks);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.get().is_some()
    }

    pub(super) fn is_abandoned_for(&self, patience: Duration) -> bool {
        self.abandoned.get().is_some_and(|since| since.elapsed() >= patience)
    }

    /// The answer, once it has come.
    pub(super) fn poll_answer(&self, context: &mut Context<'_>) -> Poll<Result<Option<RVec<u8>>, Fault>> {
        self.waker.register(context.waker());
        match self.lock().answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        }
    }

    /// The next chunk; none at the end.
    pub(super) fn poll_chunk(&self, context: &mut Context<'_>) -> Poll<Option<Result<Chunk, Fault>>> {
        self.waker.register(context.waker());
        let mut state = self.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.answer {
            Some(Ok(_)) => Poll::Ready(None),
            Some(Err(fault)) => Poll::Ready(Some(Err(fault.clone()))),
            None => Poll::Pending,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
