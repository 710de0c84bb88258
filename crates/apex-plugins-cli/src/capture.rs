//! Keeps what a plugin prints apart from results: descriptor 1 leads to standard error before anything is loaded.

use crate::{failure::Failure, output::Output, stderr::Stderr};

/// While it lives, what loaded code prints does not reach standard output.
///
/// For people, descriptor 1 becomes a second descriptor 2. For programs, both become pipes, and each line that comes
/// out of them becomes a JSON object on the real standard error: `{"log": {"stream": "stdout", "message": "..."}}`.
/// Results go to a saved copy of descriptor 1, which child processes do not inherit.
pub(crate) struct Capture {
    #[cfg(unix)]
    readers: Vec<std::sync::mpsc::Receiver<()>>,
}

#[cfg(unix)]
impl Capture {
    /// Diverts descriptor 1, and with JSON descriptor 2 as well.
    pub(crate) fn start(output: &mut Output, stderr: &Stderr) -> Result<Self, Failure> {
        unix::start(output, stderr)
            .map(|readers| Self { readers })
            .map_err(|error| Failure::new("Io", "cannot divert standard output").caused_by(&error))
    }

    /// Shows what was printed last. What is printed later is lost.
    pub(crate) fn finish(self) {
        unix::finish(&self.readers);
    }
}

#[cfg(not(unix))]
impl Capture {
    pub(crate) fn start(_output: &mut Output, _stderr: &Stderr) -> Result<Self, Failure> {
        // Nothing is loaded on this platform, so nothing can print.
        Ok(Self {})
    }

    pub(crate) fn finish(self) {}
}

#[cfg(unix)]
mod unix {
    use std::{
        fs::File,
        io::{self, BufRead as _, BufReader, Read as _, Write as _},
        os::fd::{AsFd, OwnedFd},
        sync::mpsc::{self, Receiver},
        thread,
        time::{Duration, Instant},
    };

    use rustix::{io::fcntl_dupfd_cloexec, pipe::PipeFlags, stdio};
    use serde_json::json;

    use crate::{output::Output, stderr::Stderr};

    /// The longest line that is kept together, in bytes.
    const LONGEST_LINE: u64 = 64 * 1024;
    /// How long to wait for the last words of a plugin whose children still hold its output.
    const LAST_WORDS: Duration = Duration::from_millis(500);

    pub(super) fn start(output: &mut Output, stderr: &Stderr) -> io::Result<Vec<Receiver<()>>> {
        io::stdout().flush()?;
        let results = File::from(duplicate(&stdio::stdout())?);
        let mut readers = Vec::new();
        if stderr.is_json() {
            stderr.redirect(File::from(duplicate(&stdio::stderr())?));
            let (from_stdout, to_stdout) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
            let (from_stderr, to_stderr) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
            stdio::dup2_stdout(to_stdout)?;
            stdio::dup2_stderr(to_stderr)?;
            readers.push(forward(from_stdout, "stdout", stderr.clone()));
            readers.push(forward(from_stderr, "stderr", stderr.clone()));
        } else {
            stdio::dup2_stdout(stdio::stderr())?;
        }
        output.redirect(results);
        Ok(readers)
    }

    pub(super) fn finish(readers: &[Receiver<()>]) {
        if readers.is_empty() {
            return;
        }
        if let Ok(nowhere) = File::options().write(true).open("/dev/null") {
            // The pipes end when their last writer does; if that fails, the wait below ends all the same.
            let _ = stdio::dup2_stdout(&nowhere);
            let _ = stdio::dup2_stderr(&nowhere);
        }
        let deadline = Instant::now() + LAST_WORDS;
        for reader in readers {
            let _ = reader.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        }
    }

    /// A copy that child processes do not inherit, and that is none of the first three descriptors.
    fn duplicate(descriptor: &impl AsFd) -> io::Result<OwnedFd> {
        Ok(fcntl_dupfd_cloexec(descriptor, 3)?)
    }

    /// Forwards each line as an object, until the last writer is gone; the receiver hears of that.
    fn forward(from: OwnedFd, stream: &'static str, stderr: Stderr) -> Receiver<()> {
        let (done, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(File::from(from));
            let mut line = Vec::new();
            while let Ok(1..) = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(&line));
                stderr.object(&json!({"log": {"stream": stream, "message": text}}));
                line.clear();
            }
            // Nobody may be waiting any more.
            let _ = done.send(());
        });
        receiver
    }
}
