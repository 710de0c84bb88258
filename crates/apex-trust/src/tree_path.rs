//! Paths inside a plugin: the one rule for what a file in a plugin may be called, on every platform.

use std::{collections::BTreeMap, fmt, str::FromStr};

/// The path of a file or directory inside a plugin: relative, `/`-separated and portable to every platform.
///
/// Segments are made of `[A-Za-z0-9._-]`; none is `.` or `..`, ends in a dot, or is a device name of Windows
/// (`CON`, `nul.txt`). A path has at most 240 bytes and 16 segments, and fits the two name fields of a ustar header.
///
/// ```
/// use apex_trust::TreePath;
/// let path: TreePath = "lib/x86_64-unknown-linux-gnu/libgreeter.so".parse().unwrap();
/// assert_eq!(path.file_name(), "libgreeter.so");
/// assert_eq!("../secret".parse::<TreePath>().unwrap_err().code(), "PathEscape");
/// assert_eq!("docs/naïve.md".parse::<TreePath>().unwrap_err().code(), "UnportablePath");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Box<str>);

impl TreePath {
    /// The longest path, in bytes.
    pub const MAX_BYTES: usize = 240;
    /// The most segments, the file's own name included.
    pub const MAX_DEPTH: usize = 16;
    /// The longest `name` of a ustar header, in bytes.
    const USTAR_NAME: usize = 100;
    /// The longest `prefix` of a ustar header, in bytes.
    const USTAR_PREFIX: usize = 155;

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last segment.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The path of the directory that holds it; none for what stands in the plugin's root.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once('/').map(|(parent, _)| parent)
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The `prefix` and `name` fields of a ustar header (POSIX.1-2017, pax, "ustar Interchange Format").
    ///
    /// A path of at most 100 bytes has an empty prefix; a longer one is split at its last slash that leaves at most
    /// 155 bytes before it, so that there is one way only to write a path.
    pub fn ustar_fields(&self) -> (&str, &str) {
        split_for_ustar(&self.0).unwrap_or(("", &self.0))
    }
}

fn split_for_ustar(path: &str) -> Option<(&str, &str)> {
    if path.len() <= TreePath::USTAR_NAME {
        return Some(("", path));
    }
    let (slash, _) = path.match_indices('/').take_while(|(at, _)| *at <= TreePath::USTAR_PREFIX).last()?;
    let (prefix, name) = (&path[..slash], &path[slash + 1..]);
    (name.len() <= TreePath::USTAR_NAME).then_some((prefix, name))
}

impl FromStr for TreePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let refuse = |fault| Err(InvalidPath { path: text.chars().take(300).collect(), fault });
        if text.starts_with('/') || text.split('/').any(|segment| segment == "..") {
            return refuse(PathFault::Escape);
        }
        if text.len() > Self::MAX_BYTES {
            return refuse(PathFault::TooLong);
        }
        if text.split('/').count() > Self::MAX_DEPTH {
            return refuse(PathFault::TooDeep);
        }
        if let Some(fault) = text.split('/').find_map(segment_fault) {
            return refuse(fault);
        }
        match split_for_ustar(text) {
            Some(_) => Ok(Self(text.into())),
            None => refuse(PathFault::NotUstar),
        }
    }
}

fn segment_fault(segment: &str) -> Option<PathFault> {
    let portable = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if segment.is_empty() {
        return Some(PathFault::EmptySegment);
    }
    if let Some(found) = segment.chars().find(|c| !portable(*c)) {
        return Some(PathFault::Character { found });
    }
    if segment.ends_with('.') {
        return Some(PathFault::TrailingDot);
    }
    is_windows_device(segment).then_some(PathFault::DeviceName)
}

/// Windows opens a device for these names whatever extension follows.
fn is_windows_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or(segment).to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" => true,
        _ => matches!(stem.as_bytes(), [b'C', b'O', b'M', b'0'..=b'9'] | [b'L', b'P', b'T', b'0'..=b'9']),
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for TreePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// A text that no file of a plugin may be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{}` {fault}", path.escape_debug())]
pub struct InvalidPath {
    /// The text as given, cut after 300 characters.
    pub path: String,
    /// The rule that it breaks.
    pub fault: PathFault,
}

impl InvalidPath {
    /// The stable error code: `PathEscape` or `UnportablePath`.
    pub fn code(&self) -> &'static str {
        match self.fault {
            PathFault::Escape => "PathEscape",
            _ => "UnportablePath",
        }
    }
}

/// The rule that a path breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathFault {
    /// Absolute, or with a `..` in it.
    Escape,
    /// More than [`TreePath::MAX_BYTES`] bytes.
    TooLong,
    /// More than [`TreePath::MAX_DEPTH`] segments.
    TooDeep,
    /// Two slashes in a row, a slash at the end, or nothing at all.
    EmptySegment,
    /// A character outside `[A-Za-z0-9._-]`.
    Character {
        /// The character.
        found: char,
    },
    /// A segment that ends in a dot, which Windows drops.
    TrailingDot,
    /// A segment that Windows takes for a device.
    DeviceName,
    /// No slash splits it into the fields of a ustar header.
    NotUstar,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Escape => f.write_str("leaves the plugin's directory"),
            Self::TooLong => write!(f, "has more than {} bytes", TreePath::MAX_BYTES),
            Self::TooDeep => write!(f, "has more than {} segments", TreePath::MAX_DEPTH),
            Self::EmptySegment => f.write_str("has an empty segment"),
            Self::Character { found } => {
                write!(f, "has the character {found:?}; letters, digits, `.`, `_` and `-` are portable")
            }
            Self::TrailingDot => f.write_str("has a segment that ends in a dot"),
            Self::DeviceName => f.write_str("has a segment that is a device name on Windows"),
            Self::NotUstar => f.write_str("does not fit an archive: too long without a slash"),
        }
    }
}

/// The paths of one plugin seen so far, which may not collide on a file system that ignores case.
///
/// Directories are implied by the files below them and take part: `Docs/a` and `docs/b` collide.
#[derive(Debug, Default)]
pub struct PathCensus {
    /// Folded path to the spelling first seen, and whether it is a file.
    seen: BTreeMap<String, (String, bool)>,
}

impl PathCensus {
    /// Adds the path of a file.
    ///
    /// # Errors
    /// [`Collision::Duplicate`] if this very path was added before, [`Collision::Case`] if another spelling of it, or
    /// of a directory on the way to it, was, and [`Collision::FileAndDirectory`] if one path would have to be both.
    pub fn add_file(&mut self, path: &TreePath) -> Result<(), Collision> {
        for (slash, _) in path.as_str().match_indices('/') {
            self.add(&path.as_str()[..slash], false)?;
        }
        self.add(path.as_str(), true)
    }

    /// Adds the path of a directory.
    ///
    /// # Errors
    /// As [`PathCensus::add_file`], but that a directory may be added again.
    pub fn add_directory(&mut self, path: &TreePath) -> Result<(), Collision> {
        for (slash, _) in path.as_str().match_indices('/') {
            self.add(&path.as_str()[..slash], false)?;
        }
        self.add(path.as_str(), false)
    }

    fn add(&mut self, path: &str, is_file: bool) -> Result<(), Collision> {
        let folded = path.to_ascii_lowercase();
        match self.seen.get(&folded) {
            None => {
                self.seen.insert(folded, (path.to_owned(), is_file));
                Ok(())
            }
            Some((first, _)) if first != path => Err(Collision::Case { first: first.clone(), second: path.to_owned() }),
            Some((_, was_file)) if *was_file != is_file => Err(Collision::FileAndDirectory { path: path.to_owned() }),
            Some(_) if is_file => Err(Collision::Duplicate { path: path.to_owned() }),
            Some(_) => Ok(()),
        }
    }
}

/// Two paths of one plugin that cannot both exist everywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Collision {
    /// Two spellings that differ in ASCII case only.
    #[error("paths `{first}` and `{second}` differ in case only")]
    Case {
        /// The path seen first.
        first: String,
        /// The path that collides with it.
        second: String,
    },
    /// The same file twice.
    #[error("path `{path}` occurs twice")]
    Duplicate {
        /// The path.
        path: String,
    },
    /// A file that would have to be a directory as well.
    #[error("path `{path}` is both a file and a directory")]
    FileAndDirectory {
        /// The path.
        path: String,
    },
}

impl Collision {
    /// The stable error code: `DuplicateEntry` or `PathCollision`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Duplicate { .. } => "DuplicateEntry",
            Self::Case { .. } | Self::FileAndDirectory { .. } => "PathCollision",
        }
    }
}

#[cfg(test)]
mod tests;
