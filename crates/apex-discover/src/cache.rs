//! What scans established, kept from one run of a program to the next.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_files::{Part, SoleWriter};

use crate::{exposure::Guard, record::Record};

mod epoch;
mod format;
mod inspect;

pub(crate) use epoch::Epoch;
pub use inspect::CacheFile;

/// More files than this are not kept: the oldest give way.
const MOST_FILES: usize = 256;

/// What the name of each file ends in.
const SUFFIX: &str = "apxc";

/// A directory in which scans leave what they established, one file a root.
///
/// It holds facts, never verdicts: policy, trust store and clock are applied to each scan anew, and what is loaded is
/// verified again from its files. So the worst that a missing, torn, outdated, foreign or forged cache can do is to cost
/// time, or to show something in a list that will not load.
///
/// Files are read only if they belong to this user, and nobody else may write to them. They are replaced as a whole, and
/// each says itself whether it is whole; of several processes that would write the same file at once, one does.
#[derive(Debug, Clone)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// A cache in a directory, which is made when there is something to keep.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What is kept of a root, if it was established under the same circumstances.
    pub(crate) fn load(&self, root: &Path, epoch: &Epoch) -> Option<Record> {
        let path = self.file_of(root);
        let read = open(&path).and_then(|file| format::read(&Arc::new(file)));
        match read {
            Ok(kept) if kept.record.path == root && kept.epoch == *epoch => Some(kept.record),
            Ok(_) => None,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::debug!(path = %path.display(), %error, "a file of the discovery cache is passed over");
                }
                None
            }
        }
    }

    /// Keeps what is known of a root; what cannot be kept is established again next time.
    pub(crate) fn store(&self, record: &Record, epoch: &Epoch) {
        let path = self.file_of(&record.path);
        if let Err(error) = self.try_store(&path, record, epoch) {
            tracing::debug!(path = %path.display(), error = %chain(&*error), "the discovery cache cannot be written");
        }
    }

    fn try_store(&self, path: &Path, record: &Record, epoch: &Epoch) -> Result<(), Box<dyn std::error::Error>> {
        let index = format::index(record, epoch)?;
        let Some(writer) = SoleWriter::try_lock(path)? else { return Ok(()) };
        writer.replace_undurably(|file| {
            let mut file = io::BufWriter::with_capacity(1 << 18, file);
            file.write_all(&index)?;
            for unit in &record.units {
                file.write_all(&unit.texts()?)?;
            }
            file.flush()
        })?;
        self.prune();
        Ok(())
    }

    fn file_of(&self, root: &Path) -> PathBuf {
        let name = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
        self.directory.join(format!("{}.{SUFFIX}", &name[..32]))
    }
}

/// Opens a file of the cache that nobody else can have written.
fn open(path: &Path) -> io::Result<File> {
    let refused = |what: String| io::Error::new(io::ErrorKind::PermissionDenied, what);
    let (file, ownership) = crate::directory::open_file(path)?;
    let guard = Guard::new();
    if let Some(ownership) = ownership
        && let Some(reason) = guard.exposure(path, ownership, Part::Own)
    {
        return Err(refused(reason.message));
    }
    Ok(file)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
