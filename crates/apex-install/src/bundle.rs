//! Bundles: packages, their index and a lock in one file, for machines that reach no source.
//!
//! ```text
//! "apex-bundle/1\n"  u64le(length of the header)  header  content of each file, one after the other
//! header = {"format": "apex-bundle/1", "files": [{"name": ..., "size": ..., "blake3": ...}, ...]}
//! ```
//!
//! The names are sorted, have one segment, and are among them once; nothing follows the last file.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Write as _},
    path::{Path, PathBuf},
};

use apex_trust::{Grants, TreePath};
use serde::{Deserialize, Serialize};

use crate::{FileKind, INDEX_FILE, Index, InstallError, Ledger, Lock, Store, strict};

const FORMAT: &str = "apex-bundle/1";
const MAGIC: &[u8] = b"apex-bundle/1\n";

/// The name of the lock in a bundle, and of a project's.
pub const LOCK_FILE: &str = "apex.lock";

/// The longest header, in bytes, and the most files.
const MAX_HEADER: u64 = 1 << 20;
const MAX_FILES: usize = 4096;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(with = "strict::text")]
    name: TreePath,
    size: u64,
    blake3: String,
}

/// Packs all that is active in a store into one file, with the lock that says so.
///
/// Returns the lock. The same store with the same grants gives the same bytes.
///
/// # Errors
/// A tree cannot be packed, or the file cannot be written; what was there before is still there.
pub fn bundle(
    store: &Store,
    ledger: &Ledger,
    grants: &Grants,
    file: &Path,
    scratch: &Path,
) -> Result<Lock, InstallError> {
    let directory = scratch_directory(scratch)?;
    let home = directory.path();
    for (plugin, tree) in ledger.active() {
        let archive = home.join(format!("{plugin}-{}.{}", tree.version, apex_package::EXTENSION));
        let refused = |source| InstallError::Archive { path: archive.clone(), source };
        apex_package::pack(&store.tree(plugin, &tree.version), &archive).map_err(refused)?;
    }
    let lock = Lock::of(ledger, grants);
    write_fresh(&home.join(LOCK_FILE), &lock.to_bytes(file)?)?;
    write_fresh(&home.join(INDEX_FILE), &Index::of_directory(home, scratch)?.to_bytes(file)?)?;
    write(home, file)?;
    Ok(lock)
}

/// Takes a bundle apart into a directory, which must be there and empty; returns its lock.
///
/// # Errors
/// The file is not a bundle, or holds something else than it announces; or reading or writing fails.
pub fn unbundle(file: &Path, directory: &Path) -> Result<Lock, InstallError> {
    let opened = File::open(file).map_err(InstallError::io("open", file))?;
    let mut reader = BufReader::new(opened);
    let header = read_header(file, &mut reader)?;
    for entry in &header.files {
        let path = directory.join(entry.name.as_str());
        let mut target = File::create_new(&path).map_err(InstallError::io("create", &path))?;
        let mut hashed = Hashed { inner: (&mut reader).take(entry.size), hasher: blake3::Hasher::new() };
        let copied = io::copy(&mut hashed, &mut target).map_err(InstallError::io("unbundle to", &path))?;
        if copied != entry.size || hashed.hasher.finalize().to_hex().as_str() != entry.blake3 {
            return Err(InstallError::content(
                FileKind::Bundle,
                file,
                format!("{} is not what it announces", entry.name),
            ));
        }
    }
    if reader.read(&mut [0]).map_err(InstallError::io("read", file))? != 0 {
        return Err(InstallError::content(FileKind::Bundle, file, "something follows the last file"));
    }
    Lock::load(&directory.join(LOCK_FILE))
}

/// Whether a file begins as a bundle does.
pub fn is_bundle(file: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    file.is_file() && File::open(file).and_then(|mut file| file.read_exact(&mut start)).is_ok() && start == *MAGIC
}

fn scratch_directory(scratch: &Path) -> Result<tempfile::TempDir, InstallError> {
    let made = tempfile::Builder::new().prefix(".apex-bundle-").tempdir_in(scratch);
    made.map_err(InstallError::io("create a directory in", scratch))
}

fn write_fresh(path: &Path, content: &[u8]) -> Result<(), InstallError> {
    File::create_new(path).and_then(|mut file| file.write_all(content)).map_err(InstallError::io("write", path))
}

/// Writes all files of a directory as one bundle, at one instant.
fn write(home: &Path, file: &Path) -> Result<(), InstallError> {
    let failed = |source| InstallError::Io { action: "write", path: file.to_owned(), source };
    let mut names: Vec<_> = fs::read_dir(home)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>())
        .map_err(InstallError::io("list", home))?;
    names.sort();
    let (mut header, mut contents) = (Header { files: Vec::new() }, Vec::new());
    for name in names {
        let path = home.join(&name);
        let text = name.to_string_lossy().into_owned();
        let name = text.parse().map_err(|fault: apex_trust::InvalidPath| {
            InstallError::content(FileKind::Bundle, &path, format!("its name is not portable: {fault}"))
        })?;
        let mut hasher = blake3::Hasher::new();
        let content = File::open(&path).map_err(InstallError::io("open", &path))?;
        let size = hasher.update_reader(&content).map_err(InstallError::io("read", &path))?.count();
        header.files.push(Entry { name, size, blake3: hasher.finalize().to_hex().to_string() });
        contents.push(path);
    }
    let header = strict::write(FORMAT, &header, file)?;
    let parent = file.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mut target = tempfile::Builder::new().prefix(".apex-bundle-").tempfile_in(parent).map_err(failed)?;
    let mut put = |bytes: &[u8]| target.write_all(bytes).map_err(failed);
    put(MAGIC)?;
    put(&(header.len() as u64).to_le_bytes())?;
    put(&header)?;
    for path in contents {
        let mut content = File::open(&path).map_err(InstallError::io("open", &path))?;
        io::copy(&mut content, target.as_file_mut()).map_err(failed)?;
    }
    target.as_file().sync_all().map_err(failed)?;
    target.persist(file).map_err(|error| failed(error.error))?;
    Ok(())
}

fn read_header(file: &Path, reader: &mut impl Read) -> Result<Header, InstallError> {
    let invalid = |fault: &str| InstallError::content(FileKind::Bundle, file, fault);
    let short = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => invalid("it ends before its header does"),
        _ => InstallError::io("read", file)(error),
    };
    let (mut magic, mut length) = ([0; MAGIC.len()], [0; 8]);
    reader.read_exact(&mut magic).map_err(short)?;
    if magic != MAGIC {
        return Err(invalid("it does not begin as a bundle does"));
    }
    reader.read_exact(&mut length).map_err(short)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(invalid("its header is too long"));
    }
    let mut bytes = Vec::new();
    reader.take(length).read_to_end(&mut bytes).map_err(short)?;
    if bytes.len() as u64 != length {
        return Err(invalid("it ends before its header does"));
    }
    let header: Header = strict::read(FileKind::Bundle, file, FORMAT, &bytes)?;
    let names: Vec<_> = header.files.iter().map(|entry| &entry.name).collect();
    if names.len() > MAX_FILES || names.iter().any(|name| name.parent().is_some()) {
        return Err(invalid("it has too many files, or directories"));
    }
    if names.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(invalid("its files are not sorted by name"));
    }
    Ok(header)
}

/// Hashes all that is read through it.
struct Hashed<R> {
    inner: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// A bundle that was taken apart, as a source.
pub fn unbundled_source(directory: PathBuf) -> crate::Source {
    crate::Source { name: "bundle".to_owned(), location: directory }
}
