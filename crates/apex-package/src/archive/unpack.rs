//! Unpacking: from an archive that anybody may have made to a fresh directory, or to a named refusal.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use apex_trust::Tree;

use super::{
    Admission, ArchiveError, ArchiveLimit, MANIFEST, WINDOW_LOG,
    header::{BLOCK, Header},
    pack::write_tar,
    padding, unbox,
};

/// Unpacks an archive into a directory that must not exist yet and gets mode 0700.
///
/// Every entry is checked before it is written, limits are enforced while decompressing, nothing is written but new
/// files below the directory, and packing the result again must give the same bytes. All is on disk when this returns,
/// so that one rename can put it in its place; after an error nothing is left.
///
/// # Errors
/// The archive is not one that [`pack`](crate::pack()) makes, by [`ArchiveError`]; or reading or writing fails.
pub fn unpack(archive: &Path, directory: &Path) -> Result<(), ArchiveError> {
    let unreadable = |source| ArchiveError::Unreadable { path: archive.to_owned(), source };
    // Before it is opened: a FIFO would hang whoever opens it.
    if fs::metadata(archive).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let file = File::open(archive).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    create_directory(directory, 0o700).map_err(|source| unwritable(directory, source))?;
    let unpacked = Unpacking { archive, directory }.run(file);
    if unpacked.is_err() {
        // The first error is what matters; whatever cannot be removed now is in a directory that nobody uses.
        let _ = fs::remove_dir_all(directory);
    }
    unpacked
}

fn unwritable(path: &Path, source: io::Error) -> ArchiveError {
    ArchiveError::Unwritable { path: path.to_owned(), source }
}

struct Unpacking<'a> {
    archive: &'a Path,
    directory: &'a Path,
}

impl Unpacking<'_> {
    fn run(&self, file: File) -> Result<(), ArchiveError> {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(BufReader::new(file))
            .map_err(|source| self.unreadable(source))?
            .single_frame();
        decoder.window_log_max(WINDOW_LOG).map_err(|source| self.unreadable(source))?;
        let mut tar = Hashing { inner: decoder, hasher: blake3::Hasher::new() };
        self.read_entries(&mut tar)?;
        if tar.read(&mut [0]).map_err(|source| self.unreadable(source))? != 0 {
            return Err(ArchiveError::NonCanonical { what: "something follows the end of the archive" });
        }
        let hash = tar.hasher.finalize();
        let mut decoder = tar.inner;
        decoder.finish_frame().map_err(|source| self.unreadable(source))?;
        if decoder.into_inner().read(&mut [0]).map_err(|source| self.unreadable(source))? != 0 {
            return Err(ArchiveError::NonCanonical { what: "something follows the compressed frame" });
        }
        self.check_repacked(&hash)?;
        sync_directories(self.directory)
    }

    fn unreadable(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Unreadable { path: self.archive.to_owned(), source }
    }

    fn read_entries(&self, tar: &mut impl Read) -> Result<(), ArchiveError> {
        let mut admission = Admission::default();
        let mut has_manifest = false;
        loop {
            let block = self.read_block(tar)?;
            if block == [0; BLOCK] {
                break;
            }
            let header = Header::from_block(&block)?;
            admission.admit(&header.path, header.size)?;
            has_manifest |= header.path.as_str() == MANIFEST;
            self.write_file(&header, tar)?;
            self.check_padding(&header, tar)?;
        }
        if self.read_block(tar)? != [0; BLOCK] {
            return Err(ArchiveError::NonCanonical { what: "its end is one empty block instead of two" });
        }
        if has_manifest { Ok(()) } else { Err(ArchiveError::ManifestMissing) }
    }

    fn read_block(&self, tar: &mut impl Read) -> Result<[u8; BLOCK], ArchiveError> {
        let mut block = [0; BLOCK];
        tar.read_exact(&mut block).map_err(|error| self.ended(error))?;
        Ok(block)
    }

    fn ended(&self, error: io::Error) -> ArchiveError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Limit(ArchiveLimit::Announced),
            _ => self.unreadable(error),
        }
    }

    /// Creates the directories on the way and the file itself, exclusively.
    fn write_file(&self, header: &Header, tar: &mut impl Read) -> Result<(), ArchiveError> {
        let path = self.directory.join(header.path.as_str());
        self.create_parents(header)?;
        let mut file = create_file(&path, header.executable).map_err(|source| unwritable(&path, source))?;
        let mut content = Tagged { inner: tar.take(header.size), archive: self.archive };
        let copied =
            io::copy(&mut content, &mut file).map_err(|error| unbox(error, |source| unwritable(&path, source)))?;
        if copied != header.size {
            return Err(ArchiveError::Limit(ArchiveLimit::Announced));
        }
        file.flush().and_then(|()| file.sync_all()).map_err(|source| unwritable(&path, source))
    }

    fn create_parents(&self, header: &Header) -> Result<(), ArchiveError> {
        let Some(parent) = header.path.parent() else { return Ok(()) };
        let mut path = self.directory.to_owned();
        for segment in parent.split('/') {
            path.push(segment);
            match create_directory(&path, 0o755) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(unwritable(&path, error)),
                _ => {}
            }
        }
        Ok(())
    }

    fn check_padding(&self, header: &Header, tar: &mut impl Read) -> Result<(), ArchiveError> {
        let mut block = [0; BLOCK];
        let rest = &mut block[..padding(header.size)];
        tar.read_exact(rest).map_err(|error| self.ended(error))?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::NonCanonical { what: "something stands between its entries" });
        }
        Ok(())
    }

    /// Packs what is on disk now and compares it with what was read.
    fn check_repacked(&self, expected: &blake3::Hash) -> Result<(), ArchiveError> {
        let tree = Tree::open(self.directory).map_err(ArchiveError::Tree)?;
        let mut hasher = blake3::Hasher::new();
        write_tar(&tree, &mut hasher, self.archive)?;
        if hasher.finalize() == *expected {
            Ok(())
        } else {
            Err(ArchiveError::NonCanonical { what: "packing its content again gives another archive" })
        }
    }
}

/// Hashes everything that is read through it.
struct Hashing<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// Marks errors of the archive, so that a copy tells them from errors of the file that it writes.
struct Tagged<'a, R> {
    inner: R,
    archive: &'a Path,
}

impl<R: Read> Read for Tagged<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).map_err(|source| match source.kind() {
            io::ErrorKind::Interrupted => source,
            _ => io::Error::other(ArchiveError::Unreadable { path: self.archive.to_owned(), source }),
        })
    }
}

fn create_directory(path: &Path, mode: u32) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    #[cfg(not(unix))]
    let _ = mode;
    builder.create(path)
}

/// Creates a file that is not there yet, with its mode whatever the umask says.
fn create_file(path: &Path, executable: bool) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(if executable { 0o755 } else { 0o644 }))?;
    #[cfg(not(unix))]
    let _ = executable;
    Ok(file)
}

/// Makes the names of the new files durable; their content is already.
fn sync_directories(directory: &Path) -> Result<(), ArchiveError> {
    let mut pending: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(path) = pending.pop() {
        let sync = || -> io::Result<Vec<PathBuf>> {
            let mut children = Vec::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    children.push(entry.path());
                }
            }
            #[cfg(unix)]
            File::open(&path)?.sync_all()?;
            Ok(children)
        };
        pending.extend(sync().map_err(|source| unwritable(&path, source))?);
    }
    Ok(())
}
