//! Bytes in memory that nobody can change any more, and that a library can be loaded from.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    sync::Arc,
};

use crate::hash::read_at;

/// A file in memory, sealed against every change by this or any other process.
///
/// On Linux it is a `memfd` with all write, size and seal operations sealed off. What was hashed is therefore what
/// is loaded, however the file that the bytes came from is edited or replaced.
///
/// Asking for its [`path`](SealedFile::path) pins it: its descriptor then stays open until the process ends. The
/// dynamic linker knows libraries by path, and a reused number in `/proc/self/fd/` would give it the library that was
/// loaded under that number before.
#[derive(Debug)]
pub struct SealedFile {
    file: Arc<File>,
    length: u64,
    executable: bool,
}

impl SealedFile {
    /// Copies everything that a reader yields, up to `limit` bytes, and seals it.
    pub(crate) fn copy_from(reader: impl Read, executable: bool, limit: u64) -> Result<Self, SealError> {
        let mut file = platform::create().map_err(|source| SealError::Memory { source })?;
        let length = io::copy(&mut reader.take(limit + 1), &mut file).map_err(|source| SealError::Copy { source })?;
        if length > limit {
            return Err(SealError::TooLong);
        }
        platform::seal(&file).map_err(|source| SealError::Memory { source })?;
        Ok(Self { file: Arc::new(file), length, executable })
    }

    /// A path that opens these bytes in this process, `/proc/self/fd/N`; it stays valid as long as the process lives.
    pub fn path(&self) -> PathBuf {
        // One owner that is never dropped: the number must never come to stand for another file.
        std::mem::forget(Arc::clone(&self.file));
        platform::path(&self.file)
    }

    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the owner of the file that the bytes came from may execute it.
    pub(crate) fn executable(&self) -> bool {
        self.executable
    }

    /// Reads some of the sealed bytes from a place on.
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        read_at(&self.file, buffer, offset)
    }

    /// Reads the sealed bytes from their start, without moving a cursor that others share.
    pub fn reader(&self) -> impl Read + Seek + '_ {
        Reader { file: &self.file, length: self.length, offset: 0 }
    }
}

#[cfg(unix)]
impl std::os::fd::AsFd for SealedFile {
    /// The descriptor, for handing it to another process; it must not be loaded from here, see [`SealedFile::path`].
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Positioned reads, see [`SealedFile::reader`].
struct Reader<'a> {
    file: &'a File,
    length: u64,
    offset: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(self.file, buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.offset.checked_add_signed(offset),
        };
        self.offset = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

/// Why bytes could not be sealed.
#[derive(Debug)]
pub(crate) enum SealError {
    /// The source could not be read, or memory ran out meanwhile.
    Copy { source: io::Error },
    /// The platform has no sealed memory, or refuses it.
    Memory { source: io::Error },
    /// The source has more bytes than allowed.
    TooLong,
}

#[cfg(target_os = "linux")]
mod platform {
    use std::{fs::File, io, os::fd::AsRawFd, path::PathBuf, thread, time::Duration};

    use rustix::{
        fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
        io::Errno,
    };

    pub(super) fn create() -> io::Result<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // `vm.memfd_noexec=2` demands the flag, kernels before 6.3 do not know it. It forbids execve, not mapping.
        let descriptor = match memfd_create("apex-plugin", flags | MemfdFlags::NOEXEC_SEAL) {
            Err(Errno::INVAL) => memfd_create("apex-plugin", flags),
            other => other,
        }?;
        Ok(File::from(descriptor))
    }

    /// Seals against every change.
    ///
    /// The kernel says EBUSY while anybody holds a reference to one of the pages, as its own page scanners do now and
    /// then for a moment (mm/memfd.c, `memfd_wait_for_pins`): nobody else has this file, so trying again ends well.
    pub(super) fn seal(file: &File) -> io::Result<()> {
        let seals = SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        let mut patience = (0..10).map(|step| Duration::from_millis(1 << step));
        loop {
            match (fcntl_add_seals(file, seals), patience.next()) {
                (Err(Errno::BUSY), Some(pause)) => thread::sleep(pause),
                (result, _) => return Ok(result?),
            }
        }
    }

    pub(super) fn path(file: &File) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::{fs::File, io, path::PathBuf};

    pub(super) fn create() -> io::Result<File> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn seal(_file: &File) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn path(_file: &File) -> PathBuf {
        PathBuf::new()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
