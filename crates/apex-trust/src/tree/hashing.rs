//! Hashing the files of a tree, several at a time, and large ones in parts.

use std::{
    io,
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use apex_meta::DigestAlgorithm;

use super::{Tree, TreeError, TreeFile, TreeLimit};
use crate::{
    TreePath,
    hash::{self, Hasher},
    sealed_file::SealedFile,
};

#[cfg(test)]
mod tests;

/// From here on hashing on several threads gains more than starting them costs.
const PARALLEL_BYTES: u64 = 4 << 20;

/// From here on a file is hashed in parts, by all threads together; a tree has at most 16 such files.
const LARGE_FILE: u64 = 16 << 20;

/// Enough to keep a disk and the memory bus busy; a host has other work besides.
const MAX_THREADS: usize = 8;

/// What a thread reads at once: it stays in the processor's cache and is many chunks of BLAKE3.
const BUFFER: usize = 128 << 10;

/// What hashing a file brings to light.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) size: u64,
    pub(crate) executable: bool,
    pub(crate) content: [u8; 32],
}

impl Tree {
    /// Hashes every file, in the order of their paths; `sealed` stands for the content of one of them.
    pub(crate) fn hash_files(
        &self,
        algorithm: DigestAlgorithm,
        sealed: Option<(&TreePath, &SealedFile)>,
    ) -> Result<Vec<Hashed>, TreeError> {
        let total: u64 = self.files.iter().map(|file| file.size).sum();
        let threads = if total < PARALLEL_BYTES { 1 } else { available_threads() };
        let in_parts = |file: &TreeFile| file.size >= LARGE_FILE && threads > 1;
        let next = AtomicUsize::new(0);
        let hash_whole_files = || {
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = self.files.get(at) else { return done };
                if !in_parts(file) {
                    done.push((at, self.hash_file(file, algorithm, sealed, 1)));
                }
            }
        };
        let mut hashed: Vec<_> = on_threads(threads, hash_whole_files).into_iter().flatten().collect();
        for (at, file) in self.files.iter().enumerate().filter(|(_, file)| in_parts(file)) {
            hashed.push((at, self.hash_file(file, algorithm, sealed, threads)));
        }
        // In order again, so that of several faults the first by path is told.
        hashed.sort_unstable_by_key(|(at, _)| *at);
        hashed.into_iter().map(|(_, hashed)| hashed).collect()
    }

    fn hash_file(
        &self,
        file: &TreeFile,
        algorithm: DigestAlgorithm,
        sealed: Option<(&TreePath, &SealedFile)>,
        threads: usize,
    ) -> Result<Hashed, TreeError> {
        let full_path = || self.directory.join(file.path.as_str());
        let unreadable = |source| TreeError::unreadable(full_path(), source);
        if let Some((path, sealed)) = sealed
            && *path == file.path
        {
            let read = |buffer: &mut [u8], offset| sealed.read_at(buffer, offset);
            let (size, content) =
                hash_content(&read, sealed.len(), u64::MAX, algorithm, threads).map_err(unreadable)?;
            return Ok(Hashed { size, executable: sealed.executable(), content });
        }
        let opened = self.open_file(&file.path)?;
        let limit = TreeLimit::FileBytes;
        // What is hashed counts, not what was listed: a file that grows or shrinks meanwhile changes the digest.
        let read = |buffer: &mut [u8], offset| hash::read_at(&opened.file, buffer, offset);
        let (size, content) =
            hash_content(&read, opened.size, limit.value(), algorithm, threads).map_err(unreadable)?;
        if size > limit.value() {
            return Err(TreeError::TooLarge { directory: full_path(), limit });
        }
        Ok(Hashed { size, executable: opened.executable, content })
    }
}

fn available_threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS)
}

/// Does the same work on so many threads, this one included, and gives what each of them gives.
fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        // Where no further thread can be had, those that there are do the work.
        let started: Vec<_> =
            (1..threads).map_while(|_| thread::Builder::new().spawn_scoped(scope, &work).ok()).collect();
        let mut results = vec![work()];
        for thread in started {
            results.push(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        results
    })
}

/// Reads a content from a place on into a buffer, and says how many bytes it gave; none are its end.
trait ReadAt: Fn(&mut [u8], u64) -> io::Result<usize> + Sync {}

impl<F: Fn(&mut [u8], u64) -> io::Result<usize> + Sync> ReadAt for F {}

/// Hashes a content that is said to have a size, but not more than one byte beyond the limit, and tells its real size.
fn hash_content(
    read: &impl ReadAt,
    size: u64,
    limit: u64,
    algorithm: DigestAlgorithm,
    threads: usize,
) -> io::Result<(u64, [u8; 32])> {
    if algorithm == DigestAlgorithm::Blake3
        && threads > 1
        && (LARGE_FILE..=limit).contains(&size)
        && let Some(content) = parts::hash(read, size, threads)?
    {
        return Ok((size, content));
    }
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = vec![0; BUFFER];
    let mut offset = 0;
    while offset <= limit {
        match read_some(read, &mut buffer, offset)? {
            0 => break,
            count => {
                hasher.update(&buffer[..count]);
                offset += count as u64;
            }
        }
    }
    Ok((offset, hasher.finish()))
}

/// Reads again if a signal came in between.
fn read_some(read: &impl ReadAt, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match read(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// BLAKE3 of one content by several threads: its tree of chunks falls into subtrees that can be hashed apart
/// (section 2.1 of the BLAKE3 paper).
mod parts {
    use std::{
        io,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use blake3::{
        Hasher,
        hazmat::{ChainingValue, HasherExt, Mode, left_subtree_len, merge_subtrees_non_root, merge_subtrees_root},
    };

    use super::{BUFFER, ReadAt, on_threads, read_some};

    /// The size of each part but the last: a power of two of chunks, so that each part is a subtree.
    pub(super) const PART: u64 = 1 << 20;

    /// Hashes a content of more than one part; none, if it has not the size that was said.
    pub(super) fn hash(read: &impl ReadAt, size: u64, threads: usize) -> io::Result<Option<[u8; 32]>> {
        let count = usize::try_from(size.div_ceil(PART)).map_err(io::Error::other)?;
        let next = AtomicUsize::new(0);
        let hash_parts = || -> io::Result<Option<Vec<(usize, ChainingValue)>>> {
            let mut buffer = vec![0; BUFFER];
            let mut done = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return Ok(Some(done));
                }
                let start = at as u64 * PART;
                match hash_part(read, start, PART.min(size - start), &mut buffer)? {
                    Some(value) => done.push((at, value)),
                    None => return Ok(None),
                }
            }
        };
        let mut values = Vec::with_capacity(count);
        for done in on_threads(threads, hash_parts) {
            match done? {
                Some(done) => values.extend(done),
                None => return Ok(None),
            }
        }
        values.sort_unstable_by_key(|(at, _)| *at);
        let values: Vec<_> = values.into_iter().map(|(_, value)| value).collect();
        // Nothing may have been added meanwhile.
        if values.len() < 2 || values.len() != count || read_some(read, &mut [0], size)? != 0 {
            return Ok(None);
        }
        let (left, right) = children(&values, size);
        Ok(Some(merge_subtrees_root(&left, &right, Mode::Hash).into()))
    }

    fn hash_part(read: &impl ReadAt, start: u64, length: u64, buffer: &mut [u8]) -> io::Result<Option<ChainingValue>> {
        let mut hasher = Hasher::new();
        hasher.set_input_offset(start);
        let mut hashed = 0;
        while hashed < length {
            let wanted = usize::try_from(length - hashed).unwrap_or(usize::MAX).min(buffer.len());
            match read_some(read, &mut buffer[..wanted], start + hashed)? {
                0 => return Ok(None),
                count => {
                    hasher.update(&buffer[..count]);
                    hashed += count as u64;
                }
            }
        }
        Ok(Some(hasher.finalize_non_root()))
    }

    /// The two subtrees of a tree over parts whose contents have a length together.
    fn children(values: &[ChainingValue], length: u64) -> (ChainingValue, ChainingValue) {
        let left = left_subtree_len(length);
        let (left_values, right_values) = values.split_at(usize::try_from(left / PART).unwrap_or(usize::MAX));
        (subtree(left_values, left), subtree(right_values, length - left))
    }

    fn subtree(values: &[ChainingValue], length: u64) -> ChainingValue {
        match values {
            [value] => *value,
            values => {
                let (left, right) = children(values, length);
                merge_subtrees_non_root(&left, &right, Mode::Hash)
            }
        }
    }
}
