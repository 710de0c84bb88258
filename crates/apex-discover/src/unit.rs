//! One subdirectory of a root as it was when it was last looked at, as bytes that are read in place.
//!
//! ```text
//! u64 where its texts begin in the file   u32 their length   u16 length of the name   name
//! u8 1 if the name is a link   u32 count of stamps   { u16 length   path 0   stamp } ...   finds (postcard)
//! ```
//!
//! Without stamps nothing is known of it but the name, and it is looked at each time.

use std::{ffi::OsStr, fs::File, ops::Range, path::PathBuf, sync::Arc};

use apex_meta::{Fault, PluginId, PluginVersion, Reason};
use serde::{Deserialize, Serialize};

use crate::{
    bytes::Bytes,
    candidate::{Candidate, Find, Invalid, Layout, Place},
    directory::Kind,
    faults,
    metadata::{Bodies, Metadata, Text},
    open_root::OpenRoot,
    stamps,
    summary::Summary,
};

/// One subdirectory of a root as it was when it was last looked at.
#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// Shared by all units of one file; a vector, since a file's megabytes are not worth copying.
    buffer: Arc<Vec<u8>>,
    range: Range<usize>,
    bodies: Bodies,
}

/// Where each part of a unit is.
struct Parts<'a> {
    bodies_at: u64,
    bodies_length: u32,
    name: &'a [u8],
    is_link: bool,
    stamps: u32,
    /// The stamps, then the finds.
    rest: Bytes<'a>,
}

/// A find as it is kept.
#[derive(Serialize, Deserialize)]
enum Kept<'a> {
    Candidate {
        /// The subdirectory below the unit's, where the layout has one.
        #[serde(borrow)]
        child: Option<&'a [u8]>,
        summary: Summary,
        unfit: Option<Box<Reason>>,
        /// What the assessment made of its facts.
        #[serde(borrow)]
        facts: &'a [u8],
        #[serde(borrow)]
        text: KeptText<'a>,
    },
    Invalid {
        #[serde(borrow)]
        child: Option<&'a [u8]>,
        reason: Reason,
        #[serde(with = "faults")]
        faults: Vec<Fault>,
        #[serde(with = "faults")]
        warnings: Vec<Fault>,
        id: Option<PluginId>,
        version: Option<PluginVersion>,
        name: Option<String>,
    },
}

#[derive(Serialize, Deserialize)]
struct KeptText<'a> {
    offset: u32,
    length: u32,
    /// 32 bytes, taken as a whole, since an array is read byte by byte.
    hash: &'a [u8],
}

/// A unit in the making: what was found, and the texts that it was read from.
#[derive(Default)]
pub(crate) struct Making<'a> {
    finds: Vec<Kept<'a>>,
    bodies: Vec<u8>,
}

impl<'a> Making<'a> {
    /// Adds a candidate with its facts and the text of its `plugin.json`.
    pub(crate) fn candidate(&mut self, candidate: &'a Candidate, facts: &'a [u8], text: &[u8]) -> Option<()> {
        let (offset, length) = (u32::try_from(self.bodies.len()).ok()?, u32::try_from(text.len()).ok()?);
        self.bodies.extend(text);
        self.finds.push(Kept::Candidate {
            child: candidate.place.child(),
            summary: candidate.summary.clone(),
            unfit: candidate.unfit.clone(),
            facts,
            text: KeptText { offset, length, hash: candidate.metadata.hash() },
        });
        Some(())
    }

    pub(crate) fn invalid(&mut self, invalid: &'a Invalid) {
        self.finds.push(Kept::Invalid {
            child: invalid.place.child(),
            reason: invalid.reason.clone(),
            faults: invalid.faults.clone(),
            warnings: invalid.warnings.clone(),
            id: invalid.id.clone(),
            version: invalid.version.clone(),
            name: invalid.name.clone(),
        });
    }

    pub(crate) fn finish(self, name: &OsStr, (count, stamps): (u32, Vec<u8>)) -> Option<Unit> {
        let mut bytes = head(u32::try_from(self.bodies.len()).ok()?, name, false, count)?;
        bytes.extend(stamps);
        let bytes = postcard::to_extend(&self.finds, bytes).ok()?;
        Some(Unit { range: 0..bytes.len(), buffer: Arc::new(bytes), bodies: Bodies::Memory(self.bodies.into()) })
    }
}

impl Unit {
    /// Of a name of which nothing else is known.
    pub(crate) fn unknown(name: &OsStr, kind: Kind) -> Self {
        // A name that is too long for the file system cannot have been found in it.
        let bytes = head(0, name, kind == Kind::Symlink, 0).unwrap_or_default();
        Self { range: 0..bytes.len(), buffer: Arc::new(bytes), bodies: Bodies::Memory(Arc::default()) }
    }

    /// The unit at a place of a file's index; none if there is none.
    pub(crate) fn in_file(index: &Arc<Vec<u8>>, range: Range<usize>, file: &Arc<File>, length: u64) -> Option<Self> {
        let bodies = Bodies::File(Arc::clone(file), 0);
        let mut unit = Self { buffer: Arc::clone(index), range, bodies };
        let parts = unit.parts()?;
        let end = parts.bodies_at.checked_add(u64::from(parts.bodies_length))?;
        let starts_at = parts.bodies_at;
        let is_name =
            !parts.name.is_empty() && parts.name != b".." && !parts.name.iter().any(|byte| matches!(byte, b'/' | 0));
        if end > length || !is_name {
            return None;
        }
        unit.bodies = Bodies::File(Arc::clone(file), starts_at);
        Some(unit)
    }

    pub(crate) fn name(&self) -> &OsStr {
        os_str(self.parts().map_or(&[], |parts| parts.name))
    }

    /// A directory, or a link in the place of one.
    pub(crate) fn kind(&self) -> Kind {
        if self.parts().is_some_and(|parts| parts.is_link) { Kind::Symlink } else { Kind::Directory }
    }

    /// What was found, if everything is as it was, which stamps alone are asked for; none if it does not read as that, or
    /// the facts cannot be used any more.
    pub(crate) fn finds<F>(&self, root: &OpenRoot, restore: impl Fn(&[u8]) -> Option<F>) -> Option<Vec<Find<F>>> {
        let mut parts = self.parts()?;
        if parts.stamps == 0 || !stamps::hold(&root.directory, parts.stamps, &mut parts.rest) {
            return None;
        }
        let (count, mut rest) = postcard::take_from_bytes::<usize>(parts.rest.rest()).ok()?;
        let mut finds = Vec::new();
        for _ in 0..count {
            let (kept, further) = postcard::take_from_bytes(rest).ok()?;
            finds.push(self.revive(root, os_str(parts.name), kept, &restore)?);
            rest = further;
        }
        Some(finds)
    }

    fn revive<F>(
        &self,
        root: &OpenRoot,
        name: &OsStr,
        kept: Kept<'_>,
        restore: impl Fn(&[u8]) -> Option<F>,
    ) -> Option<Find<F>> {
        Some(match kept {
            Kept::Candidate { child, summary, unfit, facts, text } => {
                let KeptText { offset, length, hash } = text;
                let text = Text { bodies: self.bodies.clone(), offset, length };
                let candidate = Candidate {
                    place: place(root, name, child)?,
                    summary,
                    metadata: Metadata::stored(text, hash.try_into().ok()?),
                    unfit,
                    exposure: None,
                };
                Find::Candidate(Arc::new(candidate), restore(facts)?)
            }
            Kept::Invalid { child, reason, faults, warnings, id, version, name: named } => {
                let place = place(root, name, child)?;
                Find::Invalid(Arc::new(Invalid { place, reason, faults, warnings, id, version, name: named }))
            }
        })
    }

    /// Whether two say the same, wherever their texts are kept.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        let is_one = Arc::ptr_eq(&self.buffer, &other.buffer) && self.range == other.range;
        is_one || self.bytes().get(8..) == other.bytes().get(8..)
    }

    /// The bytes for a file in which the texts begin at a place.
    pub(crate) fn write_to(&self, index: &mut Vec<u8>, bodies_at: u64) {
        let bytes = self.bytes();
        index.extend(bodies_at.to_le_bytes());
        index.extend(bytes.get(8..).unwrap_or_default());
    }

    /// How many bytes [`Unit::write_to`] writes.
    pub(crate) fn length(&self) -> usize {
        self.range.len()
    }

    /// The texts, for a file.
    ///
    /// # Errors
    /// They cannot be read from the file that they are kept in.
    pub(crate) fn texts(&self) -> std::io::Result<Vec<u8>> {
        self.bodies.read(0, self.texts_length())
    }

    pub(crate) fn texts_length(&self) -> u32 {
        self.parts().map_or(0, |parts| parts.bodies_length)
    }

    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }

    #[inline]
    fn parts(&self) -> Option<Parts<'_>> {
        let mut bytes = Bytes::new(self.bytes());
        let (bodies_at, bodies_length) = (bytes.u64()?, bytes.u32()?);
        let name_length = usize::from(bytes.u16()?);
        let name = bytes.take(name_length)?;
        let is_link = bytes.u8()? != 0;
        Some(Parts { bodies_at, bodies_length, name, is_link, stamps: bytes.u32()?, rest: bytes })
    }
}

fn head(bodies_length: u32, name: &OsStr, is_link: bool, stamps: u32) -> Option<Vec<u8>> {
    let mut bytes = vec![0; 8];
    bytes.extend(bodies_length.to_le_bytes());
    bytes.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
    bytes.extend(name.as_encoded_bytes());
    bytes.push(u8::from(is_link));
    bytes.extend(stamps.to_le_bytes());
    Some(bytes)
}

fn place(root: &OpenRoot, name: &OsStr, child: Option<&[u8]>) -> Option<Place> {
    let root_path = root.path.as_os_str();
    let length = root_path.len() + name.len() + child.map_or(0, <[u8]>::len) + 2;
    // In one piece of memory, which nothing is added to any more.
    let mut directory = PathBuf::with_capacity(length);
    directory.push(root_path);
    directory.push(name);
    let layout = if child.is_some() { Layout::Versioned } else { Layout::Flat };
    if let Some(child) = child {
        if child.is_empty() || child == b".." || child.contains(&b'/') {
            return None;
        }
        directory.push(os_str(child));
    }
    Some(Place { root: Arc::clone(&root.root), rank: root.rank, directory, layout })
}

#[cfg(unix)]
fn os_str(bytes: &[u8]) -> &OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}

/// Only names that are text are ever kept here.
#[cfg(not(unix))]
fn os_str(bytes: &[u8]) -> &OsStr {
    OsStr::new(std::str::from_utf8(bytes).unwrap_or_default())
}
