//! Key files: who may read them, and how they come into being.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

use zeroize::Zeroizing;

use super::KeyError;

/// No key file of any known form is longer, in bytes.
const MAX_BYTES: u64 = 16 << 10;

pub(super) fn read_public(path: &Path) -> Result<String, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    read(File::open(path).map_err(unreadable)?).map(|mut text| std::mem::take(&mut *text)).map_err(unreadable)
}

pub(super) fn read_private(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    check_private(path, &file)?;
    read(file).map_err(unreadable)
}

fn read(file: File) -> io::Result<Zeroizing<String>> {
    // All at once: a growing string would leave unwiped copies behind.
    let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES as usize + 1));
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "far too long for a key file"));
    }
    Ok(text)
}

/// Looks at the opened file, so that what is checked is what is read.
#[cfg(unix)]
fn check_private(path: &Path, file: &File) -> Result<(), KeyError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
    let (mode, owner) = (metadata.mode() & 0o7777, metadata.uid());
    if mode & 0o077 != 0 {
        return Err(KeyError::InsecureKeyFile { path: path.to_owned(), mode });
    }
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return Err(KeyError::ForeignKeyFile { path: path.to_owned(), owner });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(path: &Path, _file: &File) -> Result<(), KeyError> {
    // Access lists are not read here, and a key that may be in every hand is not used.
    Err(KeyError::Unreadable { path: path.to_owned(), source: io::ErrorKind::Unsupported.into() })
}

/// Creates a file that did not exist, durably.
pub(super) fn create(path: &Path, mode: u32, content: &[u8]) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let unwritable = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::FileExists { path: path.to_owned() },
        _ => KeyError::Unwritable { path: path.to_owned(), source },
    };
    let mut file = options.open(path).map_err(unwritable)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|source| {
        // Half a key helps nobody; that it cannot be removed either is no news worth more than the first error.
        let _ = std::fs::remove_file(path);
        KeyError::Unwritable { path: path.to_owned(), source }
    })
}
