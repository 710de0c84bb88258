//! A call on its way to a child and back.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use apex_abi::{PluginError, RVec};
use apex_protocol::Asked as What;
use futures::{FutureExt as _, future::Either};

use super::{
    ChildPlugin,
    connection::Connection,
    pull::Pull,
    slot::{Fault, Slot},
    starting::Start,
    wire,
};
use crate::{CallError, call::Call, park};

/// A call on its way to a child and back.
pub(crate) struct Asking {
    plugin: Arc<ChildPlugin>,
    call: Arc<Call>,
    params: Vec<u8>,
    is_stream: bool,
    stage: Stage,
}

enum Stage {
    New,
    Starting(Start),
    Asked(Asked),
    Over,
}

/// What a child was asked; told to give up, should this be dropped before the answer.
pub(super) struct Asked {
    pub(super) connection: Arc<Connection>,
    pub(super) slot: Arc<Slot>,
    pub(super) call: Arc<Call>,
    pub(super) is_answered: bool,
    was_told: bool,
}

impl ChildPlugin {
    /// Begins a call; nothing is asked before it is polled.
    pub(crate) fn ask_for(self: &Arc<Self>, call: &Arc<Call>, params: Vec<u8>, is_stream: bool) -> Asking {
        Asking { plugin: Arc::clone(self), call: Arc::clone(call), params, is_stream, stage: Stage::New }
    }
}

impl Asking {
    /// Goes on until the child was asked.
    fn poll_asked(&mut self, context: &mut Context<'_>) -> Poll<Result<(), PluginError>> {
        loop {
            let connection = match &mut self.stage {
                Stage::Asked(_) | Stage::Over => return Poll::Ready(Ok(())),
                Stage::New => match self.plugin.connection(false) {
                    Either::Left(ready) => ready,
                    Either::Right(start) => {
                        self.stage = Stage::Starting(start);
                        continue;
                    }
                },
                Stage::Starting(start) => std::task::ready!(start.poll_unpin(context)),
            };
            let connection = match connection {
                Ok(connection) => connection,
                Err(error) => return Poll::Ready(Err(found(&self.call, error))),
            };
            if !connection.outgoing.has_room(context.waker()) {
                self.stage = Stage::New;
                return Poll::Pending;
            }
            let asked = if self.is_stream { What::Stream } else { What::Result };
            let Ok(slot) = connection.open(Some(Arc::clone(&self.call)), asked) else {
                // It went before it was asked anything: another one is asked.
                self.plugin.forget(&connection);
                self.stage = Stage::New;
                continue;
            };
            let params = std::mem::take(&mut self.params);
            let said = connection.say_along(slot.number, |line| wire::call(line, &self.call, &params, self.is_stream));
            if let Err(error) = said {
                connection.close(slot.number);
                return Poll::Ready(Err(found(&self.call, wire::too_large(&self.call, &error))));
            }
            let (call, is_answered, was_told) = (Arc::clone(&self.call), false, false);
            self.stage = Stage::Asked(Asked { connection, slot, call, is_answered, was_told });
        }
    }

    /// The answer of an action that has one result.
    pub(crate) fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<RVec<u8>, PluginError>> {
        std::task::ready!(self.poll_asked(context))?;
        let Stage::Asked(asked) = &mut self.stage else { return Poll::Pending };
        asked.pass_on_the_end();
        match asked.slot.poll_answer(context) {
            Poll::Ready(answer) => {
                asked.is_answered = true;
                Poll::Ready(answer.map(Option::unwrap_or_default).map_err(|fault| asked.failed(fault)))
            }
            Poll::Pending => {
                park::offer(|| Arc::clone(&asked.connection) as _);
                Poll::Pending
            }
        }
    }

    /// The stream of an action that has one; whether it could be opened shows when it is pulled.
    pub(crate) fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<Result<Pull, PluginError>> {
        std::task::ready!(self.poll_asked(context))?;
        match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Asked(asked) => Poll::Ready(Ok(Pull::new(asked))),
            _ => Poll::Pending,
        }
    }
}

impl Asked {
    /// Tells the child that the caller gave up, once.
    pub(super) fn pass_on_the_end(&mut self) {
        if self.call.over.is_raised() && !std::mem::replace(&mut self.was_told, true) {
            // As small as a message can be.
            let _ = self.connection.say(self.slot.number, wire::cancel);
        }
    }

    /// The error of the call.
    pub(super) fn failed(&self, fault: Fault) -> PluginError {
        match fault {
            Fault::Told(error) => error,
            Fault::Found(error) => found(&self.call, error),
        }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.is_answered {
            return;
        }
        self.slot.abandon();
        let _ = self.connection.say(self.slot.number, wire::abort);
        self.connection.look_after(self.connection.patience);
    }
}

/// Notes an error as the host's own finding, which the plugin cannot have made up.
fn found(call: &Call, error: CallError) -> PluginError {
    let plain = PluginError::new(error.kind(), error.message());
    call.find(error);
    plain
}

impl Future for Asking {
    type Output = Result<RVec<u8>, PluginError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_answer(context)
    }
}
