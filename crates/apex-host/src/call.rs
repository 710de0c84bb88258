//! A call that the plugin in this child answers.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apex_abi::{
    CallObject, CalledPlugin, Chunk, FfiFuture, FfiFutureExt as _, LoadedState, ROption, RString, RVec, ReadResource,
    SavedState,
};
use apex_protocol::Message;
use futures::{future::AbortHandle, task::AtomicWaker};
use tokio_util::sync::CancellationToken;

use crate::child::Child;

/// A call, as the child and the plugin share it.
pub(crate) struct Call {
    pub(crate) number: u64,
    child: Arc<Child>,
    context: Vec<u8>,
    deadline: Option<Instant>,
    over: CancellationToken,
    work: AbortHandle,
    credit: Credit,
    /// What its stream made and was not said yet.
    pub(crate) chunks: Mutex<Vec<Chunk>>,
}

/// How many chunks the host wants.
#[derive(Default)]
struct Credit {
    left: AtomicU32,
    waiting: AtomicWaker,
}

impl Call {
    pub(crate) fn new(
        child: Arc<Child>,
        number: u64,
        context: Vec<u8>,
        remaining: Option<Duration>,
        work: AbortHandle,
    ) -> Arc<Self> {
        let deadline = remaining.and_then(|remaining| Instant::now().checked_add(remaining));
        let (over, credit) = (CancellationToken::new(), Credit::default());
        Arc::new(Self { number, child, context, deadline, over, work, credit, chunks: Mutex::default() })
    }

    /// Tells the plugin that the call is over.
    pub(crate) fn end(&self) {
        self.over.cancel();
    }

    /// Drops the work as soon as it yields.
    pub(crate) fn abort(&self) {
        self.over.cancel();
        self.work.abort();
    }

    /// Adds to what the host wants.
    pub(crate) fn add_credit(&self, chunks: u32) {
        self.credit.left.fetch_add(chunks, Ordering::SeqCst);
        self.credit.waiting.wake();
    }

    /// Ready as soon as the host wants a chunk, which then is used up.
    pub(crate) fn poll_credit(&self, context: &mut Context<'_>) -> Poll<()> {
        let take = || self.credit.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if take().is_ok() {
            return Poll::Ready(());
        }
        self.credit.waiting.register(context.waker());
        if take().is_ok() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// What the plugin holds of a call.
pub(crate) struct PluginSide(pub(crate) Arc<Call>);

impl CallObject for PluginSide {
    fn progress(&self, percentage: ROption<f64>, message: RString, details: RVec<u8>) {
        if !self.0.over.is_cancelled() {
            let (call, percentage) = (&self.0, percentage.into_option());
            let progress = Message::Progress { percentage, message: &message, details: &details };
            call.child.say_chunks(call);
            // What is too long for the host is lost to it.
            let _ = call.child.say(call.number, &progress);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.0.over.is_cancelled()
    }

    fn cancelled(&self) -> FfiFuture<()> {
        self.0.over.clone().cancelled_owned().into_ffi()
    }

    fn remaining_ms(&self) -> ROption<u64> {
        let remaining = |deadline: Instant| {
            u64::try_from(deadline.saturating_duration_since(Instant::now()).as_millis()).unwrap_or(u64::MAX)
        };
        self.0.deadline.map(remaining).into()
    }

    fn context(&self) -> RVec<u8> {
        self.0.context.clone().into()
    }

    fn log(&self, level: u8, target: RString, message: RString, fields: RVec<u8>) {
        self.0.child.say_chunks(&self.0);
        self.0.child.log(self.0.number, level, &target, &message, &fields);
    }

    fn load_state(&self, scope: RString) -> FfiFuture<LoadedState> {
        self.0.child.load_state(self.0.number, &scope)
    }

    fn save_state(&self, scope: RString, expected: u64, data: RVec<u8>) -> FfiFuture<SavedState> {
        self.0.child.save_state(self.0.number, &scope, expected, &data)
    }

    fn call_plugin(&self, plugin: RString, action: RString, params: RVec<u8>) -> FfiFuture<CalledPlugin> {
        self.0.child.call_plugin(self.0.number, &plugin, &action, &params)
    }

    fn read_resource(&self, path: RString) -> FfiFuture<ReadResource> {
        self.0.child.read_resource(self.0.number, &path)
    }
}
