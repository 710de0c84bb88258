//! What an action answers: one result, or a stream of chunks.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::{Stream, StreamExt, stream::BoxStream};
use serde::Serialize;

use crate::{Result, ResultExt, Yielder, yielder::generate};

/// The result of an action, ready to cross to the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Vec<u8>);

/// A result out of any value that serializes: `reply("done")`.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn reply(value: impl Serialize) -> Result<Reply> {
    Ok(Reply(to_json(&value)?))
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).context("the result cannot be written as JSON")
}

impl Reply {
    /// A result that is JSON already; it is passed on unseen, and the host looks whether it is.
    pub fn raw(json: Vec<u8>) -> Self {
        Self(json)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// One piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk(apex_abi::Chunk);

impl Chunk {
    /// A JSON chunk out of any value that serializes.
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self> {
        Ok(Self(apex_abi::Chunk::Json(to_json(value)?.into())))
    }

    /// A chunk of bytes, moved and not copied.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(apex_abi::Chunk::Bytes(bytes.into().into()))
    }

    /// A JSON chunk that is JSON already; it is passed on unseen, and the host looks whether it is.
    pub fn raw(json: Vec<u8>) -> Self {
        Self(apex_abi::Chunk::Json(json.into()))
    }

    pub(crate) fn into_abi(self) -> apex_abi::Chunk {
        self.0
    }

    pub(crate) fn from_abi(chunk: apex_abi::Chunk) -> Self {
        Self(chunk)
    }

    pub(crate) fn as_abi(&self) -> &apex_abi::Chunk {
        &self.0
    }
}

/// The stream that an action answers with.
///
/// It is pulled by the consumer, one chunk at a time, and dropped when the consumer stops. The first error ends it.
pub struct Chunks(BoxStream<'static, Result<Chunk>>);

impl Chunks {
    /// A stream of chunks as they are.
    pub fn new(stream: impl Stream<Item = Result<Chunk>> + Send + 'static) -> Self {
        Self(stream.boxed())
    }

    /// A stream of JSON chunks out of any values that serialize.
    pub fn json<T: Serialize>(stream: impl Stream<Item = Result<T>> + Send + 'static) -> Self {
        Self::new(stream.map(|value| Chunk::json(&value?)))
    }

    /// A stream that `code` makes chunk by chunk: `Chunks::generate(|yielder| async move { ... })`.
    ///
    /// `code` runs only while somebody waits for a chunk, is dropped when nobody does any more, and an error that it returns
    /// ends the stream.
    pub fn generate<F>(code: impl FnOnce(Yielder) -> F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self(generate(code).boxed())
    }

    /// A stream of bytes.
    pub fn bytes(stream: impl Stream<Item = Result<Vec<u8>>> + Send + 'static) -> Self {
        Self::new(stream.map(|bytes| bytes.map(Chunk::bytes)))
    }
}

impl Stream for Chunks {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}
