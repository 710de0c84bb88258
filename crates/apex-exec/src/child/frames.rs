//! The frames between a host and its child: a length, a kind, the number of what it is about, and a body.

/// A message of either side.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    // What a host says.
    /// Initialize the plugin.
    Initialize { type_name: String, log_level: u8, configuration: Vec<u8> },
    /// Run an action.
    Call {
        action: String,
        is_stream: bool,
        is_blocking: bool,
        remaining_ms: Option<u64>,
        context: Vec<u8>,
        params: Vec<u8>,
    },
    /// The caller gave up.
    Cancel,
    /// The caller gave up, and waits no more for an orderly end.
    Abort,
    /// So many chunks more are wanted.
    Credit(u32),
    /// The answer to a question about state: a generation with data perhaps, or an error.
    State(Result<Option<(u64, Vec<u8>)>, Failure>),
    /// Bring a state into form.
    Migrate { from: String, state: Vec<u8> },
    /// End.
    ShutDown,
    // What a child says.
    /// The last word about what was asked.
    Answer(Result<Option<Vec<u8>>, Failure>),
    /// A chunk of JSON or bytes.
    Chunk { is_json: bool, bytes: Vec<u8> },
    /// How far a call is.
    Progress { percentage: Option<f64>, message: String, details: Vec<u8> },
    /// A line of the log; the number is the call's, or 0.
    Log { level: u8, target: String, message: String, fields: Vec<u8> },
    /// Load a state, on behalf of a call or of none (0).
    LoadState { call: u64, scope: String },
    /// Save a state.
    SaveState { call: u64, scope: String, expected: u64, data: Vec<u8> },
}

/// An error, as it crosses.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: u32,
    pub(crate) message: String,
    pub(crate) details: Vec<u8>,
    pub(crate) causes: Vec<String>,
}

/// What is wrong with a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// The bytes before a body: its length with kind and number, the kind, the number.
const HEADER: usize = 13;

fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn failure(out: &mut Vec<u8>, failure: &Failure) {
    out.extend_from_slice(&failure.kind.to_le_bytes());
    bytes(out, failure.message.as_bytes());
    bytes(out, &failure.details);
    out.extend_from_slice(&(failure.causes.len() as u32).to_le_bytes());
    failure.causes.iter().for_each(|cause| bytes(out, cause.as_bytes()));
}

/// Writes a frame.
pub(crate) fn frame(out: &mut Vec<u8>, kind: u8, number: u64, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(kind);
    out.extend_from_slice(&number.to_le_bytes());
    body(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Writes a call without copying its parts before.
pub(crate) fn call(
    out: &mut Vec<u8>,
    number: u64,
    action: &str,
    flags: (bool, bool),
    remaining_ms: Option<u64>,
    context: &[u8],
    params: &[u8],
) {
    out.reserve(HEADER + 32 + action.len() + context.len() + params.len());
    frame(out, 2, number, |out| {
        bytes(out, action.as_bytes());
        out.push(u8::from(flags.0) | u8::from(flags.1) << 1 | u8::from(remaining_ms.is_some()) << 2);
        out.extend_from_slice(&remaining_ms.unwrap_or(0).to_le_bytes());
        bytes(out, context);
        bytes(out, params);
    });
}

/// Writes an answer without copying it before.
pub(crate) fn answer(out: &mut Vec<u8>, number: u64, answer: Result<Option<&[u8]>, &Failure>) {
    frame(out, 16, number, |out| match answer {
        Ok(None) => out.push(0),
        Ok(Some(answer)) => {
            out.push(1);
            bytes(out, answer);
        }
        Err(error) => {
            out.push(2);
            failure(out, error);
        }
    });
}

/// Writes a chunk without copying it before.
pub(crate) fn chunk(out: &mut Vec<u8>, number: u64, is_json: bool, chunk: &[u8]) {
    frame(out, 17, number, |out| {
        out.push(u8::from(is_json));
        out.extend_from_slice(chunk);
    });
}

/// Writes progress without copying it before.
pub(crate) fn progress(out: &mut Vec<u8>, number: u64, percentage: Option<f64>, message: &str, details: &[u8]) {
    frame(out, 18, number, |out| {
        out.push(u8::from(percentage.is_some()));
        out.extend_from_slice(&percentage.unwrap_or(0.0).to_le_bytes());
        bytes(out, message.as_bytes());
        bytes(out, details);
    });
}

/// Writes any message.
pub(crate) fn write(out: &mut Vec<u8>, number: u64, message: &Message) {
    match message {
        Message::Initialize { type_name, log_level, configuration } => frame(out, 1, number, |out| {
            bytes(out, type_name.as_bytes());
            out.push(*log_level);
            bytes(out, configuration);
        }),
        Message::Call { action, is_stream, is_blocking, remaining_ms, context, params } => {
            call(out, number, action, (*is_stream, *is_blocking), *remaining_ms, context, params);
        }
        Message::Cancel => frame(out, 3, number, |_| ()),
        Message::Abort => frame(out, 4, number, |_| ()),
        Message::Credit(chunks) => frame(out, 5, number, |out| out.extend_from_slice(&chunks.to_le_bytes())),
        Message::State(state) => frame(out, 6, number, |out| match state {
            Ok(None) => out.push(0),
            Ok(Some((generation, data))) => {
                out.push(1);
                out.extend_from_slice(&generation.to_le_bytes());
                bytes(out, data);
            }
            Err(error) => {
                out.push(2);
                failure(out, error);
            }
        }),
        Message::Migrate { from, state } => frame(out, 7, number, |out| {
            bytes(out, from.as_bytes());
            bytes(out, state);
        }),
        Message::ShutDown => frame(out, 8, number, |_| ()),
        Message::Answer(result) => answer(out, number, result.as_ref().map(Option::as_deref)),
        Message::Chunk { is_json, bytes } => chunk(out, number, *is_json, bytes),
        Message::Progress { percentage, message, details } => progress(out, number, *percentage, message, details),
        Message::Log { level, target, message, fields } => frame(out, 19, number, |out| {
            out.push(*level);
            bytes(out, target.as_bytes());
            bytes(out, message.as_bytes());
            bytes(out, fields);
        }),
        Message::LoadState { call, scope } => frame(out, 20, number, |out| {
            out.extend_from_slice(&call.to_le_bytes());
            bytes(out, scope.as_bytes());
        }),
        Message::SaveState { call, scope, expected, data } => frame(out, 21, number, |out| {
            out.extend_from_slice(&call.to_le_bytes());
            bytes(out, scope.as_bytes());
            out.extend_from_slice(&expected.to_le_bytes());
            bytes(out, data);
        }),
    }
}

/// How long the frame at the start of `bytes` is, if its length is there.
///
/// # Errors
/// It is shorter than a header, or longer than `limit`.
pub(crate) fn length(bytes: &[u8], limit: usize) -> Result<Option<usize>, Malformed> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    match length {
        short if short < HEADER - 4 => Err(Malformed("a frame is shorter than its header")),
        long if long > limit => Err(Malformed("a frame is longer than allowed")),
        length => Ok(Some(length + 4)),
    }
}

/// Reads a whole frame.
///
/// # Errors
/// It is malformed.
pub(crate) fn read(frame: &[u8]) -> Result<(u64, Message), Malformed> {
    let mut rest = Rest(frame.get(4..).ok_or(Malformed("a frame is cut"))?);
    let kind = rest.byte()?;
    let number = rest.u64()?;
    let message = match kind {
        1 => Message::Initialize { type_name: rest.text()?, log_level: rest.byte()?, configuration: rest.bytes()? },
        2 => {
            let (action, flags, remaining) = (rest.text()?, rest.byte()?, rest.u64()?);
            let remaining_ms = (flags & 4 != 0).then_some(remaining);
            let (is_stream, is_blocking) = (flags & 1 != 0, flags & 2 != 0);
            Message::Call {
                action,
                is_stream,
                is_blocking,
                remaining_ms,
                context: rest.bytes()?,
                params: rest.bytes()?,
            }
        }
        3 => Message::Cancel,
        4 => Message::Abort,
        5 => Message::Credit(rest.u32()?),
        6 => Message::State(match rest.byte()? {
            0 => Ok(None),
            1 => Ok(Some((rest.u64()?, rest.bytes()?))),
            2 => Err(rest.failure()?),
            _ => return Err(Malformed("a state is neither there nor not")),
        }),
        7 => Message::Migrate { from: rest.text()?, state: rest.bytes()? },
        8 => Message::ShutDown,
        16 => Message::Answer(match rest.byte()? {
            0 => Ok(None),
            1 => Ok(Some(rest.bytes()?)),
            2 => Err(rest.failure()?),
            _ => return Err(Malformed("an answer is neither a result nor an error")),
        }),
        17 => {
            let is_json = rest.byte()? != 0;
            Message::Chunk { is_json, bytes: std::mem::take(&mut rest.0).to_vec() }
        }
        18 => {
            let (has, percentage) = (rest.byte()? != 0, f64::from_le_bytes(rest.array()?));
            Message::Progress { percentage: has.then_some(percentage), message: rest.text()?, details: rest.bytes()? }
        }
        19 => Message::Log { level: rest.byte()?, target: rest.text()?, message: rest.text()?, fields: rest.bytes()? },
        20 => Message::LoadState { call: rest.u64()?, scope: rest.text()? },
        21 => Message::SaveState { call: rest.u64()?, scope: rest.text()?, expected: rest.u64()?, data: rest.bytes()? },
        _ => return Err(Malformed("a frame is of no known kind")),
    };
    if rest.0.is_empty() { Ok((number, message)) } else { Err(Malformed("a frame goes on after its end")) }
}

/// What of a frame is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (array, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed("a frame is cut"))?;
        self.0 = rest;
        Ok(*array)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    fn bytes(&mut self) -> Result<Vec<u8>, Malformed> {
        let length = self.u32()? as usize;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed("a frame is cut"))?;
        self.0 = rest;
        Ok(bytes.to_vec())
    }

    fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.bytes()?).map_err(|_| Malformed("a text is not UTF-8"))
    }

    fn failure(&mut self) -> Result<Failure, Malformed> {
        let (kind, message, details) = (self.u32()?, self.text()?, self.bytes()?);
        let causes = self.u32()?;
        let causes = (0..causes).map(|_| self.text()).collect::<Result<_, _>>()?;
        Ok(Failure { kind, message, details, causes })
    }
}
