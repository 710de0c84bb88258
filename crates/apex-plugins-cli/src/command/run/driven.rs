//! The events of a call, driven by a task of its own.

use std::time::Duration;

use apex_plugins::{Call, exec::CallEvent, meta::ErrorKind};
use futures::StreamExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};

use crate::{
    exit::Exit,
    failure::Failure,
    interrupt::{GRACE, Interrupt},
};

/// The events of a call.
///
/// A plugin may block the thread that polls it for ever, so another task polls it. This one then still hears SIGINT and
/// sees the deadline pass, and gives up when the plugin heeds neither.
pub(super) struct Events {
    receiver: mpsc::Receiver<CallEvent>,
    deadline: Option<(Duration, Instant)>,
    interrupt: Interrupt,
}

impl Events {
    /// Starts a call; must be called within the runtime.
    pub(super) fn of(call: Call, deadline: Option<Duration>, interrupt: Interrupt) -> Self {
        // Room for one: the producer waits while the last event is being shown.
        let (sender, receiver) = mpsc::channel(1);
        let mut events = call.events();
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if sender.send(event).await.is_err() {
                    // Nobody listens any more; dropping the events stops the producer.
                    break;
                }
            }
        });
        let deadline = deadline.map(|deadline| (deadline, Instant::now() + deadline + GRACE));
        Self { receiver, deadline, interrupt }
    }

    /// The next event; after the terminal one there is none.
    pub(super) async fn next(&mut self) -> Result<CallEvent, Failure> {
        let (receiver, interrupt) = (&mut self.receiver, &self.interrupt);
        let last_moment = self.deadline.map(|(_, last_moment)| last_moment);
        tokio::select! {
            biased;
            event = receiver.recv() => event.ok_or_else(|| unheeding(ErrorKind::ProtocolViolation, "the call ended without an answer")),
            () = interrupt.grace_is_over() => {
                Err(unheeding(ErrorKind::Cancelled, "the action was cancelled and did not heed it").exit_with(Exit::Interrupted))
            }
            () = async { sleep_until(last_moment.unwrap_or_else(Instant::now)).await }, if last_moment.is_some() => {
                Err(unheeding(ErrorKind::DeadlineExceeded, "the action did not end before its deadline, and blocks"))
            }
        }
    }
}

fn unheeding(kind: ErrorKind, message: &str) -> Failure {
    Failure::new(kind.code(), message)
        .hint("the plugin's author should await instead of blocking, or declare the action as `blocking`")
}
