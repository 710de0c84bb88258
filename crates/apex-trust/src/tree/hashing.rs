//! Hashing the files of a tree, several at a time, and large ones in parts.

use std::{
    io,
    num::NonZero,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use apex_meta::DigestAlgorithm;
use blake3::hazmat::ChainingValue;

use super::{OpenedFile, Tree, TreeError, TreeFile, TreeLimit};
use crate::{
    TreePath,
    hash::{self, Hasher},
    sealed_file::SealedFile,
};

mod parts;
#[cfg(test)]
mod tests;

/// From here on hashing on several threads gains more than starting them costs.
const PARALLEL_BYTES: u64 = 4 << 20;

/// From here on a file is hashed in parts, so that no thread has one left over when the others are done.
const LARGE_FILE: u64 = 2 << 20;

/// How many files may be hashed in parts: they are open until all are hashed, and more of them keep all threads busy as they
/// are.
const MOST_IN_PARTS: usize = 16;

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

/// A file of the tree by its place among the files, or a part of one.
#[derive(Clone, Copy)]
struct Piece {
    file: usize,
    part: Option<usize>,
}

/// What a thread made of the pieces that it took.
#[derive(Default)]
struct Done {
    files: Vec<(usize, Result<Hashed, TreeError>)>,
    parts: Vec<(usize, usize, io::Result<Option<ChainingValue>>)>,
}

/// Where the content of a file comes from.
enum Source<'a> {
    Sealed(&'a SealedFile),
    Opened(OpenedFile),
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
        let may_part = threads > 1 && algorithm == DigestAlgorithm::Blake3;
        let pieces = pieces(self.files.iter().map(|file| file.size), may_part);
        // Those of large files, which several threads read at once; each is opened by the first that needs it.
        let sources: Vec<OnceLock<Result<Source<'_>, TreeError>>> =
            self.files.iter().map(|_| OnceLock::new()).collect();
        let largest = self.files.iter().map(|file| file.size).max().unwrap_or_default();
        // One byte more, so that the end is met in a buffer that is not full.
        let buffer_size = usize::try_from(largest).map_or(BUFFER, |largest| BUFFER.min(largest + 1));
        let next = AtomicUsize::new(0);
        let work = || {
            let (mut buffer, mut done) = (vec![0; buffer_size], Done::default());
            while let Some(Piece { file: at, part }) = pieces.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                let file = &self.files[at];
                match part {
                    None => done.files.push((at, self.hash_file(file, algorithm, sealed, &mut buffer))),
                    Some(part) => {
                        if let Ok(source) = sources[at].get_or_init(|| self.source(file, sealed)) {
                            let read = |buffer: &mut [u8], offset| source.read_at(buffer, offset);
                            done.parts.push((at, part, parts::hash(&read, file.size, part, &mut buffer)));
                        }
                    }
                }
            }
            done
        };
        let done = on_threads(threads, work);
        self.gather(done, sources)
    }

    /// Everything in order again, so that of several faults the first by path is told.
    fn gather(
        &self,
        done: Vec<Done>,
        sources: Vec<OnceLock<Result<Source<'_>, TreeError>>>,
    ) -> Result<Vec<Hashed>, TreeError> {
        let (mut files, mut parts): (Vec<_>, Vec<_>) = (Vec::with_capacity(self.files.len()), Vec::new());
        for one in done {
            files.extend(one.files);
            parts.extend(one.parts);
        }
        parts.sort_unstable_by_key(|(at, part, _)| (*at, *part));
        let mut parts = parts.into_iter().peekable();
        for (at, source) in sources.into_iter().enumerate() {
            let Some(source) = source.into_inner() else { continue };
            let values = std::iter::from_fn(|| parts.next_if(|(of, ..)| *of == at).map(|(_, _, value)| value));
            let values: io::Result<Option<Vec<ChainingValue>>> = values.collect();
            files.push((at, source.and_then(|source| self.put_together(&self.files[at], &source, values))));
        }
        files.sort_unstable_by_key(|(at, _)| *at);
        files.into_iter().map(|(_, hashed)| hashed).collect()
    }

    /// What the parts of a file are together; one that is not as long as it was listed is hashed once more, as it is.
    fn put_together(
        &self,
        file: &TreeFile,
        source: &Source<'_>,
        values: io::Result<Option<Vec<ChainingValue>>>,
    ) -> Result<Hashed, TreeError> {
        let read = |buffer: &mut [u8], offset| source.read_at(buffer, offset);
        let content = values.and_then(|values| match values {
            Some(values) => parts::together(&read, file.size, &values),
            None => Ok(None),
        });
        match content.map_err(|error| self.unreadable(file, error))? {
            Some(content) => Ok(Hashed { size: file.size, executable: source.executable(), content }),
            None => self.hash_source(file, source, DigestAlgorithm::Blake3, &mut vec![0; BUFFER]),
        }
    }

    fn hash_file(
        &self,
        file: &TreeFile,
        algorithm: DigestAlgorithm,
        sealed: Option<(&TreePath, &SealedFile)>,
        buffer: &mut [u8],
    ) -> Result<Hashed, TreeError> {
        self.hash_source(file, &self.source(file, sealed)?, algorithm, buffer)
    }

    fn source<'a>(
        &self,
        file: &TreeFile,
        sealed: Option<(&TreePath, &'a SealedFile)>,
    ) -> Result<Source<'a>, TreeError> {
        match sealed {
            Some((path, sealed)) if *path == file.path => Ok(Source::Sealed(sealed)),
            _ => Ok(Source::Opened(self.open_file(&file.path)?)),
        }
    }

    /// What is hashed counts, not what was listed: a file that grows or shrinks meanwhile changes the digest.
    fn hash_source(
        &self,
        file: &TreeFile,
        source: &Source<'_>,
        algorithm: DigestAlgorithm,
        buffer: &mut [u8],
    ) -> Result<Hashed, TreeError> {
        let limit = TreeLimit::FileBytes;
        let read = |buffer: &mut [u8], offset| source.read_at(buffer, offset);
        let hashed = hash_content(&read, limit.value(), algorithm, buffer);
        let (size, content) = hashed.map_err(|error| self.unreadable(file, error))?;
        if size > limit.value() {
            let directory = self.directory.join(file.path.as_str());
            return Err(TreeError::TooLarge { directory, limit });
        }
        Ok(Hashed { size, executable: source.executable(), content })
    }

    fn unreadable(&self, file: &TreeFile, source: io::Error) -> TreeError {
        TreeError::unreadable(self.directory.join(file.path.as_str()), source)
    }
}

impl Source<'_> {
    fn executable(&self) -> bool {
        match self {
            Self::Sealed(sealed) => sealed.executable(),
            Self::Opened(opened) => opened.executable,
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Sealed(sealed) => sealed.read_at(buffer, offset),
            Self::Opened(opened) => hash::read_at(&opened.file, buffer, offset),
        }
    }
}

/// Each file as a whole, or if they may be and are large and few, each of its parts.
fn pieces(sizes: impl Iterator<Item = u64> + Clone, may_part: bool) -> Vec<Piece> {
    let is_large = |size: u64| size >= LARGE_FILE;
    let may_part = may_part && sizes.clone().filter(|size| is_large(*size)).count() <= MOST_IN_PARTS;
    let of_file = |(file, size)| {
        let parts = if may_part && is_large(size) { parts::count(size) } else { 0 };
        let whole = (parts == 0).then_some(Piece { file, part: None });
        whole.into_iter().chain((0..parts).map(move |part| Piece { file, part: Some(part) }))
    };
    sizes.enumerate().flat_map(of_file).collect()
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

/// Hashes a content, but not more than one buffer beyond the limit, and tells its real size.
fn hash_content(
    read: &impl ReadAt,
    limit: u64,
    algorithm: DigestAlgorithm,
    buffer: &mut [u8],
) -> io::Result<(u64, [u8; 32])> {
    let mut hasher = Hasher::new(algorithm);
    let mut offset = 0;
    while offset <= limit {
        match read_some(read, buffer, offset)? {
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
