//! Streams of chunks: pulled by the host with `poll_next`, never pushed and never buffered here.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use abi_stable::sabi_trait::prelude::TD_Opaque;
use apex_meta::ErrorKind;
use async_ffi::{ContextExt, FfiContext, FfiPoll};
use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::{
    AbiError, Chunk, ChunkStream, ChunkStreamBox, PluginError, PolledChunk,
    chunk::ChunkStream_TO,
    contain::{contain, release},
};

/// Makes a stream fit to cross the boundary: panics in its polls and in its drop are contained.
///
/// A panic ends the stream with an error of kind `PluginPanicked`, also one in the drop that follows the stream's end.
/// A panic in the drop of a stream that the other side gave up goes to `lost`.
pub fn contained_stream(
    stream: impl Stream<Item = Result<Chunk, PluginError>> + Send + 'static,
    lost: impl FnOnce(PluginError) + Send + 'static,
) -> ChunkStreamBox {
    // Boxed, since a pinned value cannot be reached through the `&mut self` of a trait object.
    let contained = ContainedStream { stream: Some(stream), lost: Some(lost) };
    ChunkStream_TO::from_value(PinnedStream(Box::pin(contained)), TD_Opaque)
}

struct PinnedStream<S, L: FnOnce(PluginError)>(Pin<Box<ContainedStream<S, L>>>);

impl<S, L> ChunkStream for PinnedStream<S, L>
where
    S: Stream<Item = Result<Chunk, PluginError>> + Send + 'static,
    L: FnOnce(PluginError) + Send + 'static,
{
    fn poll_next(&mut self, context: &mut FfiContext<'_>) -> PolledChunk {
        let polled = context.with_context(|context| self.0.as_mut().poll_next(context));
        FfiPoll::from(polled.map(|item| item.map(|chunk| chunk.map_err(AbiError::from).into()).into()))
    }
}

pin_project! {
    struct ContainedStream<S, L: FnOnce(PluginError)> {
        #[pin]
        stream: Option<S>,
        lost: Option<L>,
    }

    impl<S, L: FnOnce(PluginError)> PinnedDrop for ContainedStream<S, L> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            release(this.stream, this.lost);
        }
    }
}

impl<S, L> ContainedStream<S, L>
where
    S: Stream<Item = Result<Chunk, PluginError>>,
    L: FnOnce(PluginError),
{
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Chunk, PluginError>>> {
        let mut slot = self.project().stream;
        let polled = contain(|| slot.as_mut().as_pin_mut().map(|stream| stream.poll_next(context)));
        let last = match polled {
            Ok(Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(Some(Ok(chunk))))) => return Poll::Ready(Some(Ok(chunk))),
            Ok(Some(Poll::Ready(Some(Err(error))))) | Err(error) => Some(Err(error)),
            Ok(Some(Poll::Ready(None)) | None) => None,
        };
        // The producer ends here, while an error can still be told.
        match (contain(|| slot.set(None)), last) {
            (Err(panicked), None) => Poll::Ready(Some(Err(panicked))),
            (_, last) => Poll::Ready(last),
        }
    }
}

/// A stream of the other side, as plain Rust.
///
/// It drops the producer at the end, at an error and when it is dropped itself, and is fused.
#[must_use = "streams do nothing unless polled"]
pub struct Chunks(Option<ChunkStreamBox>);

// The stream is reached through `&mut`, never pinned in place.
impl Unpin for Chunks {}

impl Chunks {
    /// Takes over a stream that came across.
    pub fn new(stream: ChunkStreamBox) -> Self {
        Self(Some(stream))
    }
}

impl Stream for Chunks {
    type Item = Result<Chunk, PluginError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = self.0.as_mut() else { return Poll::Ready(None) };
        let item = match context.with_ffi_context(|context| stream.poll_next(context)) {
            FfiPoll::Pending => return Poll::Pending,
            FfiPoll::Ready(item) => item.into_option().map(|item| item.into_result().map_err(PluginError::from)),
            FfiPoll::Panicked => Some(Err(PluginError::new(ErrorKind::PluginPanicked, "panicked in a stream"))),
        };
        if !matches!(item, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(item)
    }
}
