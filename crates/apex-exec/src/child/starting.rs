//! Starting a child process, on a thread that may block.

use std::{
    future::poll_fn,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
    time::{Duration, Instant},
};

use apex_abi::PluginError;
use apex_meta::ErrorKind;
use apex_protocol::Asked;
use futures::{
    FutureExt as _,
    channel::oneshot,
    future::{Either, Shared, select},
};

use super::{
    ChildPlugin,
    connection::Connection,
    incoming::Incoming,
    slot::{Fault, Slot},
    spawn,
    wire::{self, Line},
};
use crate::{CallError, Lifecycle, ProcessStarted, lifecycle::announce_process, park::block_on};

type Started = Result<Arc<Connection>, CallError>;

/// A start that is under way; clones wait for the same one.
#[derive(Clone)]
pub(super) struct Start {
    result: Shared<oneshot::Receiver<Started>>,
    lost: Arc<CallError>,
}

impl Future for Start {
    type Output = Started;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Started> {
        let polled = self.result.poll_unpin(context);
        polled.map(|result| result.unwrap_or_else(|_| Err((*self.lost).clone())))
    }
}

impl ChildPlugin {
    /// Begins to start a process after a pause.
    ///
    /// # Errors
    /// There is no thread for it.
    pub(super) fn begin_start(&self, pause: Duration, is_first: bool) -> Result<Start, CallError> {
        let (done, result) = oneshot::channel();
        let plugin = self.this.clone();
        let work = move || {
            thread::sleep(pause);
            // If nobody needs it any more, there is nothing to start.
            let Some(plugin) = plugin.upgrade() else { return };
            if !is_first {
                plugin.tell(Lifecycle::Failed, Lifecycle::Loaded, None);
            }
            let started = plugin.start_process();
            drop(done.send(plugin.started(started, is_first)));
        };
        self.pool.run(work).map_err(|error| self.desk.subject.reported(error))?;
        let lost = self.desk.subject.error(ErrorKind::PluginCrashed, "its process was not started");
        Ok(Start { result: result.shared(), lost: Arc::new(lost) })
    }

    fn start_process(&self) -> Started {
        let subject = &self.desk.subject;
        let Some(verified) = &self.parts.verified else {
            return Err(subject.error(ErrorKind::LoadFailed, "has no library that a process could load"));
        };
        let until = Instant::now() + self.limits.initialize_timeout;
        let threads = self.limits.blocking_threads;
        let copy = self.program.copy(verified).map_err(|error| self.not_copied(&error))?;
        let prepared =
            self.sandbox.prepare(&self.limits, copy.as_deref()).map_err(|error| self.not_confined(&error))?;
        let spawned = spawn::spawn(&self.program, verified.library(), copy.as_deref(), prepared, threads)
            .map_err(|error| self.not_started(&error))?;
        self.tell_of_process(spawned.pid.as_raw_nonzero().get().unsigned_abs(), copy);
        let incoming = Incoming::new(&self.limits);
        let connection = self.connection_to(spawned, incoming).map_err(|error| self.not_watched(&error))?;
        let initialized = self.initialize(&connection, until);
        match initialized {
            Ok(()) => {
                if let Some(idle) = self.limits.child_idle {
                    connection.look_for_idleness(idle);
                }
                Ok(connection)
            }
            Err(error) => {
                connection.leave();
                Err(error)
            }
        }
    }

    fn connection_to(&self, spawned: spawn::Spawned, incoming: Incoming) -> io::Result<Arc<Connection>> {
        let (desk, pool) = (Arc::clone(&self.desk), Arc::clone(&self.pool));
        Connection::new(spawned, incoming, desk, pool, self.this.clone(), &self.limits)
    }

    fn initialize(&self, connection: &Arc<Connection>, until: Instant) -> Result<(), CallError> {
        let subject = &self.desk.subject;
        // The child says first what it takes.
        self.wait_for(&connection.greeting, until)?;
        let slot = connection.open(None, Asked::Start)?;
        let level = self.desk.services.log_level().map_or(0, apex_abi::LogLevel::number);
        let start = |line: Line<'_>| wire::start(line, &self.parts, &self.configuration, level);
        connection
            .say(slot.number, start)
            .map_err(|error| subject.error(ErrorKind::ResourceLimit, error.to_string()).with_hint(error.hint()))?;
        self.wait_for(&slot, until)
    }

    fn wait_for(&self, slot: &Slot, until: Instant) -> Result<(), CallError> {
        let answer = poll_fn(|context| slot.poll_answer(context));
        match block_on(select(answer, self.timer.at(until))) {
            Either::Left((Ok(_), _)) => Ok(()),
            Either::Left((Err(Fault::Found(error)), _)) => Err(error),
            Either::Left((Err(Fault::Told(error)), _)) => Err(self.not_initialized(error)),
            Either::Right(_) => Err(self.desk.subject.too_slow("initialization", self.limits.initialize_timeout)),
        }
    }

    /// What a plugin or its loading failed with.
    fn not_initialized(&self, error: PluginError) -> CallError {
        let kind = error.kind;
        let reported = self.desk.subject.reported(error);
        match kind {
            // Nothing is gained by claiming these.
            ErrorKind::AbiMismatch
            | ErrorKind::LoadFailed
            | ErrorKind::UnsupportedPlatform
            | ErrorKind::IsolationUnavailable => {
                let causes: Vec<_> = reported.causes().map(str::to_owned).collect();
                self.desk.subject.error(kind, reported.message()).with_causes(causes)
            }
            _ => reported,
        }
    }

    fn not_started(&self, error: &io::Error) -> CallError {
        let (subject, path) = (&self.desk.subject, self.program.path().display());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => subject
                .error(
                    ErrorKind::ChildHostMissing,
                    format!("the program `{path}` that hosts plugins cannot be started"),
                )
                .with_hint(
                    "call `run_if_child()` first thing in `main`, put `apex-host` beside the program, or name it with \
                     `child_program`",
                )
                .caused_by(error),
            _ => subject.error(ErrorKind::ResourceLimit, "its process could not be started").caused_by(error),
        }
    }

    fn not_copied(&self, error: &io::Error) -> CallError {
        self.desk.subject.error(ErrorKind::ResourceLimit, "its library cannot be copied").caused_by(error)
    }

    fn not_confined(&self, error: &io::Error) -> CallError {
        let message = "its process has no place for a temporary directory of its own";
        self.desk.subject.error(ErrorKind::IsolationUnavailable, message).caused_by(error)
    }

    fn tell_of_process(&self, id: u32, library: Option<PathBuf>) {
        let (plugin, version) = (self.desk.subject.id.clone(), self.desk.subject.version.clone());
        announce_process(&*self.observer, &ProcessStarted { plugin, version, id, library });
    }

    fn not_watched(&self, error: &io::Error) -> CallError {
        self.desk.subject.error(ErrorKind::ResourceLimit, "its process could not be watched").caused_by(error)
    }
}
