//! Directories that are opened, listed and read without ever following a symbolic link.

use std::{ffi::OsString, io, path::Path};

use apex_files::Ownership;
use apex_meta::Reason;

#[cfg(any(not(unix), test))]
#[cfg_attr(unix, allow(dead_code, reason = "tests compare what both have"))]
mod portable;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use portable::{Directory, open_file};
#[cfg(unix)]
pub(crate) use unix::{Directory, open_file};

/// What stands under a name, the name itself taken and not what a link points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
    Symlink,
    /// Neither of these: a FIFO, a socket, a device.
    Other(&'static str),
}

/// The subdirectories and symbolic links of a directory, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Children {
    pub(crate) named: Vec<(OsString, Kind)>,
    /// Whether there were more than asked for; the smallest names are kept.
    pub(crate) truncated: bool,
}

/// Why something could not be opened or read.
#[derive(Debug)]
pub(crate) enum Refusal {
    Missing,
    Denied,
    Symlink,
    /// There is something else than a regular file.
    NotRegular(&'static str),
    NotDirectory,
    Io(io::Error),
}

impl Refusal {
    pub(crate) fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::NotADirectory => Self::NotDirectory,
            _ => Self::Io(error),
        }
    }

    /// The refusal as the reason of an entry or problem.
    pub(crate) fn reason(&self, path: &Path) -> Reason {
        let path = path.display();
        match self {
            Self::Missing => Reason::new("Unreadable", format!("{path} vanished while it was being read"))
                .with_hint("scan again once nothing changes the directory any more"),
            Self::Denied => Reason::new("PermissionDenied", format!("{path} may not be read by this user"))
                .with_hint("give this user the right to read it, or run as a user that may"),
            Self::Symlink => Reason::new(
                "SymlinkRejected",
                format!("{path} is a symbolic link; below a root, links are never followed"),
            )
            .with_hint("put a copy of what the link points to in its place"),
            Self::NotRegular(kind) => {
                Reason::new("NotRegularFile", format!("{path} is {kind}, expected a regular file"))
                    .with_hint("remove it, or put the plugin's file in its place")
            }
            Self::NotDirectory => Reason::new("Unreadable", format!("{path} is not a directory any more")),
            Self::Io(error) => Reason::new("Unreadable", format!("{path} cannot be read: {error}")),
        }
    }
}

/// Collects names within a bound: however many are offered, the smallest are kept.
struct Smallest {
    children: Children,
    limit: usize,
}

impl Smallest {
    fn new(limit: usize) -> Self {
        Self { children: Children::default(), limit }
    }

    fn offer(&mut self, name: OsString, kind: Kind) {
        self.children.named.push((name, kind));
        if self.children.named.len() >= self.limit.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.children.named.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        self.children.truncated |= self.children.named.len() > self.limit;
        self.children.named.truncate(self.limit);
    }

    fn finish(mut self) -> Children {
        self.cut();
        self.children
    }
}

#[cfg(test)]
mod tests;
