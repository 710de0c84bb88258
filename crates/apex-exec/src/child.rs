//! A plugin in a process of its own: started when it is needed, replaced when it dies, and given up when it dies too
//! often.
//!
//! What a call owes its caller does not depend on the process: its deadline and its cancellation bind here. A process is
//! ended when it breaks the protocol, prints without measure, or does not let go of a call that was given up; the last
//! only as soon as no other call needs it, while new calls go to a new process.

mod asking;
mod bell;
mod connection;
mod ending;
mod incoming;
mod outgoing;
mod output;
mod program;
mod pull;
mod reactor;
mod slot;
mod spawn;
mod starting;
mod supervision;
mod turn;
mod wire;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, atomic::Ordering},
    time::{Duration, Instant},
};

use apex_abi::RVec;
use apex_meta::ErrorKind;
use apex_protocol::{Asked, TooLarge};
use futures::future::{Either, select};

pub(crate) use self::{asking::Asking, bell::Bell, pull::Pull};
use self::{connection::Connection, slot::Fault, starting::Start, supervision::Supervision, wire::Line};
use crate::{
    CallError, CrashHistory, Lifecycle, Limits, Observer, Sandbox, Transition,
    blocking::{Limited, Pool},
    lifecycle::announce,
    loader::LoadedParts,
    services::Desk,
    timer::Timer,
};

pub use self::program::ChildProgram;

/// A plugin whose code runs in a child process.
pub(crate) struct ChildPlugin {
    this: Weak<Self>,
    parts: Arc<LoadedParts>,
    program: ChildProgram,
    configuration: Vec<u8>,
    desk: Arc<Desk>,
    pool: Arc<Pool>,
    limits: Limits,
    sandbox: Sandbox,
    observer: Arc<dyn Observer>,
    timer: &'static Timer,
    supervision: Supervision,
    now: Mutex<Now>,
}

/// What there is of the process.
enum Now {
    /// Nothing; the next call starts it.
    Down,
    Starting(Start),
    Up(Arc<Connection>),
    /// Nothing, for good.
    Ended,
}

/// What a child plugin is made of.
pub(crate) struct ChildParts {
    pub(crate) parts: Arc<LoadedParts>,
    pub(crate) program: ChildProgram,
    pub(crate) configuration: Vec<u8>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) limits: Limits,
    pub(crate) sandbox: Sandbox,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) timer: &'static Timer,
    pub(crate) crashes: CrashHistory,
}

impl ChildPlugin {
    /// Starts the process and initializes the plugin in it.
    ///
    /// # Errors
    /// Whatever the process cannot be started for, or the plugin fails with.
    pub(crate) async fn start(parts: ChildParts) -> Result<Arc<Self>, CallError> {
        let ChildParts { parts, program, configuration, desk, pool, limits, sandbox, observer, timer, crashes } = parts;
        let (supervision, now) = (Supervision::new(crashes, &limits), Mutex::new(Now::Down));
        let plugin = Arc::new_cyclic(|this: &Weak<Self>| Self {
            this: this.clone(),
            parts,
            program,
            configuration,
            desk,
            pool,
            limits,
            sandbox,
            observer,
            timer,
            supervision,
            now,
        });
        plugin.connect(true).await?;
        Ok(plugin)
    }

    /// A connection to a process that is ready.
    ///
    /// # Errors
    /// `PluginQuarantined`, or why the process could not be started.
    async fn connect(&self, is_first: bool) -> Result<Arc<Connection>, CallError> {
        match self.connection(is_first) {
            Either::Left(ready) => ready,
            Either::Right(start) => start.await,
        }
    }

    /// The connection, or what has to be waited for.
    fn connection(&self, is_first: bool) -> Either<Result<Arc<Connection>, CallError>, Start> {
        let mut now = self.lock();
        match &*now {
            Now::Up(connection) => return Either::Left(Ok(Arc::clone(connection))),
            Now::Starting(start) => return Either::Right(start.clone()),
            Now::Ended => {
                let error = self.desk.subject.error(ErrorKind::ShuttingDown, "has ended");
                return Either::Left(Err(error));
            }
            Now::Down => {}
        }
        if let Some(error) = self.supervision.crashes.quarantine() {
            return Either::Left(Err(error));
        }
        let pause = self.supervision.pause(Instant::now());
        match self.begin_start(pause, is_first) {
            Ok(start) => {
                *now = Now::Starting(start.clone());
                Either::Right(start)
            }
            Err(error) => Either::Left(Err(error)),
        }
    }

    /// Puts a start's result in its place; gives what those who wait for it get.
    fn started(
        &self,
        result: Result<Arc<Connection>, CallError>,
        is_first: bool,
    ) -> Result<Arc<Connection>, CallError> {
        let mut now = self.lock();
        if matches!(*now, Now::Ended) {
            if let Ok(connection) = &result {
                connection.leave();
            }
            return result;
        }
        *now = match &result {
            // It may have gone in the meantime, and that was told before there was a place to note it.
            Ok(connection) if connection.fate().is_none() => Now::Up(Arc::clone(connection)),
            _ => Now::Down,
        };
        drop(now);
        if is_first {
            return result;
        }
        match &result {
            Ok(_) => {
                self.tell(Lifecycle::Loaded, Lifecycle::Initialized, None);
                self.tell(Lifecycle::Initialized, Lifecycle::Running, None);
            }
            Err(error) => self.tell(Lifecycle::Loaded, Lifecycle::Failed, Some(error.clone())),
        }
        result
    }

    /// Takes note of the end of a process.
    fn ended(&self, connection: &Arc<Connection>, error: &CallError) {
        let is_crash = !connection.is_leaving.load(Ordering::SeqCst);
        let mut now = self.lock();
        let was_up = matches!(&*now, Now::Up(other) if Arc::ptr_eq(other, connection));
        if was_up {
            *now = Now::Down;
        }
        if !is_crash || matches!(*now, Now::Ended) {
            return;
        }
        let crashes = self.supervision.crashed(Instant::now());
        let quarantined = crashes.map(|crashes| self.quarantine(crashes, error));
        let quarantined = quarantined.filter(|error| self.supervision.crashes.begin_quarantine(error.clone()));
        drop(now);
        if was_up {
            self.tell(Lifecycle::Running, Lifecycle::Failed, Some(error.clone()));
        }
        if let Some(quarantined) = quarantined {
            self.tell(Lifecycle::Failed, Lifecycle::Quarantined, Some(quarantined));
        }
    }

    fn quarantine(&self, crashes: usize, error: &CallError) -> CallError {
        let window = self.limits.crash_window;
        let message = format!("crashed {crashes} times within {window:?} and is not started again");
        self.desk
            .subject
            .error(ErrorKind::PluginQuarantined, message)
            .with_hint(format!("find out why it crashes, then `apex enable {}`", self.desk.subject.id))
            .caused_by(error)
    }

    /// Looks after a process now and then: whether it let go of what was given up, and whether it is used at all.
    fn look_at(&self, connection: &Arc<Connection>) {
        if connection.fate().is_some() {
            return;
        }
        if connection.has_stuck(self.limits.child_patience) && !connection.is_retired.load(Ordering::SeqCst) {
            tracing::warn!(plugin = %self.desk.subject.id, version = %self.desk.subject.version,
                "an action goes on although it was given up; its process is replaced");
            self.retire(connection);
        }
        if connection.is_retired.load(Ordering::SeqCst) && !connection.is_wanted() {
            connection.leave();
            return;
        }
        let Some(limit) = self.limits.child_idle else { return };
        if !connection.is_idle_look_due() {
            return;
        }
        let (open, idle_since) = connection.open_slots();
        match limit.checked_sub(idle_since.elapsed()) {
            None | Some(Duration::ZERO) if open == 0 => self.end_idle(connection),
            left => connection.look_for_idleness(left.unwrap_or(limit)),
        }
    }

    /// Gives a process no more calls; it is ended as soon as nobody waits for it.
    fn retire(&self, connection: &Arc<Connection>) {
        connection.is_retired.store(true, Ordering::SeqCst);
        self.forget(connection);
    }

    /// Ends a process that has not been used for a while, in an orderly way.
    fn end_idle(&self, connection: &Arc<Connection>) {
        self.retire(connection);
        let (Some(plugin), connection) = (self.this.upgrade(), Arc::clone(connection)) else { return };
        let limit = self.limits.shutdown_timeout;
        let work = move || {
            crate::park::block_on(async {
                if let Err(error) = plugin.end_process(&connection, Instant::now() + limit).await {
                    tracing::warn!(%error, "an idle plugin did not end well");
                }
            });
            tracing::debug!(plugin = %plugin.desk.subject.id, "an idle process was ended");
        };
        if let Err(error) = self.pool.run(work) {
            tracing::debug!(%error, "an idle process cannot be ended yet");
        }
    }

    /// Lets the plugin in a process end, then ends the process.
    async fn end_process(&self, connection: &Arc<Connection>, until: Instant) -> Result<(), CallError> {
        let ended = self.ask(connection, until, Asked::Shutdown, wire::shut_down).await;
        connection.is_leaving.store(true, Ordering::SeqCst);
        if matches!(ended, Ok(Limited::Finished(_))) {
            // It ends by itself now, so that what it printed is not lost.
            let mut gone = std::pin::pin!(connection.gone.notified());
            gone.as_mut().enable();
            if connection.fate().is_none() {
                select(gone, self.timer.at(until)).await;
            }
        }
        connection.leave();
        match ended? {
            Limited::Finished(_) => Ok(()),
            Limited::TooSlow => Err(self.desk.subject.too_slow("its shutdown", self.limits.shutdown_timeout)),
        }
    }

    /// Asks something that is no call, and waits for the answer.
    async fn ask(
        &self,
        connection: &Arc<Connection>,
        until: Instant,
        asked: Asked,
        encode: impl FnOnce(Line<'_>) -> Result<(), TooLarge>,
    ) -> Result<Limited<Option<RVec<u8>>>, CallError> {
        let slot = connection.open(None, asked)?;
        if let Err(error) = connection.say(slot.number, encode) {
            connection.close(slot.number);
            return Err(self.desk.subject.error(ErrorKind::ResourceLimit, error.to_string()).with_hint(error.hint()));
        }
        let answer = std::future::poll_fn(|context| slot.poll_answer(context));
        match select(answer, self.timer.at(until)).await {
            Either::Left((Ok(answer), _)) => Ok(Limited::Finished(answer)),
            Either::Left((Err(fault), _)) => Err(self.explain(fault)),
            Either::Right(_) => {
                slot.abandon();
                Ok(Limited::TooSlow)
            }
        }
    }

    /// Asks a process for nothing more, should it be the one that is asked now.
    fn forget(&self, connection: &Arc<Connection>) {
        let mut now = self.lock();
        if matches!(&*now, Now::Up(other) if Arc::ptr_eq(other, connection)) {
            *now = Now::Down;
        }
    }

    fn explain(&self, fault: Fault) -> CallError {
        match fault {
            Fault::Told(error) => self.desk.subject.reported(error),
            Fault::Found(error) => error,
        }
    }

    /// Asks the plugin to bring the state of another version into its own form.
    pub(crate) async fn migrate_state(
        &self,
        limit: Duration,
        from: &str,
        state: &[u8],
    ) -> Result<Limited<Option<RVec<u8>>>, CallError> {
        let until = Instant::now() + limit;
        let connection = self.connect(false).await?;
        self.ask(&connection, until, Asked::Migrate, |line| wire::migrate_state(line, from, state)).await
    }

    /// Lets the plugin end, and its process with it, for good.
    pub(crate) async fn shutdown(&self, limit: Duration) -> Result<(), CallError> {
        let before = std::mem::replace(&mut *self.lock(), Now::Ended);
        match before {
            Now::Up(connection) => self.end_process(&connection, Instant::now() + limit).await,
            // A process that is just being started is ended as soon as it is there.
            Now::Starting(_) | Now::Down | Now::Ended => Ok(()),
        }
    }

    fn tell(&self, from: Lifecycle, to: Lifecycle, error: Option<CallError>) {
        let (plugin, version) = (self.desk.subject.id.clone(), self.desk.subject.version.clone());
        announce(&*self.observer, &Transition { plugin, version, from: Some(from), to, error });
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ChildPlugin {
    fn drop(&mut self) {
        let now = self.now.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Now::Up(connection) = std::mem::replace(now, Now::Ended) {
            connection.leave();
        }
    }
}
