//! Why something could not be opened, the same on each way of opening it.

use std::io;

use crate::Kind;

/// Why something could not be opened or looked at; the caller knows the path and names it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is nothing.
    #[error("it does not exist")]
    Missing,
    /// This user may not.
    #[error("it may not be read by this user")]
    Denied,
    /// There is a symbolic link at the end of the path or on the way.
    #[error("it is or lies behind a symbolic link")]
    Symlink,
    /// There is no directory where one must be.
    #[error("it is not a directory")]
    NotDirectory,
    /// There is something else than a regular file.
    #[error("it is {0}, not a regular file")]
    NotRegular(Kind),
    /// The path is empty, absolute, or has a `.` or `..` in it.
    #[error("its path is not one of plain names")]
    NotBeneath,
    /// The system says something else.
    #[error(transparent)]
    Io(io::Error),
}

impl OpenError {
    /// Sorts an error of the system that no symbolic link is behind.
    pub fn of(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::NotADirectory => Self::NotDirectory,
            _ => Self::Io(error),
        }
    }

    /// The error as `std::io` would tell it.
    pub fn into_io(self) -> io::Error {
        let kind = match self {
            Self::Io(error) => return error,
            Self::Missing => io::ErrorKind::NotFound,
            Self::Denied => io::ErrorKind::PermissionDenied,
            Self::NotDirectory => io::ErrorKind::NotADirectory,
            Self::Symlink | Self::NotRegular(_) => io::ErrorKind::Other,
            Self::NotBeneath => io::ErrorKind::InvalidInput,
        };
        io::Error::new(kind, self)
    }
}

#[cfg(unix)]
impl From<rustix::io::Errno> for OpenError {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::of(errno.into())
    }
}
