//! The protocol between a host and a child process that runs a plugin, without any I/O.
//!
//! `docs/host_protocol.md` describes it byte for byte. This crate turns messages into bytes ([`Message::write`]), bytes
//! into messages ([`Decoder`], [`Frame::message`]), lets two sides agree on a version ([`Hello`]) and judges whether what a
//! child says is something that it may say now ([`Conversation`]). Sockets, threads, clocks and processes are elsewhere.
//!
//! ```
//! use apex_protocol::{Asked, Conversation, DEFAULT_MAX_BODY, Decoder, Message, Speaker};
//!
//! // The host asks.
//! let mut conversation = Conversation::new();
//! let number = conversation.ask(Asked::Result).unwrap();
//! let call = Message::Call {
//!     action: "greet", is_stream: false, is_blocking: false, remaining_ms: Some(5000), context: b"{}",
//!     params: br#"{"who":"Ada"}"#,
//! };
//! let mut out = Vec::new();
//! call.write(&mut out, number, DEFAULT_MAX_BODY).unwrap();
//!
//! // The child hears it, in whatever pieces it arrives, and answers.
//! let mut decoder = Decoder::new(Speaker::Host, DEFAULT_MAX_BODY);
//! let mut answer = Vec::new();
//! for piece in out.chunks(7) {
//!     decoder.feed(piece);
//!     while let Some(frame) = decoder.next_frame().unwrap() {
//!         assert_eq!(frame.message().unwrap(), call);
//!         let result = Message::Answer(Some(br#""Hello, Ada""#));
//!         result.write(&mut answer, frame.number(), DEFAULT_MAX_BODY).unwrap();
//!     }
//! }
//!
//! // The host judges what the child says before it believes it.
//! let mut decoder = Decoder::new(Speaker::Child, DEFAULT_MAX_BODY);
//! decoder.feed(&answer);
//! let frame = decoder.next_frame().unwrap().unwrap();
//! conversation.judge(frame.number(), &frame.message().unwrap()).unwrap();
//! // A second answer to the same call is none.
//! assert!(conversation.judge(number, &Message::Answer(Some(b"1"))).is_err());
//! ```
//!
//! # What it guarantees
//!
//! - No bytes make it panic, and none make it hold more memory than one frame of the largest size allowed and one read.
//! - Large payloads stand at the end of a frame. They are read without a copy ([`Frame::share`]), and can be written
//!   without one ([`Message::write_head`]).
//! - What is too large is refused by its sender, before any byte of it was written.
//!
//! It does not read the JSON inside of messages.
#![forbid(unsafe_code)]

mod confinement;
mod conversation;
mod decoder;
mod fields;
mod hello;
mod kind;
mod message;
mod pack;
mod violation;

pub use confinement::{Confinement, InvalidConfinement, PathRule};
pub use conversation::{Asked, Conversation, MAX_QUESTIONS, Verdict};
pub use decoder::{DEFAULT_MAX_BODY, Decoder, Frame, HEADER, HELLO_MAX_BODY};
pub use hello::{Agreement, Hello, MAGIC, MAX_FEATURES, NoCommonVersion, VERSION};
pub use kind::{Kind, Speaker};
pub use message::{Failure, MAX_CAUSES, Message, TooLarge};
pub use pack::{ChunkForm, Pack, PackedChunks};
pub use violation::ProtocolViolation;
