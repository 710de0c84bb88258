//! The chain, read and checked line by line.

use std::{
    io::{BufRead, BufReader, Read},
    sync::Arc,
    time::SystemTime,
};

use crate::{
    Broken, Line, MAX_LINE_BYTES,
    line::{hash_of, read},
};

/// By what the present end of a log is known; kept elsewhere, it shows later whether lines were cut off or replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The number of the last line; 0 if there is none.
    pub seq: u64,
    /// The BLAKE3 hash of the last line with its line feed, in lower-case hex; that of nothing if there is none.
    pub hash: String,
}

/// What a log that is sound comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// How many lines there are.
    pub lines: u64,
    /// When the first one was written.
    pub first_at: Option<SystemTime>,
    /// When the last one was written.
    pub last_at: Option<SystemTime>,
    /// By what its end is known.
    pub head: Head,
}

/// The lines of a log, each checked against the one before it; ends with the first that is broken.
///
/// Holds one line in memory, of at most [`MAX_LINE_BYTES`].
#[derive(Debug)]
pub struct Chain<R> {
    reader: BufReader<R>,
    head: Head,
    has_ended: bool,
}

impl<R: Read> Chain<R> {
    /// Reads a log from its first line on.
    pub fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), head: Head { seq: 0, hash: hash_of(b"") }, has_ended: false }
    }

    /// By what the last line that was given is known.
    pub fn head(&self) -> &Head {
        &self.head
    }

    fn step(&mut self) -> Result<Option<Line>, Broken> {
        let number = self.head.seq + 1;
        let mut bytes = Vec::new();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let mut limited = self.reader.by_ref().take(limit);
        limited
            .read_until(b'\n', &mut bytes)
            .map_err(|source| Broken::Unreadable { line: number, source: Arc::new(source) })?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > MAX_LINE_BYTES {
            return Err(Broken::TooLong { line: number });
        }
        if bytes.last() != Some(&b'\n') {
            return Err(Broken::Torn { line: number });
        }
        let line = read(&bytes, number)?;
        if line.seq != number {
            return Err(Broken::Sequence { line: number, found: line.seq });
        }
        if line.prev != self.head.hash {
            return Err(Broken::Link { line: number });
        }
        self.head = Head { seq: number, hash: hash_of(&bytes) };
        Ok(Some(line))
    }
}

impl<R: Read> Iterator for Chain<R> {
    type Item = Result<Line, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let step = self.step().transpose();
        self.has_ended = !matches!(step, Some(Ok(_)));
        step
    }
}

/// Checks a whole log: nothing in it was changed, removed, inserted or moved.
///
/// Lines cut off its end cannot be seen from the file alone, see [`verify_chain_against`].
///
/// # Errors
/// The first line from which on nothing can be relied upon, and why.
pub fn verify_chain(reader: impl Read) -> Result<Summary, Broken> {
    verify(reader, None)
}

/// As [`verify_chain`], and that the log goes on from a head that is known from earlier.
///
/// # Errors
/// As there; [`Broken::CutOff`] if it ends before the known line, [`Broken::Replaced`] if that is another one now.
pub fn verify_chain_against(reader: impl Read, known: &Head) -> Result<Summary, Broken> {
    verify(reader, Some(known))
}

fn verify(reader: impl Read, known: Option<&Head>) -> Result<Summary, Broken> {
    let mut chain = Chain::new(reader);
    let (mut first_at, mut last_at) = (None, None);
    loop {
        if let Some(known) = known.filter(|known| known.seq == chain.head.seq && known.hash != chain.head.hash) {
            return Err(Broken::Replaced { line: known.seq });
        }
        let Some(line) = chain.next() else { break };
        let at = line?.at;
        first_at = first_at.or(Some(at));
        last_at = Some(at);
    }
    let head = chain.head;
    match known.filter(|known| known.seq > head.seq) {
        Some(known) => Err(Broken::CutOff { lines: head.seq, known: known.seq }),
        None => Ok(Summary { lines: head.seq, first_at, last_at, head }),
    }
}
