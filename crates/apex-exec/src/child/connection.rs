//! The conversation with one child process, and its end.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsFd as _, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use apex_meta::ErrorKind;
use apex_protocol::{Asked, Conversation, HELLO_MAX_BODY, Message, ProtocolViolation, Verdict};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group, waitid};

use super::{
    ChildPlugin,
    ending::describe,
    incoming::{Incoming, Read},
    outgoing::Outgoing,
    output::{Output, Printed},
    reactor::{Part, Reactor, Source},
    slot::{Fault, Slot},
    spawn::Spawned,
    turn::Turn,
};
use crate::{
    CallError, Limits,
    blocking::Pool,
    call::Call,
    sandbox::Scratch,
    services::{Desk, Reader},
};

mod saying;

/// The conversation with one child process.
pub(super) struct Connection {
    pub(super) reactor: &'static Reactor,
    pub(super) number: u64,
    pub(super) desk: Arc<Desk>,
    pub(super) pool: Arc<Pool>,
    pub(super) socket: OwnedFd,
    /// The socket again: what waits to be written is waited for apart from what comes.
    room: OwnedFd,
    pub(super) outgoing: Outgoing,
    /// Reads the plugin's files for it.
    pub(super) reader: Reader,
    pub(super) incoming: Mutex<Incoming>,
    /// The longest body that the child takes.
    pub(super) max_body: AtomicU32,
    /// Answered by the child's greeting.
    pub(super) greeting: Arc<Slot>,
    pub(super) turn: Turn,
    slots: Mutex<Slots>,
    pid: Pid,
    pidfd: OwnedFd,
    was_reaped: Mutex<bool>,
    outputs: Mutex<[Option<Output>; 2]>,
    /// Why the host ended it.
    blame: OnceLock<CallError>,
    /// What its calls ended in.
    fate: OnceLock<CallError>,
    /// Whether its end is expected, and no crash.
    pub(super) is_leaving: AtomicBool,
    /// Whether it takes no more calls.
    pub(super) is_retired: AtomicBool,
    owner: Weak<ChildPlugin>,
    /// How long it may keep what was given up.
    pub(super) patience: Duration,
    /// When to see next whether it is used.
    idle_look: Mutex<Option<Instant>>,
    pub(super) gone: tokio::sync::Notify,
    /// Its temporary directory, until it is gone.
    scratch: Mutex<Option<Scratch>>,
    /// How much memory it may have, named if it has asked for more.
    max_memory: Option<u64>,
    has_no_memory: AtomicBool,
}

struct Slots {
    open: HashMap<u64, Arc<Slot>>,
    conversation: Conversation,
    idle_since: Instant,
}

impl Connection {
    /// Takes a started process over.
    ///
    /// # Errors
    /// The descriptors cannot be waited for; the process is ended.
    pub(super) fn new(
        spawned: Spawned,
        incoming: Incoming,
        desk: Arc<Desk>,
        pool: Arc<Pool>,
        owner: Weak<ChildPlugin>,
        limits: &Limits,
    ) -> io::Result<Arc<Self>> {
        let Spawned { pid, pidfd, socket, stdout, stderr, scratch } = spawned;
        let prepared = Reactor::get().and_then(|reactor| Ok((reactor, socket.try_clone()?)));
        let (reactor, room) = prepared.inspect_err(|_| end_unwatched(pid))?;
        {
            let connection = Arc::new_cyclic(|this: &Weak<Self>| {
                let source: Weak<dyn Source> = this.clone();
                Self {
                    reactor,
                    number: reactor.enlist(source),
                    desk,
                    pool,
                    socket,
                    room,
                    outgoing: Outgoing::default(),
                    reader: Reader::default(),
                    incoming: Mutex::new(incoming),
                    max_body: AtomicU32::new(HELLO_MAX_BODY),
                    greeting: Slot::new(0, None),
                    turn: Turn::default(),
                    slots: Mutex::new(Slots {
                        open: HashMap::new(),
                        conversation: Conversation::new(),
                        idle_since: Instant::now(),
                    }),
                    pid,
                    pidfd,
                    was_reaped: Mutex::new(false),
                    outputs: Mutex::new([Some(Output::stdout(stdout)), Some(Output::stderr(stderr))]),
                    blame: OnceLock::new(),
                    fate: OnceLock::new(),
                    is_leaving: AtomicBool::new(false),
                    is_retired: AtomicBool::new(false),
                    owner,
                    patience: limits.child_patience,
                    idle_look: Mutex::default(),
                    gone: tokio::sync::Notify::new(),
                    scratch: Mutex::new(scratch),
                    max_memory: limits.child_memory,
                    has_no_memory: AtomicBool::new(false),
                }
            });
            connection.greet();
            connection.watch()?;
            Ok(connection)
        }
    }

    fn watch(&self) -> io::Result<()> {
        let number = self.number;
        self.reactor.add(number, Part::Socket, &self.socket)?;
        self.reactor.add(number, Part::Room, &self.room)?;
        self.reactor.add(number, Part::End, &self.pidfd)?;
        for (output, part) in self.outputs().iter().flatten().zip([Part::Stdout, Part::Stderr]) {
            self.reactor.add(number, part, &output.descriptor)?;
            self.reactor.arm(number, part, &output.descriptor)?;
        }
        self.reactor.arm(number, Part::Socket, &self.socket)?;
        // Last: at its end everything is taken out again, perhaps at once.
        self.reactor.arm(number, Part::End, &self.pidfd)
    }

    /// Opens a slot for something that is to be asked.
    ///
    /// # Errors
    /// What the child's end was.
    pub(super) fn open(&self, call: Option<Arc<Call>>, asked: Asked) -> Result<Arc<Slot>, CallError> {
        let mut slots = self.slots();
        // Looked at under the lock: whoever sets it closes all slots afterwards.
        if let Some(fate) = self.fate.get() {
            return Err(fate.clone());
        }
        let Some(number) = slots.conversation.ask(asked) else {
            return Err(self.desk.subject.error(ErrorKind::ResourceLimit, "its process was asked too often"));
        };
        let slot = Slot::new(number, call);
        slots.open.insert(number, Arc::clone(&slot));
        Ok(slot)
    }

    /// The slot of that number, if it is open.
    pub(super) fn slot(&self, number: u64) -> Option<Arc<Slot>> {
        self.slots().open.get(&number).cloned()
    }

    /// Judges what the child says about that number.
    pub(super) fn judge(&self, number: u64, message: &Message<'_>) -> Result<Verdict, ProtocolViolation> {
        self.slots().conversation.judge(number, message)
    }

    /// Closes a slot, whose answer has come.
    pub(super) fn close(&self, number: u64) -> Option<Arc<Slot>> {
        let (slot, is_idle) = {
            let mut slots = self.slots();
            let slot = slots.open.remove(&number);
            if slots.open.is_empty() {
                slots.idle_since = Instant::now();
            }
            (slot, slots.open.is_empty())
        };
        if is_idle && self.is_retired.load(Ordering::SeqCst) {
            self.leave();
        }
        slot
    }

    /// How many answers are still to come, and since when there are none.
    pub(super) fn open_slots(&self) -> (usize, Instant) {
        let slots = self.slots();
        (slots.open.len(), slots.idle_since)
    }

    /// Whether anybody waits for one of the answers that are still to come.
    pub(super) fn is_wanted(&self) -> bool {
        self.slots().open.values().any(|slot| !slot.is_abandoned())
    }

    /// Whether it has kept something for so long that was given up.
    pub(super) fn has_stuck(&self, patience: Duration) -> bool {
        self.slots().open.values().any(|slot| slot.is_abandoned_for(patience))
    }

    /// Asks for a look, after that time, at whether it is used.
    pub(super) fn look_for_idleness(self: &Arc<Self>, pause: Duration) {
        // Not less than a moment, or a very short limit would keep the reactor busy.
        let pause = pause.max(Duration::from_millis(1));
        *self.idle_look.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(pause);
        self.look_after(pause);
    }

    /// Whether the look that was asked for is due; other looks come in between.
    pub(super) fn is_idle_look_due(&self) -> bool {
        let due = *self.idle_look.lock().unwrap_or_else(PoisonError::into_inner);
        due.is_some_and(|due| due <= Instant::now())
    }

    /// Asks for a look at this process after that time.
    pub(super) fn look_after(self: &Arc<Self>, pause: Duration) {
        if let Some(moment) = Instant::now().checked_add(pause) {
            let source: Arc<dyn Source> = self.clone();
            self.reactor.tick_at(moment, Arc::downgrade(&source));
        }
    }

    fn lost(&self, error: &io::Error) -> CallError {
        self.desk.subject.error(ErrorKind::PluginCrashed, "the connection to its process is lost").caused_by(error)
    }

    /// Reads what has come; for whoever has the turn.
    pub(super) fn read(self: &Arc<Self>) {
        let mut wakers = Vec::new();
        let read = {
            let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
            incoming.read(self, &mut wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
        match read {
            Read::Waiting => {}
            Read::Closed => {
                self.turn.is_closed.store(true, Ordering::SeqCst);
                if !self.is_leaving.load(Ordering::SeqCst) {
                    // A process that ends by itself is past minding this; one that only fell silent is not.
                    self.kill();
                }
            }
            Read::Violation(message) => {
                self.turn.is_closed.store(true, Ordering::SeqCst);
                let error = self.desk.subject.error(ErrorKind::ProtocolViolation, message);
                self.break_off(error);
            }
        }
    }

    /// Ends the process, which is to blame for it, or has to make room; all its calls end in the error.
    pub(super) fn break_off(&self, error: CallError) {
        // The first reason stands.
        let _ = self.blame.set(error);
        self.kill();
    }

    /// Ends the process without anybody to blame.
    pub(super) fn leave(&self) {
        self.is_leaving.store(true, Ordering::SeqCst);
        self.kill();
    }

    /// Kills the process and all that it started.
    fn kill(&self) {
        // Until it was waited for, its number is its own.
        if !*self.was_reaped.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Waits for the process, which has ended, after killing what it started.
    fn reap(&self) -> Option<WaitIdStatus> {
        let mut was_reaped = self.was_reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *was_reaped, true) {
            return None;
        }
        let _ = kill_process_group(self.pid, Signal::KILL);
        waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED).ok().flatten()
    }

    /// What its calls ended in, once it is gone.
    pub(super) fn fate(&self) -> Option<&CallError> {
        self.fate.get()
    }

    /// The process is gone: everybody who waits for it gets an error.
    fn bury(self: &Arc<Self>) {
        // What it said before it went counts.
        self.turn.claim();
        self.read();
        self.turn.is_closed.store(true, Ordering::SeqCst);
        for index in 0..2 {
            self.print(index);
        }
        let status = self.reap();
        let error = match self.blame.get() {
            Some(blame) => blame.clone(),
            None => {
                let how = status.map_or_else(|| "ended".to_owned(), |status| describe(&status));
                self.crashed(&how)
            }
        };
        let open = {
            let mut slots = self.slots();
            let _ = self.fate.set(error.clone());
            std::mem::take(&mut slots.open)
        };
        self.reactor.dismiss(self.number);
        for descriptor in [&self.socket, &self.room, &self.pidfd] {
            self.reactor.remove(descriptor);
        }
        if let Some(owner) = self.owner.upgrade() {
            owner.ended(self, &error);
        }
        self.outgoing.give_up();
        let greeting = self.greeting.answer(Err(Fault::Found(error.clone())));
        greeting.into_iter().for_each(Waker::wake);
        let wakers = open.into_values().map(|slot| slot.answer(Err(Fault::Found(error.clone()))));
        wakers.flatten().for_each(Waker::wake);
        drop(self.scratch.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.gone.notify_waiters();
        self.turn.pass_on(self);
    }

    fn crashed(&self, how: &str) -> CallError {
        let subject = &self.desk.subject;
        match self.max_memory.filter(|_| self.has_no_memory.load(Ordering::SeqCst)) {
            Some(bytes) => {
                let message =
                    format!("its process {how}: it wanted more than its limit of {} MiB of memory", bytes >> 20);
                subject.error(ErrorKind::PluginCrashed, message).with_hint("the host sets it by `Limits::child_memory`")
            }
            None => subject.error(ErrorKind::PluginCrashed, format!("its process {how}")),
        }
    }

    /// Logs what it printed.
    fn print(&self, index: usize) {
        let mut outputs = self.outputs();
        let Some(output) = &mut outputs[index] else { return };
        if self.blame.get().is_some() {
            return;
        }
        let printed = output.read(&self.desk);
        self.has_no_memory.fetch_or(output.told_of_no_memory, Ordering::SeqCst);
        match printed {
            Printed::Waiting => {
                let part = [Part::Stdout, Part::Stderr][index];
                if self.fate.get().is_none() && self.reactor.arm(self.number, part, &output.descriptor).is_err() {
                    outputs[index] = None;
                }
            }
            Printed::Closed => {
                self.reactor.remove(&output.descriptor);
                outputs[index] = None;
            }
            Printed::Flooded => {
                // Kept open and read no more: who writes on waits, and is ended meanwhile.
                drop(outputs);
                let error = self
                    .desk
                    .subject
                    .error(ErrorKind::ResourceLimit, "printed more than is allowed, and its process was ended")
                    .with_hint("let the plugin log less, or through its context");
                self.break_off(error);
            }
        }
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outputs(&self) -> MutexGuard<'_, [Option<Output>; 2]> {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Connection {
    fn ready(self: Arc<Self>, part: Part) {
        match part {
            Part::Socket => self.turn.take_once(&self),
            Part::Room => self.flush(),
            Part::End => self.bury(),
            Part::Stdout => self.print(0),
            Part::Stderr => self.print(1),
        }
    }

    fn tick(self: Arc<Self>) {
        self.turn.look(&self);
        if let Some(owner) = self.owner.upgrade() {
            owner.look_at(&self);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reactor.dismiss(self.number);
        self.kill();
        // Short: it was killed.
        self.reap();
    }
}

/// Ends a process that nobody watches.
fn end_unwatched(pid: Pid) {
    let _ = kill_process_group(pid, Signal::KILL);
    let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
}
