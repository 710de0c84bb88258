//! `.apexpkg`: one zstd frame around a plain ustar archive that has one possible form.
//!
//! A given tree has exactly one archive, and reading accepts that one only; so no two programs can read an archive
//! differently, and a signature over the tree is one over the archive's content.

use std::io;

use apex_trust::{PathCensus, Tree, TreeFile, TreeLimit, TreePath};

mod error;
mod header;
mod pack;
#[cfg(all(test, unix))]
mod tests;
mod unpack;

pub use error::{ArchiveError, ArchiveLimit};
pub use pack::pack;
pub use unpack::unpack;

/// The suffix of a package's file name.
pub const EXTENSION: &str = "apexpkg";

/// The largest window that a frame may ask of its reader: 8 MiB.
const WINDOW_LOG: u32 = 23;

/// What stands in the root of every plugin.
const MANIFEST: &str = "plugin.json";

/// Names in a plugin's root that belong to the installer and its user.
const RESERVED: [&str; 4] = ["ledger.json", "apex.lock", "sources.json", "trust.json"];

/// Every file of a tree with `plugin.json`, sorted by the bytes of their paths.
fn entries(tree: &Tree) -> Vec<&TreeFile> {
    let mut entries: Vec<_> = tree.files().iter().chain(tree.manifest()).collect();
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    entries
}

/// What holds for the entries of an archive one after the other, on the way in and out.
#[derive(Default)]
struct Admission {
    census: PathCensus,
    last: Option<TreePath>,
    count: u64,
    bytes: u64,
}

impl Admission {
    /// Takes the next entry, or says why it may not be there.
    fn admit(&mut self, path: &TreePath, size: u64) -> Result<(), ArchiveError> {
        if is_reserved(path) {
            let path = path.to_string();
            return Err(ArchiveError::ForbiddenEntry { path, what: "a file of the installer" });
        }
        self.census.add_file(path).map_err(ArchiveError::Collision)?;
        if self.last.as_ref().is_some_and(|last| last >= path) {
            return Err(ArchiveError::NonCanonical { what: "its entries are not sorted by path" });
        }
        self.last = Some(path.clone());
        self.count += 1;
        self.bytes = self.bytes.saturating_add(size);
        for (value, limit) in
            [(self.count, TreeLimit::Entries), (size, TreeLimit::FileBytes), (self.bytes, TreeLimit::TotalBytes)]
        {
            if value > limit.value() {
                return Err(ArchiveError::Limit(ArchiveLimit::Tree(limit)));
            }
        }
        Ok(())
    }
}

fn is_reserved(path: &TreePath) -> bool {
    let first = path.segments().next().unwrap_or_default().to_ascii_lowercase();
    first.starts_with(".apex") || (path.parent().is_none() && RESERVED.contains(&first.as_str()))
}

/// How many zeros follow a file's content up to the next block.
fn padding(size: u64) -> usize {
    let block = header::BLOCK as u64;
    // Less than a block, so it fits any integer.
    usize::try_from((block - size % block) % block).unwrap_or(0)
}

/// An error of a stream that also carries this crate's own errors, which `io` can only carry boxed.
fn unbox(error: io::Error, otherwise: impl FnOnce(io::Error) -> ArchiveError) -> ArchiveError {
    match error.downcast::<ArchiveError>() {
        Ok(own) => own,
        Err(error) => otherwise(error),
    }
}
