//! Streams out of asynchronous code that yields chunks one by one.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures::{Stream, StreamExt as _, future::BoxFuture, pin_mut};
use serde::Serialize;

use crate::{Chunk, Result};

/// Where code under [`Chunks::generate`](crate::Chunks::generate) puts its chunks.
pub struct Yielder(Slot);

/// Holds one chunk from when it is yielded until it is taken, within one poll.
type Slot = Arc<Mutex<Option<Chunk>>>;

impl Yielder {
    /// Yields a chunk, and goes on when the next one is asked for.
    pub async fn chunk(&self, chunk: Chunk) {
        *lock(&self.0) = Some(chunk);
        // The stream takes the chunk as soon as this is pending; the next poll means that another one is wanted.
        let mut is_taken = false;
        std::future::poll_fn(|_| match std::mem::replace(&mut is_taken, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
    }

    /// Yields any value that serializes, as JSON.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub async fn json(&self, value: &(impl Serialize + Sync)) -> Result<()> {
        let chunk = Chunk::json(value)?;
        self.chunk(chunk).await;
        Ok(())
    }

    /// Yields bytes, moved and not copied.
    pub async fn bytes(&self, bytes: impl Into<Vec<u8>>) {
        let chunk = Chunk::bytes(bytes);
        self.chunk(chunk).await;
    }

    /// Yields all that a stream has, as JSON.
    ///
    /// # Errors
    /// The first error of the stream, or a value that cannot be written as JSON.
    pub async fn all_json<T: Serialize>(&self, stream: impl Stream<Item = Result<T>>) -> Result<()> {
        pin_mut!(stream);
        while let Some(value) = stream.next().await {
            // Not held over the wait: it need not be `Send`.
            let chunk = Chunk::json(&value?)?;
            self.chunk(chunk).await;
        }
        Ok(())
    }

    /// Yields all that a stream has, as bytes.
    ///
    /// # Errors
    /// The first error of the stream.
    pub async fn all_bytes<T: Into<Vec<u8>>>(&self, stream: impl Stream<Item = Result<T>>) -> Result<()> {
        pin_mut!(stream);
        while let Some(bytes) = stream.next().await {
            let chunk = Chunk::bytes(bytes?);
            self.chunk(chunk).await;
        }
        Ok(())
    }
}

fn lock(slot: &Slot) -> std::sync::MutexGuard<'_, Option<Chunk>> {
    // Nothing that could panic runs under the lock.
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn generate<F>(code: impl FnOnce(Yielder) -> F) -> impl Stream<Item = Result<Chunk>> + Send + 'static
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let slot = Slot::default();
    let code = Box::pin(code(Yielder(slot.clone())));
    Generated { code: Some(code), slot }
}

struct Generated {
    code: Option<BoxFuture<'static, Result<()>>>,
    slot: Slot,
}

impl Stream for Generated {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(code) = &mut self.code else { return Poll::Ready(None) };
        let polled = code.as_mut().poll(context);
        let chunk = lock(&self.slot).take();
        match (chunk, polled) {
            (Some(chunk), Poll::Pending) => Poll::Ready(Some(Ok(chunk))),
            (None, Poll::Pending) => Poll::Pending,
            (_, Poll::Ready(result)) => {
                self.code = None;
                Poll::Ready(result.err().map(Err))
            }
        }
    }
}
