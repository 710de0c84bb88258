//! Calls as events: progress and chunks as they come, then one end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apex_abi::{Chunk, PluginError};
use apex_meta::ErrorKind;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream::FusedStream};
use serde_json::Value;

use crate::{
    CallError, CallEvent, CallRequest,
    active::{Active, Taking},
    answer::read,
    blocking::{Pool, Running},
    call::Call,
    core::Core,
    metrics::Ended,
    park::block_on,
    placement::{Execution, Opening, Producer},
    task::{Task, abandoned},
};

/// The events of a call: any number of progress reports and chunks, then exactly one end, then nothing.
///
/// Nothing is asked of the plugin unless this stream is polled: the consumer sets the pace, and no chunk is buffered.
/// Dropping it ends the call: a stream's producer is dropped, and the plugin is told. Progress that the consumer does
/// not take in time is given up, the oldest first; see [`progress_given_up`](Self::progress_given_up).
#[must_use = "a call does nothing until its events are polled"]
pub struct CallEvents {
    stage: Stage,
    /// Kept to the end, since progress may wait longer than the call lasts.
    call: Option<Arc<Call>>,
    /// What comes once all progress that was reported before it is taken.
    next: Option<CallEvent>,
    /// Whether the end was given: a report that a thread of the plugin adds at this very moment comes too late.
    is_over: bool,
}

enum Stage {
    New(Box<(Arc<Core>, CallRequest)>),
    Answering(Active, Task<Execution>),
    Opening(Active, Task<Opening>),
    Streaming(Active, Source),
    Over,
}

/// Where chunks come from.
enum Source {
    /// A producer that is polled in the consumer's own task.
    Here(Producer),
    /// A producer that blocks: it waits here while nobody asks it for a chunk.
    Idle(Idle),
    /// A producer that blocks, at work on a thread.
    Pulling(Running<Option<Pulled>>),
}

/// A producer that may block, even when it is dropped.
struct Idle {
    producer: Option<Producer>,
    pool: Arc<Pool>,
}

impl Drop for Idle {
    fn drop(&mut self) {
        let Some(producer) = self.producer.take() else { return };
        if let Err(error) = self.pool.run(move || drop(producer)) {
            tracing::debug!(%error, "the producer of a stream was dropped on its consumer's thread");
        }
    }
}

type Pulled = (Producer, Option<Result<Chunk, PluginError>>);

impl CallEvents {
    pub(crate) fn new(core: Arc<Core>, request: CallRequest) -> Self {
        Self { stage: Stage::New(Box::new((core, request))), call: None, next: None, is_over: false }
    }

    /// How many progress reports were given up because newer ones came before the consumer took them.
    pub fn progress_given_up(&self) -> u64 {
        self.call.as_ref().map_or(0, |call| call.reports.given_up())
    }

    /// The same events as a blocking iterator, for hosts without a runtime.
    pub fn into_blocking(self) -> BlockingEvents {
        BlockingEvents(self)
    }

    fn begin(&mut self, core: &Arc<Core>, request: CallRequest) -> Result<Stage, CallError> {
        let (mut active, params) = Active::begin(core, request, Taking::Events)?;
        self.call = Some(Arc::clone(&active.call));
        if core.actions.get(active.call.action).returns_stream {
            // Bound from the start: a producer that is always ready must not outrun the deadline.
            active.bind();
            let task = active.start(move |placed, call| placed.open(call, params))?;
            return Ok(Stage::Opening(active, task));
        }
        let task = active.start(move |placed, call| placed.execute(call, params))?;
        Ok(Stage::Answering(active, task))
    }

    /// Goes on until there is an event or the plugin has to be waited for.
    fn advance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::New(new) => match self.begin(&new.0, new.1) {
                Ok(stage) => self.stage = stage,
                Err(error) => self.next = Some(CallEvent::Failed(error)),
            },
            Stage::Answering(mut active, mut task) => {
                let grace = active.core().limits.cancel_grace;
                match active.poll(context, grace, |active, context| task.poll(active, context)) {
                    Poll::Pending => {
                        self.stage = Stage::Answering(active, task);
                        return Poll::Pending;
                    }
                    Poll::Ready(result) => {
                        let limit = active.core().limits.max_result_bytes;
                        let result = result
                            .and_then(|bytes| active.within("its result", bytes.len(), limit).map(|()| bytes))
                            .and_then(|bytes| read(&active, &bytes));
                        self.end(active, result);
                    }
                }
            }
            Stage::Opening(mut active, mut task) => {
                match active.poll(context, Duration::ZERO, |active, context| task.poll(active, context)) {
                    Poll::Pending => {
                        self.stage = Stage::Opening(active, task);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(producer)) => {
                        let source = Source::new(producer, &active);
                        self.stage = Stage::Streaming(active, source);
                    }
                    Poll::Ready(Err(error)) => self.end(active, Err(error)),
                }
            }
            Stage::Streaming(mut active, mut source) => {
                let polled = active.poll(context, Duration::ZERO, |active, context| source.poll_next(active, context));
                match polled.map(|item| item.and_then(|chunk| chunk.map(|chunk| event(&active, chunk)).transpose())) {
                    Poll::Pending => {
                        self.stage = Stage::Streaming(active, source);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(Some(event))) => {
                        self.next = Some(event);
                        self.stage = Stage::Streaming(active, source);
                    }
                    Poll::Ready(Ok(None)) => self.end(active, Ok(Value::Null)),
                    Poll::Ready(Err(error)) => {
                        active.call.over.raise();
                        // The producer ends before its consumer hears of the end.
                        drop(source);
                        self.end(active, Err(error));
                    }
                }
            }
            Stage::Over => {}
        }
        Poll::Ready(())
    }

    fn end(&mut self, mut active: Active, result: Result<Value, CallError>) {
        active.end(Ended::of(&result));
        self.next = Some(match result {
            Ok(value) => CallEvent::Done(value),
            Err(error) => CallEvent::Failed(error),
        });
    }

    fn next_progress(&self) -> Option<CallEvent> {
        let call = self.call.as_ref()?;
        call.reports.next(&call.desk.subject, call.action_name()).map(CallEvent::Progress)
    }
}

fn event(active: &Active, chunk: Chunk) -> Result<CallEvent, CallError> {
    let (Chunk::Json(bytes) | Chunk::Bytes(bytes)) = &chunk;
    active.within("a chunk", bytes.len(), active.core().limits.max_chunk_bytes)?;
    match chunk {
        Chunk::Bytes(bytes) => Ok(CallEvent::Bytes(Bytes::from_owner(bytes))),
        Chunk::Json(bytes) => serde_json::from_slice(&bytes)
            .map(CallEvent::Chunk)
            .map_err(|error| active.fault(ErrorKind::ProtocolViolation, "a chunk is not JSON").caused_by(&error)),
    }
}

impl Source {
    fn new(producer: Producer, active: &Active) -> Self {
        match active.is_blocking() {
            true => Self::Idle(Idle { producer: Some(producer), pool: Arc::clone(&active.core().placed.pool) }),
            false => Self::Here(producer),
        }
    }

    fn poll_next(
        &mut self,
        active: &mut Active,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Chunk>, PluginError>> {
        if let Self::Here(producer) = self {
            return active.poll_here(|| producer.poll_next_unpin(context)).map(Option::transpose);
        }
        if let Self::Idle(idle) = self {
            let Some(mut producer) = idle.producer.take() else { return Poll::Ready(Ok(None)) };
            let call = Arc::clone(&active.call);
            let pulling = active.run_elsewhere(move || {
                let item = call.abandonment.block_on(producer.next())?;
                Some((producer, item))
            });
            match pulling {
                Ok(running) => *self = Self::Pulling(running),
                Err(error) => return Poll::Ready(Err(PluginError::new(error.kind(), error.message()))),
            }
        }
        let Self::Pulling(running) = self else { return Poll::Ready(abandoned()) };
        let pulled = match Pin::new(running).poll(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(pulled) => pulled.and_then(|pulled| pulled.map_or_else(abandoned, Ok)),
        };
        let (producer, item) = match pulled {
            Ok((producer, item)) => (Some(producer), item),
            Err(error) => (None, Some(Err(error))),
        };
        *self = Self::Idle(Idle { producer, pool: Arc::clone(&active.core().placed.pool) });
        Poll::Ready(item.transpose())
    }
}

impl Stream for CallEvents {
    type Item = CallEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<CallEvent>> {
        loop {
            if self.is_over {
                return Poll::Ready(None);
            }
            if let Some(progress) = self.next_progress() {
                return Poll::Ready(Some(progress));
            }
            if let Some(event) = self.next.take() {
                self.is_over = event.is_terminal();
                return Poll::Ready(Some(event));
            }
            // The caller's waker is registered by now, so that what is reported after this look wakes it.
            if self.advance(context).is_pending() && !self.call.as_ref().is_some_and(|call| call.reports.has_waiting())
            {
                return Poll::Pending;
            }
        }
    }
}

impl FusedStream for CallEvents {
    fn is_terminated(&self) -> bool {
        self.is_over
    }
}

/// The events of a call as a blocking iterator; needs no runtime.
#[must_use = "a call does nothing until its events are taken"]
pub struct BlockingEvents(CallEvents);

impl Iterator for BlockingEvents {
    type Item = CallEvent;

    fn next(&mut self) -> Option<CallEvent> {
        block_on(self.0.next())
    }
}
