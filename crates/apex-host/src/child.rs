//! The child: the plugin, the conversation with the host, and the calls that are under way.

use std::{
    collections::HashMap,
    future::poll_fn,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    pin::Pin,
    process,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use apex_abi::{
    AbiError, Chunk, Chunks, PluginBox, PluginError, PluginModule, RString, call_box, host_box, load_module, outcome,
};
use apex_meta::ErrorKind;
use apex_protocol::{
    Agreement, ChunkForm, Decoder, Failure, Frame, HELLO_MAX_BODY, Hello, Message, ProtocolViolation, Speaker, TooLarge,
};
use futures::{
    Stream as _,
    channel::oneshot,
    future::{AbortHandle, Abortable},
};
use rustix::{
    net::{RecvFlags, recv},
    process::{Signal, kill_current_process_group},
};

use crate::{
    call::{Call, PluginSide},
    leader::{Leader, Received},
    outgoing::Outgoing,
    pool::Pool,
    services::Services,
    task::{Task, Work, work_here},
};

/// How many chunks a stream may make before others have their turn.
const CHUNKS_A_TURN: usize = 64;

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
        let max_body = self.agreement.get().map_or(HELLO_MAX_BODY, |agreement| agreement.send_max);
        let said = self.leader.outgoing.add(|out| message.write(out, number, max_body));
        if !Leader::is_this_thread() {
            // The host being gone is found by whoever reads.
            drop(self.leader.outgoing.flush());
        }
        said
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

    fn hear(self: &Arc<Self>, frame: &Frame) -> io::Result<()> {
        let number = frame.number();
        match frame.message().map_err(malformed)? {
            Message::Start { entry_point, log_level, configuration } => {
                let (child, configuration) = (Arc::clone(self), configuration.to_vec());
                let type_name = entry_point.rsplit("::").next().unwrap_or_default().to_owned();
                let work = async move {
                    let result = child.initialize(&type_name, log_level, configuration).await;
                    child.answer(number, &result.map(|()| None));
                };
                self.work(Box::pin(work), true);
            }
            Message::Call { action, is_stream, is_blocking, remaining_ms, context, params } => {
                let Some(plugin) = self.plugin.get() else { return Err(io::ErrorKind::InvalidData.into()) };
                let (plugin, child) = (Arc::clone(plugin), Arc::clone(self));
                let (abort, registration) = AbortHandle::new_pair();
                let remaining = remaining_ms.map(Duration::from_millis);
                let (action, params) = (RString::from(action), params.to_vec());
                let call = Call::new(Arc::clone(self), number, context.to_vec(), remaining, abort);
                lock(&self.calls).insert(number, Arc::clone(&call));
                let work = async move {
                    let work = child.run(&plugin, &call, action, params, is_stream);
                    let result = Abortable::new(work, registration).await;
                    call.end();
                    lock(&child.calls).remove(&number);
                    let given_up = |_| Err(PluginError::new(ErrorKind::Cancelled, "was given up"));
                    child.answer(number, &result.unwrap_or_else(given_up));
                };
                self.work(Box::pin(work), is_blocking);
            }
            Message::Cancel => self.with_call(number, Call::end),
            Message::Abort => self.with_call(number, Call::abort),
            Message::Credit { chunks } => self.with_call(number, |call| call.add_credit(chunks)),
            Message::State { record } => {
                self.answer_question(number, Ok(record.map(|(generation, data)| (generation, data.to_vec()))));
            }
            Message::Called(bytes) | Message::Resource(bytes) => {
                self.answer_question(number, Ok(Some((0, bytes.to_vec()))));
            }
            Message::StateFailure(failure) => self.answer_question(number, Err(plugin_error(&failure))),
            Message::Ping => self.answer(number, &Ok(None)),
            Message::Migrate { from, state } => {
                let Some(plugin) = self.plugin.get() else { return Err(io::ErrorKind::InvalidData.into()) };
                let (plugin, child) = (Arc::clone(plugin), Arc::clone(self));
                let (from, state) = (RString::from(from), state.to_vec());
                let work = async move {
                    let migrated = outcome(plugin.migrate_state(from, state.into())).await;
                    child.answer(number, &migrated.map(|state| state.into_option().map(Vec::from)));
                };
                self.work(Box::pin(work), true);
            }
            Message::Shutdown => {
                let (plugin, child) = (self.plugin.get().cloned(), Arc::clone(self));
                let work = async move {
                    let result = match plugin {
                        Some(plugin) => outcome(plugin.shutdown()).await,
                        None => Ok(()),
                    };
                    child.answer(number, &result.map(|()| None));
                    // The leader may just be writing it: without the answer this would be a crash to the host.
                    child.leader.outgoing.finish();
                    // Destructors and whatever else runs at the end may still print.
                    process::exit(0);
                };
                self.work(Box::pin(work), true);
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    }

    fn answer_question(&self, number: u64, answer: HostAnswer) {
        let question = lock(&self.questions).open.remove(&number);
        if let Some(question) = question {
            // Whoever asked may have been dropped.
            drop(question.send(answer));
        }
    }

    fn with_call(&self, number: u64, tell: impl FnOnce(&Call)) {
        // Outside of the lock: it wakes the plugin's own code.
        let call = lock(&self.calls).get(&number).cloned();
        if let Some(call) = call {
            tell(&call);
        }
    }

    /// Does work: polled by the leader, or on a thread of its own if it may block.
    fn work(self: &Arc<Self>, work: Work, is_blocking: bool) {
        if is_blocking {
            let on_thread = Arc::new(Mutex::new(Some(work)));
            let taken = Arc::clone(&on_thread);
            let started = self.pool.run(move || {
                if let Some(work) = lock(&taken).take() {
                    work_here(work);
                }
            });
            if started.is_ok() {
                return;
            }
            // Better late than never: the eye sees to the others.
            let Some(work) = lock(&on_thread).take() else { return };
            self.leader.queue(Task::queued(Arc::clone(&self.leader), work));
            return;
        }
        self.leader.queue(Task::queued(Arc::clone(&self.leader), work));
    }

    async fn initialize(
        self: &Arc<Self>,
        type_name: &str,
        log_level: u8,
        configuration: Vec<u8>,
    ) -> Result<(), PluginError> {
        // Without its confinement no code of the plugin comes into this process.
        if let Err(why) = &self.confined {
            return Err(PluginError::new(ErrorKind::IsolationUnavailable, why.clone()));
        }
        let module = load(&self.library, type_name)?;
        let plugin = Arc::new(module.create()?);
        let services = Services { child: Arc::clone(self), log_level };
        outcome(plugin.initialize(host_box(services), configuration.into())).await?;
        let again = |_| PluginError::new(ErrorKind::ProtocolViolation, "initialized twice");
        self.plugin.set(plugin).map_err(again)
    }

    async fn run(
        &self,
        plugin: &PluginBox,
        call: &Arc<Call>,
        action: RString,
        params: Vec<u8>,
        is_stream: bool,
    ) -> Result<Option<Vec<u8>>, PluginError> {
        let (side, params) = (call_box(PluginSide(Arc::clone(call))), params.into());
        if !is_stream {
            return outcome(plugin.execute(side, action, params)).await.map(|result| Some(result.into()));
        }
        let mut chunks = Chunks::new(outcome(plugin.execute_stream(side, action, params)).await?);
        let mut made = 0;
        loop {
            poll_fn(|context| call.poll_credit(context)).await;
            let Some(chunk) = poll_fn(|context| Pin::new(&mut chunks).poll_next(context)).await else {
                return Ok(None);
            };
            let (form, bytes) = match chunk? {
                Chunk::Json(bytes) => (ChunkForm::Json, bytes),
                Chunk::Bytes(bytes) => (ChunkForm::Bytes, bytes),
            };
            self.say(call.number, &Message::Chunk { form, bytes: &bytes }).map_err(too_large)?;
            made += 1;
            if made % CHUNKS_A_TURN == 0 || self.leader.outgoing.is_long() {
                yield_once().await;
            }
        }
    }

    fn answer(&self, number: u64, result: &Result<Option<Vec<u8>>, PluginError>) {
        let said = match result {
            Ok(value) => self.say(number, &Message::Answer(value.as_deref())),
            Err(error) => self.fail(number, error.clone()),
        };
        // What does not fit is told without what makes it large.
        if let Err(error) = said {
            let _ = self.fail(number, too_large(error));
        }
    }

    fn fail(&self, number: u64, error: PluginError) -> Result<(), TooLarge> {
        let error = AbiError::from(error);
        let causes = error.causes.iter().map(RString::as_str).collect();
        let (message, details) = (error.message.as_str(), error.details.as_slice());
        self.say(number, &Message::Failure(Failure { kind: error.kind, message, details, causes }))
    }
}

fn too_large(error: TooLarge) -> PluginError {
    PluginError::new(ErrorKind::ResourceLimit, error.to_string())
}

/// The plugin's module, if it is of the type that its entry point names.
fn load(library: &Path, type_name: &str) -> Result<PluginModule, PluginError> {
    // SAFETY: the host verified these bytes, and they are sealed.
    #[expect(unsafe_code, reason = "the one place where a plugin's code enters the process")]
    let module = unsafe { load_module(library) }.map_err(|error| {
        let message = match &error {
            apex_abi::LoadError::Open { source, .. } => format!("its library cannot be opened: {source}"),
            apex_abi::LoadError::Mismatch { mismatch, .. } => format!("its library does not fit this host: {mismatch}"),
            other => other.to_string(),
        };
        PluginError::new(error.kind(), message)
    })?;
    match module.type_name() {
        found if found == type_name => Ok(module),
        found => {
            let found = found.escape_debug();
            let message = format!("its entry point names `{type_name}`, but its library exports `{found}`");
            Err(PluginError::new(ErrorKind::LoadFailed, message))
        }
    }
}

/// Lets others have their turn.
async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn malformed(violation: ProtocolViolation) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, violation)
}

fn plugin_error(failure: &Failure<'_>) -> PluginError {
    let causes = failure.causes.iter().map(|cause| RString::from(*cause)).collect();
    let (message, details) = (failure.message.into(), failure.details.to_vec().into());
    AbiError { kind: failure.kind, message, details, causes }.into()
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
