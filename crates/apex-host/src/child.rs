//! The child: the plugin, the conversation with the host, and the calls that are under way.

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use apex_abi::{PluginBox, PluginError};
use apex_meta::ErrorKind;
use apex_protocol::{Agreement, Decoder, HELLO_MAX_BODY, Hello, Message, ProtocolViolation, Speaker, TooLarge};
use futures::channel::oneshot;
use rustix::{
    net::{RecvFlags, recv},
    process::{Signal, kill_current_process_group},
};

use crate::{
    call::Call,
    leader::{Leader, Received},
    outgoing::Outgoing,
    pool::Pool,
};

mod hear;
mod run;
mod stream;

/// The longest body that is taken: the host is trusted, and bounds what it sends.
const MAX_BODY: u32 = 1 << 30;

/// What the host answers: a generation, which is 0 for what has none, and bytes; nothing; or an error.
type HostAnswer = Result<Option<(u64, Vec<u8>)>, PluginError>;

/// The child.
pub(crate) struct Child {
    library: PathBuf,
    socket: Arc<OwnedFd>,
    leader: Arc<Leader>,
    pool: Pool,
    plugin: OnceLock<Arc<PluginBox>>,
    calls: Mutex<HashMap<u64, Arc<Call>>>,
    questions: Mutex<Questions>,
    incoming: Mutex<Decoder>,
    agreement: OnceLock<Agreement>,
    /// Whether this process is confined as its host said, or why it is not.
    confined: Result<(), String>,
}

/// Questions to the host.
#[derive(Default)]
struct Questions {
    last: u64,
    open: HashMap<u64, oneshot::Sender<HostAnswer>>,
}

impl Child {
    pub(crate) fn new(
        socket: OwnedFd,
        library: &Path,
        threads: usize,
        confined: Result<(), String>,
    ) -> io::Result<Arc<Self>> {
        // Written to without losing anything, read from without waiting: the flag says which.
        rustix::io::ioctl_fionbio(&socket, false)?;
        let socket = Arc::new(socket);
        Ok(Arc::new(Self {
            library: library.to_owned(),
            leader: Leader::new(Outgoing::new(Arc::clone(&socket)))?,
            socket,
            pool: Pool::new(threads),
            plugin: OnceLock::new(),
            calls: Mutex::default(),
            questions: Mutex::default(),
            incoming: Mutex::new(Decoder::new(Speaker::Host, HELLO_MAX_BODY)),
            agreement: OnceLock::new(),
            confined,
        }))
    }

    /// Serves until the host is gone.
    pub(crate) fn serve(self: &Arc<Self>) -> io::Result<()> {
        self.leader.outgoing.add(|out| Hello::new(MAX_BODY).write(out)).map_err(io::Error::other)?;
        self.leader.serve(self)
    }

    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    /// Ends the process after another thread than the first led to the end.
    pub(crate) fn end(&self, led: io::Result<()>) {
        leave(led);
    }

    /// Says something; at once, unless the leader is about to.
    ///
    /// # Errors
    /// It is larger than the host takes.
    pub(crate) fn say(&self, number: u64, message: &Message<'_>) -> Result<(), TooLarge> {
        self.say_with(|out, max_body| message.write(out, number, max_body))
    }

    /// Says what `encode` writes, given the longest body that the host takes.
    fn say_with(&self, encode: impl FnOnce(&mut Vec<u8>, u32) -> Result<(), TooLarge>) -> Result<(), TooLarge> {
        let max_body = self.max_body();
        let said = self.leader.outgoing.add(|out| encode(out, max_body));
        if !Leader::is_this_thread() {
            // The host being gone is found by whoever reads.
            drop(self.leader.outgoing.flush());
        }
        said
    }

    /// The longest body that the host takes.
    fn max_body(&self) -> u32 {
        self.agreement.get().map_or(HELLO_MAX_BODY, |agreement| agreement.send_max)
    }

    /// Asks the host something; `too_large` is the kind of the error if it is more than the host takes.
    pub(crate) fn ask(
        &self,
        question: &Message<'_>,
        too_large: ErrorKind,
    ) -> impl Future<Output = HostAnswer> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        let said = {
            // Numbers are to come in their order.
            let mut questions = lock(&self.questions);
            questions.last += 1;
            let number = questions.last;
            questions.open.insert(number, answer);
            let said = self.say(number, question);
            if said.is_err() {
                questions.open.remove(&number);
            }
            said
        };
        async move {
            said.map_err(|error| PluginError::new(too_large, error.to_string()))?;
            let gone = |_| Err(PluginError::new(ErrorKind::Cancelled, "the host did not answer"));
            answered.await.unwrap_or_else(gone)
        }
    }

    /// Reads what the host said, without waiting.
    pub(crate) fn receive(self: &Arc<Self>) -> io::Result<Received> {
        let mut incoming = lock(&self.incoming);
        let read = match recv(&*self.socket, incoming.space(), RecvFlags::DONTWAIT) {
            Ok((0, _)) | Err(rustix::io::Errno::CONNRESET) => return Ok(Received::End),
            Ok((read, _)) => read,
            Err(rustix::io::Errno::AGAIN) => return Ok(Received::Nothing),
            Err(rustix::io::Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        incoming.filled(read);
        while let Some(frame) = incoming.next_frame().map_err(malformed)? {
            if self.agreement.get().is_some() {
                self.hear(&frame)?;
                continue;
            }
            let theirs = Hello::read(&frame.message().map_err(malformed)?).map_err(malformed)?;
            let agreement = Hello::new(MAX_BODY).agree(&theirs).map_err(io::Error::other)?;
            incoming.set_max_body(agreement.receive_max);
            drop(self.agreement.set(agreement));
        }
        Ok(Received::Something)
    }
}

fn malformed(violation: ProtocolViolation) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, violation)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends this process and all that it started: without the host there is nothing to do.
pub(crate) fn leave(served: io::Result<()>) -> ! {
    if let Err(error) = served {
        use io::Write as _;
        let _ = writeln!(io::stderr(), "apex-host: the conversation with the host failed: {error}");
    }
    let _ = kill_current_process_group(Signal::KILL);
    process::abort()
}
