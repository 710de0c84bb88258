//! Messages, to and from the bodies of frames.

use crate::{
    Kind, PackedChunks, ProtocolViolation,
    decoder::HEADER,
    fields::{Reader, put_bytes},
    pack::ChunkForm,
};

/// The most causes of a failure; further ones are not written.
pub const MAX_CAUSES: usize = 64;

/// Something that one side says to the other.
///
/// What is called the number is the frame's: of a call or of anything else that is asked, of a question, or 0. JSON stays
/// bytes; its reader judges it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// Both: the body of a handshake, see [`Hello`](crate::Hello).
    Hello(&'a [u8]),
    /// Host: load and initialize the plugin; answered without a value.
    Start {
        /// The manifest's entry point.
        entry_point: &'a str,
        /// The least grave level of log lines that is wanted, 1 (error) to 5 (trace), or 0 for none.
        log_level: u8,
        /// The configuration as JSON.
        configuration: &'a [u8],
    },
    /// Host: run an action.
    Call {
        /// The action's name.
        action: &'a str,
        /// Whether it is to answer with chunks and an end instead of a value.
        is_stream: bool,
        /// Whether it may block its thread.
        is_blocking: bool,
        /// The milliseconds until the deadline; clocks are not shared.
        remaining_ms: Option<u64>,
        /// On whose behalf, as JSON.
        context: &'a [u8],
        /// The parameters.
        params: &'a [u8],
    },
    /// Host: the caller gave up; the action may end in an orderly way, and does answer.
    Cancel,
    /// Host: nobody waits any more; the action is dropped at its next pause, and does answer.
    Abort,
    /// Host: so many chunks more are wanted.
    Credit {
        /// How many.
        chunks: u32,
    },
    /// Host: the answer to a question about state.
    State {
        /// The generation and the data that were loaded, or the new generation after a save; nothing if there is none.
        record: Option<(u64, &'a [u8])>,
    },
    /// Host: a question has failed, whatever it was about.
    StateFailure(Failure<'a>),
    /// Host: the result of a call of another plugin, as JSON.
    Called(&'a [u8]),
    /// Host: the bytes of a file of the plugin's own.
    Resource(&'a [u8]),
    /// Host: bring the state of another version into form; answered with the new state, or without a value if the old
    /// one fits.
    Migrate {
        /// The version that saved it.
        from: &'a str,
        /// The state as JSON.
        state: &'a [u8],
    },
    /// Host: let the plugin end; answered without a value, after which the process ends.
    Shutdown,
    /// Host: answer this without a value.
    Ping,
    /// Child: what was asked is done: with a value, or without.
    Answer(Option<&'a [u8]>),
    /// Child: what was asked has failed.
    Failure(Failure<'a>),
    /// Child: a chunk.
    Chunk {
        /// What it is.
        form: ChunkForm,
        /// The chunk itself.
        bytes: &'a [u8],
    },
    /// Child: several chunks.
    Chunks(PackedChunks<'a>),
    /// Child: how far a call is.
    Progress {
        /// Percent done.
        percentage: Option<f64>,
        /// What is being done; may be empty.
        message: &'a str,
        /// Details as a JSON object, or empty.
        details: &'a [u8],
    },
    /// Child: a line of the log; the number is the call's, or 0.
    Log {
        /// How much it matters, 1 (error) to 5 (trace).
        level: u8,
        /// Which part of the plugin wrote it.
        target: &'a str,
        /// What it says.
        message: &'a str,
        /// What else it says, as a JSON object, or empty.
        fields: &'a [u8],
    },
    /// Child: load a state; the number is the question's own.
    LoadState {
        /// On behalf of which call, or 0.
        call: u64,
        /// The scope; tenant and user are the call's, and never the plugin's to say.
        scope: &'a str,
    },
    /// Child: save a state; the number is the question's own.
    SaveState {
        /// On behalf of which call, or 0.
        call: u64,
        /// The generation that it replaces, or 0.
        expected: u64,
        /// The scope.
        scope: &'a str,
        /// The state as JSON.
        data: &'a [u8],
    },
    /// Child: a poll of the call held its thread for so long.
    SlowPoll {
        /// How long.
        micros: u64,
    },
    /// Child: call an action of another plugin; the number is the question's own.
    CallPlugin {
        /// On behalf of which call.
        call: u64,
        /// The other plugin's id.
        plugin: &'a str,
        /// The action's name.
        action: &'a str,
        /// The parameters as JSON.
        params: &'a [u8],
    },
    /// Child: read a file of the plugin's own, as it was verified; the number is the question's own.
    ReadResource {
        /// On behalf of which call, or 0.
        call: u64,
        /// The path from the plugin's directory.
        path: &'a str,
    },
}

/// An error, as it crosses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure<'a> {
    /// The number of an [`ErrorKind`](apex_meta::ErrorKind); an unknown one counts as `Execution`.
    pub kind: u32,
    /// What went wrong.
    pub message: &'a str,
    /// Anything a program may want to know, as JSON, or empty.
    pub details: &'a [u8],
    /// The causes, the nearest first.
    pub causes: Vec<&'a str>,
}

/// A message that is larger than the other side takes; nothing of it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {length} bytes is larger than the {limit} that the other side takes")]
pub struct TooLarge {
    /// How long its body is.
    pub length: usize,
    /// How long it may be.
    pub limit: usize,
}

impl TooLarge {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        apex_meta::ErrorKind::ResourceLimit.code()
    }

    /// What can be done about it.
    pub const fn hint(&self) -> &'static str {
        "send less at once, or stream it in chunks"
    }
}

/// Leaves room for a header.
pub(crate) fn begin(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0; HEADER]);
}

/// Writes the header into the room that was left for it.
pub(crate) fn finish(out: &mut [u8], start: usize, (length, kind, flags, number): (u32, Kind, u8, u64)) {
    let mut header = [0; HEADER];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4] = kind.number();
    header[5] = flags;
    header[8..].copy_from_slice(&number.to_le_bytes());
    out[start..start + HEADER].copy_from_slice(&header);
}

impl<'a> Message<'a> {
    /// The kind of its frame.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Hello(_) => Kind::Hello,
            Self::Start { .. } => Kind::Start,
            Self::Call { .. } => Kind::Call,
            Self::Cancel => Kind::Cancel,
            Self::Abort => Kind::Abort,
            Self::Credit { .. } => Kind::Credit,
            Self::State { .. } => Kind::State,
            Self::StateFailure(_) => Kind::StateFailure,
            Self::Migrate { .. } => Kind::Migrate,
            Self::Shutdown => Kind::Shutdown,
            Self::Ping => Kind::Ping,
            Self::Answer(_) => Kind::Answer,
            Self::Failure(_) => Kind::Failure,
            Self::Chunk { .. } => Kind::Chunk,
            Self::Chunks(_) => Kind::Chunks,
            Self::Progress { .. } => Kind::Progress,
            Self::Log { .. } => Kind::Log,
            Self::LoadState { .. } => Kind::LoadState,
            Self::SaveState { .. } => Kind::SaveState,
            Self::SlowPoll { .. } => Kind::SlowPoll,
            Self::Called(_) => Kind::Called,
            Self::CallPlugin { .. } => Kind::CallPlugin,
            Self::Resource(_) => Kind::Resource,
            Self::ReadResource { .. } => Kind::ReadResource,
        }
    }

    /// Appends the whole frame.
    ///
    /// # Errors
    /// The body is longer than `max_body`; then nothing is appended.
    pub fn write(&self, out: &mut Vec<u8>, number: u64, max_body: u32) -> Result<(), TooLarge> {
        let tail = self.write_head(out, number, max_body)?;
        out.extend_from_slice(tail);
        Ok(())
    }

    /// Appends the frame but for its last field, which is given back to be sent right after; so that a large payload need
    /// not be copied.
    ///
    /// # Errors
    /// The body is longer than `max_body`; then nothing is appended.
    pub fn write_head(&self, out: &mut Vec<u8>, number: u64, max_body: u32) -> Result<&'a [u8], TooLarge> {
        let start = out.len();
        begin(out);
        let flags = self.put_fields(out);
        let tail = self.tail();
        let (length, limit) = (out.len() - start - HEADER + tail.len(), max_body);
        match u32::try_from(length) {
            Ok(length) if length <= limit => finish(out, start, (length, self.kind(), flags, number)),
            _ => {
                out.truncate(start);
                return Err(TooLarge { length, limit: usize::try_from(limit).unwrap_or(usize::MAX) });
            }
        }
        Ok(tail)
    }

    /// Appends all fields but the last one, if that is a payload; gives the flags.
    fn put_fields(&self, out: &mut Vec<u8>) -> u8 {
        match self {
            Self::Start { entry_point, log_level, .. } => {
                put_bytes(out, entry_point.as_bytes());
                out.push(*log_level);
            }
            Self::Call { action, is_stream, is_blocking, remaining_ms, context, .. } => {
                if let Some(remaining) = remaining_ms {
                    out.extend_from_slice(&remaining.to_le_bytes());
                }
                put_bytes(out, action.as_bytes());
                put_bytes(out, context);
                return u8::from(*is_stream) | u8::from(*is_blocking) << 1 | u8::from(remaining_ms.is_some()) << 2;
            }
            Self::Credit { chunks } => out.extend_from_slice(&chunks.to_le_bytes()),
            Self::State { record } => {
                if let Some((generation, _)) = record {
                    out.extend_from_slice(&generation.to_le_bytes());
                }
                return u8::from(record.is_some());
            }
            Self::Migrate { from, .. } => put_bytes(out, from.as_bytes()),
            Self::Answer(value) => return u8::from(value.is_some()),
            Self::StateFailure(failure) | Self::Failure(failure) => failure.put(out),
            Self::Chunk { form, .. } => return form.number(),
            Self::Progress { percentage, message, .. } => {
                if let Some(percentage) = percentage {
                    out.extend_from_slice(&percentage.to_le_bytes());
                }
                put_bytes(out, message.as_bytes());
                return u8::from(percentage.is_some());
            }
            Self::Log { level, target, message, .. } => {
                out.push(*level);
                put_bytes(out, target.as_bytes());
                put_bytes(out, message.as_bytes());
            }
            Self::LoadState { call, scope } => {
                out.extend_from_slice(&call.to_le_bytes());
                put_bytes(out, scope.as_bytes());
            }
            Self::SaveState { call, expected, scope, .. } => {
                out.extend_from_slice(&call.to_le_bytes());
                out.extend_from_slice(&expected.to_le_bytes());
                put_bytes(out, scope.as_bytes());
            }
            Self::SlowPoll { micros } => out.extend_from_slice(&micros.to_le_bytes()),
            Self::CallPlugin { call, plugin, action, .. } => {
                out.extend_from_slice(&call.to_le_bytes());
                put_bytes(out, plugin.as_bytes());
                put_bytes(out, action.as_bytes());
            }
            Self::ReadResource { call, path } => {
                out.extend_from_slice(&call.to_le_bytes());
                put_bytes(out, path.as_bytes());
            }
            Self::Hello(_)
            | Self::Called(_)
            | Self::Resource(_)
            | Self::Chunks(_)
            | Self::Cancel
            | Self::Abort
            | Self::Shutdown
            | Self::Ping => {}
        }
        0
    }

    /// The last field, if it is a payload: the one that may be large, and needs no length.
    fn tail(&self) -> &'a [u8] {
        match self {
            Self::Hello(tail)
            | Self::Start { configuration: tail, .. }
            | Self::Call { params: tail, .. }
            | Self::State { record: Some((_, tail)) }
            | Self::Migrate { state: tail, .. }
            | Self::Answer(Some(tail))
            | Self::Chunk { bytes: tail, .. }
            | Self::Progress { details: tail, .. }
            | Self::Log { fields: tail, .. }
            | Self::Called(tail)
            | Self::Resource(tail)
            | Self::CallPlugin { params: tail, .. }
            | Self::SaveState { data: tail, .. } => tail,
            Self::Chunks(chunks) => chunks.body(),
            _ => &[],
        }
    }

    /// Reads a body.
    pub(crate) fn read(kind: Kind, flags: u8, body: &'a [u8]) -> Result<Self, ProtocolViolation> {
        let mut body = Reader::new(kind, body);
        let has = flags & 1 != 0;
        let message = match kind {
            Kind::Hello => Self::Hello(body.tail()),
            Kind::Start => Self::Start { entry_point: body.text()?, log_level: body.u8()?, configuration: body.tail() },
            Kind::Call => {
                let remaining_ms = if flags & 4 != 0 { Some(body.u64()?) } else { None };
                let (is_stream, is_blocking) = (flags & 1 != 0, flags & 2 != 0);
                let (action, context, params) = (body.text()?, body.bytes()?, body.tail());
                Self::Call { action, is_stream, is_blocking, remaining_ms, context, params }
            }
            Kind::Cancel => Self::Cancel,
            Kind::Abort => Self::Abort,
            Kind::Credit => Self::Credit { chunks: body.u32()? },
            Kind::State => Self::State { record: if has { Some((body.u64()?, body.tail())) } else { None } },
            Kind::StateFailure => Self::StateFailure(Failure::read(&mut body)?),
            Kind::Migrate => Self::Migrate { from: body.text()?, state: body.tail() },
            Kind::Shutdown => Self::Shutdown,
            Kind::Ping => Self::Ping,
            Kind::Answer => Self::Answer(has.then(|| body.tail())),
            Kind::Failure => Self::Failure(Failure::read(&mut body)?),
            Kind::Chunk => {
                let form = if has { ChunkForm::Json } else { ChunkForm::Bytes };
                Self::Chunk { form, bytes: body.tail() }
            }
            Kind::Chunks => Self::Chunks(PackedChunks::read(body.tail())?),
            Kind::Progress => {
                let percentage = if has { Some(f64::from_le_bytes(body.array()?)) } else { None };
                Self::Progress { percentage, message: body.text()?, details: body.tail() }
            }
            Kind::Log => {
                let (level, target, message) = (body.u8()?, body.text()?, body.text()?);
                Self::Log { level, target, message, fields: body.tail() }
            }
            Kind::LoadState => Self::LoadState { call: body.u64()?, scope: body.text()? },
            Kind::SaveState => {
                let (call, expected, scope) = (body.u64()?, body.u64()?, body.text()?);
                Self::SaveState { call, expected, scope, data: body.tail() }
            }
            Kind::SlowPoll => Self::SlowPoll { micros: body.u64()? },
            Kind::Called => Self::Called(body.tail()),
            Kind::Resource => Self::Resource(body.tail()),
            Kind::ReadResource => Self::ReadResource { call: body.u64()?, path: body.text()? },
            Kind::CallPlugin => {
                let (call, plugin, action) = (body.u64()?, body.text()?, body.text()?);
                Self::CallPlugin { call, plugin, action, params: body.tail() }
            }
        };
        body.end()?;
        Ok(message)
    }
}

impl<'a> Failure<'a> {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.kind.to_le_bytes());
        put_bytes(out, self.message.as_bytes());
        put_bytes(out, self.details);
        let causes = &self.causes[..self.causes.len().min(MAX_CAUSES)];
        out.extend_from_slice(&u16::try_from(causes.len()).unwrap_or(0).to_le_bytes());
        causes.iter().for_each(|cause| put_bytes(out, cause.as_bytes()));
    }

    fn read(body: &mut Reader<'a>) -> Result<Self, ProtocolViolation> {
        let (kind, message, details, count) = (body.u32()?, body.text()?, body.bytes()?, body.u16()?);
        if usize::from(count) > MAX_CAUSES {
            return body.wrong("count of causes");
        }
        let causes = (0..count).map(|_| body.text()).collect::<Result<_, _>>()?;
        Ok(Self { kind, message, details, causes })
    }
}
