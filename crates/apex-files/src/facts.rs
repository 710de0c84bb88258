//! What is known of a file without reading it.

use std::fmt;

/// What stands under a name, the name itself taken and not what a link points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
    /// A named pipe, which keeps its reader waiting for a writer.
    Fifo,
    /// A Unix socket.
    Socket,
    /// A character or block device, which opening may already set to work.
    Device,
    /// Something that this crate does not know.
    Unknown,
}

impl Kind {
    /// The kind with its article, as a sentence takes it.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Directory => "a directory",
            Self::File => "a regular file",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
            Self::Unknown => "of an unknown kind",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.described())
    }
}

/// Who may change a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ownership {
    /// The number of the user whose it is.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Its permission bits, with setuid, setgid and sticky; bits of its kind are ignored.
    pub mode: u32,
}

impl Ownership {
    /// The permission bits, setuid, setgid and sticky included.
    pub const fn permissions(self) -> u32 {
        self.mode & 0o7777
    }
}

/// What the file system says of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub length: u64,
    /// How many names it has.
    pub links: u64,
    /// Who may change it.
    pub ownership: Ownership,
}

#[cfg(unix)]
impl Facts {
    /// What stands at a path; a link at its end is told as such.
    ///
    /// # Errors
    /// Nothing stands there, or it may not be looked at.
    pub fn of_path(path: &std::path::Path) -> Result<Self, crate::OpenError> {
        Ok(Self::of(&rustix::fs::lstat(path)?))
    }

    /// Reads what a `stat` call told; the widths of its fields differ between platforms.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "the widths differ between platforms")]
    pub(crate) fn of(stat: &rustix::fs::Stat) -> Self {
        Self {
            kind: rustix::fs::FileType::from_raw_mode(stat.st_mode).into(),
            length: u64::try_from(stat.st_size).unwrap_or(u64::MAX),
            links: stat.st_nlink as u64,
            ownership: Ownership { uid: stat.st_uid.into(), gid: stat.st_gid.into(), mode: stat.st_mode as u32 },
        }
    }
}

#[cfg(unix)]
impl From<rustix::fs::FileType> for Kind {
    fn from(file_type: rustix::fs::FileType) -> Self {
        use rustix::fs::FileType;
        match file_type {
            FileType::Directory => Self::Directory,
            FileType::RegularFile => Self::File,
            FileType::Symlink => Self::Symlink,
            FileType::Fifo => Self::Fifo,
            FileType::Socket => Self::Socket,
            FileType::CharacterDevice | FileType::BlockDevice => Self::Device,
            FileType::Unknown => Self::Unknown,
        }
    }
}
