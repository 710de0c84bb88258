//! The envelope that a state file holds its data in, written and read.
//!
//! ```text
//! {"apex_state":1,"plugin":id,"version":v,["scope":{..},]["owner":{..},]"generation":n,["cleared":true,]
//!  "blake3":hex,"seal":hex,"data":..}
//! ```
//!
//! `blake3` is the hash over the bytes of `data` as stored; `seal` is the hash over all bytes before its own name, so
//! that a flipped bit in the generation, the owner or the other hash is found as well. A file without a seal is read
//! too: one that was written by hand can do without. `cleared` marks a state that was forgotten and keeps its
//! generation alone.

use std::ops::Range;

use apex_meta::{Owner, PluginId, PluginVersion};
use blake3::Hash;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::{Scope, StateKey};

const FORMAT: u64 = 1;

/// The largest generation, which is the largest integer that every JSON reader keeps exactly.
pub(crate) const MAX_GENERATION: u64 = (1 << 53) - 1;

/// A state file's content, with its data as a `Value`, or as [`IgnoredAny`] where only the rest is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record<D = Value> {
    pub(crate) key: StateKey,
    pub(crate) generation: u64,
    /// `None` if the state was cleared.
    pub(crate) data: Option<D>,
    /// The size of the data as stored, in bytes.
    pub(crate) data_bytes: u64,
    /// The size of it all, in bytes.
    pub(crate) total_bytes: u64,
}

/// What becomes of a record's data when it is read.
pub(crate) trait Data: DeserializeOwned {
    /// What stands for data that its hash vouches for, where nobody wants to see it.
    const UNREAD: Option<Self>;
}

impl Data for Value {
    const UNREAD: Option<Self> = None;
}

impl Data for IgnoredAny {
    const UNREAD: Option<Self> = Some(Self);
}

/// Why bytes are not a record.
#[derive(Debug, PartialEq)]
pub(crate) enum Unreadable {
    /// They are damaged.
    Damaged(RecordFault),
    /// They are of a format that this release does not know.
    UnsupportedFormat(u64),
}

/// What is wrong with a state file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// The file is gone, but its backup is there.
    #[error("the file is missing")]
    Missing,
    /// The file holds another state than its place says.
    #[error("it holds another state")]
    Misplaced,
    /// The file is not JSON.
    #[error("not a JSON object, as seen at byte {offset}")]
    Syntax {
        /// Where it ceases to be, in bytes.
        offset: usize,
    },
    /// A member is missing or not of its form.
    #[error("member `{name}` is missing or malformed")]
    Member {
        /// The member's name.
        name: &'static str,
    },
    /// A member stands twice, or does not belong there.
    #[error("unexpected member `{}`", name.escape_debug())]
    UnexpectedMember {
        /// The member's name.
        name: String,
    },
    /// The envelope is not what was written.
    #[error("the envelope does not match its seal")]
    Seal,
    /// The data is not what was written.
    #[error("the data does not match its hash")]
    Data,
}

/// Writes a record; `data` is JSON, or `None` to keep the generation alone.
pub(crate) fn write(key: &StateKey, generation: u64, data: Option<&[u8]>) -> Vec<u8> {
    let cleared = data.is_none();
    let data = data.unwrap_or(b"null");
    let mut text = format!("{{\"apex_state\":{FORMAT}");
    let mut member = |name: &str, value: Value| text.push_str(&format!(",\"{name}\":{value}"));
    member("plugin", key.plugin.as_str().into());
    member("version", key.version.to_string().into());
    if !key.scope.is_global() {
        member("scope", json(&key.scope));
    }
    // What is cleared belongs to nobody: the next owner may begin anew.
    if let Some(owner) = key.owner.as_ref().filter(|_| !cleared) {
        member("owner", json(owner));
    }
    member("generation", generation.into());
    if cleared {
        member("cleared", true.into());
    }
    member("blake3", hex(data).into());
    text.push(',');
    let seal = hex(text.as_bytes());
    text.push_str(&format!("\"seal\":\"{seal}\",\"data\":"));
    let mut bytes = text.into_bytes();
    bytes.reserve_exact(data.len() + 2);
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"}\n");
    bytes
}

/// Reads a record and checks everything that can be checked without knowing which one it should be.
pub(crate) fn read<D: Data>(bytes: &[u8]) -> Result<Record<D>, Unreadable> {
    let (members, data) = Members::scan::<D>(bytes)?;
    let format = members.required("apex_state", Value::as_u64)?;
    if format != FORMAT {
        return Err(members.unknown_format(bytes, format));
    }
    members.check_names()?;
    if members.find("seal").is_some_and(|seal| !seal.seals(&[&bytes[..seal.start]])) {
        return Err(Unreadable::Damaged(RecordFault::Seal));
    }
    let Found { data, span, is_verified } = data.ok_or(fault("data"))?;
    let expected = members.required("blake3", as_hash)?;
    if !is_verified && blake3::hash(&bytes[span.clone()]) != expected {
        return Err(Unreadable::Damaged(RecordFault::Data));
    }
    let key = StateKey {
        plugin: members.required("plugin", parse::<PluginId>)?,
        version: members.required("version", parse::<PluginVersion>)?,
        scope: members.optional::<Scope>("scope")?.unwrap_or_default(),
        owner: members.optional::<Owner>("owner")?,
    };
    let cleared = members.optional::<bool>("cleared")?.unwrap_or(false);
    let generation = members.required("generation", |value| match value.as_u64()? {
        generation @ 1..=MAX_GENERATION => Some(generation),
        _ => None,
    })?;
    let (data_bytes, total_bytes) = (span.len() as u64, bytes.len() as u64);
    Ok(Record { key, generation, data: (!cleared).then_some(data), data_bytes, total_bytes })
}

fn fault(name: &'static str) -> Unreadable {
    Unreadable::Damaged(RecordFault::Member { name })
}

fn as_hash(value: &Value) -> Option<Hash> {
    Hash::from_hex(value.as_str()?).ok()
}

fn hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn json<T: serde::Serialize>(value: &T) -> Value {
    // Scopes and owners are structs and enums of text, which always have a JSON form.
    serde_json::to_value(value).unwrap_or_default()
}

fn parse<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// One member of the envelope.
struct Member {
    name: String,
    /// Where the name's opening quote is.
    start: usize,
    value: Value,
    /// Where the value is.
    span: Range<usize>,
}

impl Member {
    /// Whether this member is the hash of these bytes.
    fn seals(&self, parts: &[&[u8]]) -> bool {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(part);
        }
        self.value.as_str() == Some(hasher.finalize().to_hex().as_str())
    }
}

/// The members of the envelope in their order, without the data.
struct Members(Vec<Member>);

/// The data, and where it stands.
struct Found<D> {
    data: D,
    span: Range<usize>,
    /// Whether it was held against its hash already.
    is_verified: bool,
}

impl<D: Data> Found<D> {
    /// Data that nobody wants to see and its hash vouches for, in a file as this store writes it, which ends with it.
    ///
    /// What a save replaces is looked at for its generation; to parse all its data for that would take longer than hashing.
    fn unread(bytes: &[u8], from: usize, members: &Members) -> Option<Self> {
        let data = D::UNREAD?;
        let (expected, span) = (as_hash(&members.find("blake3")?.value)?, from..bytes.len().saturating_sub(2));
        let is_verified = bytes.ends_with(b"}\n") && blake3::hash(bytes.get(span.clone())?) == expected;
        is_verified.then_some(Self { data, span, is_verified })
    }
}

impl Members {
    const NAMES: [&'static str; 9] =
        ["apex_state", "plugin", "version", "scope", "owner", "generation", "cleared", "blake3", "seal"];

    /// Takes an object apart, whatever its white space, and notes where its data stands.
    fn scan<D: Data>(bytes: &[u8]) -> Result<(Self, Option<Found<D>>), Unreadable> {
        let mut scanner = Scanner { bytes, at: 0 };
        let (mut members, mut data) = (Self(Vec::with_capacity(Self::NAMES.len())), None);
        scanner.expect(b"{")?;
        loop {
            scanner.skip_space();
            let start = scanner.at;
            let name = scanner.next::<String>()?;
            scanner.expect(b":")?;
            scanner.skip_space();
            let from = scanner.at;
            if name == "data" && data.is_none() {
                data = Found::unread(bytes, from, &members);
                match &data {
                    Some(found) => scanner.at = found.span.end,
                    None => {
                        let parsed = scanner.next::<D>()?;
                        data = Some(Found { data: parsed, span: from..scanner.at, is_verified: false });
                    }
                }
            } else {
                let value = scanner.next::<Value>()?;
                members.0.push(Member { name, start, value, span: from..scanner.at });
            }
            if scanner.expect(b",}")? == b'}' {
                break;
            }
        }
        scanner.skip_space();
        if scanner.at == bytes.len() { Ok((members, data)) } else { Err(scanner.fault()) }
    }

    fn find(&self, name: &str) -> Option<&Member> {
        self.0.iter().find(|member| member.name == name)
    }

    fn required<T>(&self, name: &'static str, take: impl FnOnce(&Value) -> Option<T>) -> Result<T, Unreadable> {
        self.find(name).and_then(|member| take(&member.value)).ok_or(fault(name))
    }

    fn optional<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, Unreadable> {
        let Some(member) = self.find(name) else { return Ok(None) };
        T::deserialize(&member.value).map(Some).map_err(|_| fault(name))
    }

    /// Tells a newer format from a damaged number: only the latter has a seal that holds for this format.
    fn unknown_format(&self, bytes: &[u8], format: u64) -> Unreadable {
        let is_damaged = self.find("apex_state").zip(self.find("seal")).is_some_and(|(number, seal)| {
            let ours = FORMAT.to_string();
            bytes
                .get(number.span.end..seal.start)
                .is_some_and(|rest| seal.seals(&[&bytes[..number.span.start], ours.as_bytes(), rest]))
        });
        if is_damaged { Unreadable::Damaged(RecordFault::Seal) } else { Unreadable::UnsupportedFormat(format) }
    }

    fn check_names(&self) -> Result<(), Unreadable> {
        for (index, member) in self.0.iter().enumerate() {
            let name = member.name.as_str();
            // A second `data` is here too, and unknown.
            if !Self::NAMES.contains(&name) || self.0[..index].iter().any(|earlier| earlier.name == name) {
                return Err(Unreadable::Damaged(RecordFault::UnexpectedMember { name: name.to_owned() }));
            }
        }
        Ok(())
    }
}

/// A place in JSON text.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn fault(&self) -> Unreadable {
        Unreadable::Damaged(RecordFault::Syntax { offset: self.at })
    }

    fn skip_space(&mut self) {
        while self.bytes.get(self.at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes one of these bytes, after any white space.
    fn expect(&mut self, any: &[u8]) -> Result<u8, Unreadable> {
        self.skip_space();
        let found = self.bytes.get(self.at).copied().filter(|byte| any.contains(byte)).ok_or_else(|| self.fault())?;
        self.at += 1;
        Ok(found)
    }

    /// Takes one JSON value.
    fn next<T: DeserializeOwned>(&mut self) -> Result<T, Unreadable> {
        let mut stream = serde_json::Deserializer::from_slice(&self.bytes[self.at..]).into_iter::<T>();
        let value = stream.next().and_then(Result::ok).ok_or_else(|| self.fault())?;
        self.at += stream.byte_offset();
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
