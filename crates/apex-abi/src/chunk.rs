//! Chunks, and the object that yields them one by one.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "the expansion of #[sabi_trait], which casts behind its own checks"
)]

use abi_stable::{
    StableAbi, sabi_trait,
    std_types::{RBox, ROption, RResult, RVec},
};
use async_ffi::{FfiContext, FfiPoll};

use crate::AbiError;

/// One piece of a stream.
#[repr(u8)]
#[derive(Debug, Clone, PartialEq, Eq, StableAbi)]
pub enum Chunk {
    /// A JSON value, as bytes.
    Json(RVec<u8>),
    /// Bytes that mean whatever the stream's content type says.
    Bytes(RVec<u8>),
}

/// What one poll of a stream yields: a chunk, an error, or the end.
pub type PolledChunk = FfiPoll<ROption<RResult<Chunk, AbiError>>>;

/// A stream as it crosses the boundary.
///
/// After the end, and after an error, it yields only the end. Dropping it stops the producer.
#[sabi_trait]
pub trait ChunkStream: Send {
    /// Asks for the next chunk, with the usual meaning of a pending poll.
    #[sabi(last_prefix_field)]
    fn poll_next(&mut self, context: &mut FfiContext<'_>) -> PolledChunk;
}

/// An owned [`ChunkStream`].
pub type ChunkStreamBox = ChunkStream_TO<'static, RBox<()>>;
