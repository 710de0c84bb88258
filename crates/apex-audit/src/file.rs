//! A log in a file, to which several processes may append.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use crate::{
    AuditError, AuditSink, Happening, Head, MAX_LINE_BYTES, Record,
    line::{self, hash_of},
};

mod access;

/// How long to wait for others who append; each holds the lock for one write and one sync.
const PATIENCE: Duration = Duration::from_secs(5);

/// A log in a file of mode 0600, to which several processes may append.
///
/// Each record is appended under the file's lock and synced to the disk before [`append`](AuditSink::append) returns,
/// so that what was recorded survives a power failure. The file is opened anew each time: one that was moved away is
/// begun anew. A line that a crash left torn is set aside in a file beside it, and a record says so.
#[derive(Debug, Clone)]
pub struct FileSink {
    path: PathBuf,
}

impl FileSink {
    /// A log in this file, which the first record makes; its directory must be there.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a log to read it; nobody appends to it while the reader is there.
    ///
    /// # Errors
    /// It is not there, cannot be read, could be changed by others, or is locked.
    pub fn read(path: &Path) -> Result<impl Read + use<>, AuditError> {
        let mut options = OpenOptions::new();
        options.read(true);
        let file = access::open(&options, path).map_err(failed(path, "opened"))?;
        access::check(path, &file)?;
        lock(path, || file.try_lock_shared())?;
        Ok(file)
    }

    /// The file, locked, and the one that its path still leads to.
    fn locked(&self) -> Result<File, AuditError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        // Whoever moves the file away between opening and locking does not do so for ever.
        for _ in 0..8 {
            let file = access::open(&options, &self.path).map_err(failed(&self.path, "opened"))?;
            access::check(&self.path, &file)?;
            lock(&self.path, || file.try_lock())?;
            if access::is_at(&file, &self.path).map_err(failed(&self.path, "opened"))? {
                return Ok(file);
            }
        }
        Err(AuditError::Locked { path: self.path.clone() })
    }

    /// By what the last line is known, after a torn one was set aside.
    fn head(&self, file: &mut File, now: &Record) -> Result<Head, AuditError> {
        let reading = failed(&self.path, "read");
        let length = file.seek(SeekFrom::End(0)).map_err(&reading)?;
        // A torn line and the one before it.
        let start = length.saturating_sub(2 * MAX_LINE_BYTES as u64);
        file.seek(SeekFrom::Start(start)).map_err(&reading)?;
        let mut tail = Vec::new();
        Read::by_ref(file).take(length - start).read_to_end(&mut tail).map_err(&reading)?;
        let end_of_lines = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if end_of_lines == 0 && start > 0 {
            return Err(self.unsound(crate::Broken::TooLong { line: 0 }));
        }
        let head = self.head_of(&tail[..end_of_lines], start == 0)?;
        match &tail[end_of_lines..] {
            [] => Ok(head),
            torn => self.set_aside(file, start + end_of_lines as u64, torn, &head, now),
        }
    }

    /// By what the last of whole lines is known.
    fn head_of(&self, lines: &[u8], is_whole_file: bool) -> Result<Head, AuditError> {
        let Some(before_last) = lines.len().checked_sub(1) else { return Ok(Head { seq: 0, hash: hash_of(b"") }) };
        let begin = lines[..before_last].iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let begin = match begin {
            Some(begin) => begin,
            None if is_whole_file => 0,
            None => return Err(self.unsound(crate::Broken::TooLong { line: 0 })),
        };
        let last = &lines[begin..];
        let read = line::read(last, 0).map_err(|broken| self.unsound(broken))?;
        Ok(Head { seq: read.seq, hash: hash_of(last) })
    }

    /// Puts the half line that a crash left into a file of its own, and records that.
    fn set_aside(&self, file: &mut File, at: u64, torn: &[u8], head: &Head, now: &Record) -> Result<Head, AuditError> {
        let setting = failed(&self.path, "mended");
        let name = self.keep(torn, head.seq + 1).map_err(&setting)?;
        file.set_len(at).map_err(&setting)?;
        file.sync_all().map_err(&setting)?;
        let happening =
            Happening::Torn { bytes: torn.len(), blake3: hash_of(torn), kept_in: name.to_string_lossy().into_owned() };
        self.write(file, head, &Record { at: now.at, happening })
    }

    fn keep(&self, torn: &[u8], number: u64) -> io::Result<OsString> {
        for attempt in 0..1000_u32 {
            let mut name = self.path.file_name().unwrap_or_default().to_owned();
            name.push(format!(".torn-{number}"));
            if attempt > 0 {
                name.push(format!("-{attempt}"));
            }
            let path = self.path.with_file_name(&name);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            match access::open(&options, &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(mut kept) => {
                    kept.write_all(torn)?;
                    kept.sync_all()?;
                    access::sync_directory_of(&path)?;
                    return Ok(name);
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many torn lines beside it"))
    }

    /// Appends a line and syncs it; what a failed write left is taken back.
    fn write(&self, file: &mut File, head: &Head, record: &Record) -> Result<Head, AuditError> {
        let writing = failed(&self.path, "written");
        let seq = head.seq + 1;
        let bytes = line::write(seq, &head.hash, record).map_err(|error| writing(error.into()))?;
        if bytes.len() > MAX_LINE_BYTES {
            return Err(AuditError::TooLong { bytes: bytes.len() });
        }
        let length = file.seek(SeekFrom::End(0)).map_err(&writing)?;
        if let Err(error) = file.write_all(&bytes) {
            // If this fails too, the next record finds the torn line and sets it aside.
            let _ = file.set_len(length);
            return Err(writing(error));
        }
        file.sync_data().map_err(&writing)?;
        if length == 0 {
            access::sync_directory_of(&self.path).map_err(&writing)?;
        }
        Ok(Head { seq, hash: hash_of(&bytes) })
    }

    fn unsound(&self, broken: crate::Broken) -> AuditError {
        AuditError::Unsound { path: self.path.clone(), broken }
    }
}

impl AuditSink for FileSink {
    fn append(&self, record: &Record) -> Result<(), AuditError> {
        let mut file = self.locked()?;
        let head = self.head(&mut file, record)?;
        self.write(&mut file, &head, record)?;
        Ok(())
    }
}

fn failed<'a>(path: &'a Path, doing: &'static str) -> impl Fn(io::Error) -> AuditError + 'a {
    move |source| AuditError::Io { path: path.to_owned(), doing, source }
}

/// Takes a lock, for which waiting in the kernel would have no limit.
fn lock(path: &Path, take: impl Fn() -> Result<(), TryLockError>) -> Result<(), AuditError> {
    let (start, mut pause) = (Instant::now(), Duration::from_micros(50));
    loop {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(failed(path, "locked")(error)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= PATIENCE => {
                return Err(AuditError::Locked { path: path.to_owned() });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}
