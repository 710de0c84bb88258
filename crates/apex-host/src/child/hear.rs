//! What the host says, and what is done about it.

use std::{
    io, process,
    sync::{Arc, Mutex},
    time::Duration,
};

use apex_abi::{AbiError, PluginError, RString, outcome};
use apex_meta::ErrorKind;
use apex_protocol::{Failure, Frame, Message};
use futures::future::{AbortHandle, Abortable};

use super::{Child, HostAnswer, lock, malformed};
use crate::{
    call::Call,
    task::{Task, Work, work_here},
};

impl Child {
    pub(super) fn hear(self: &Arc<Self>, frame: &Frame) -> io::Result<()> {
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
}

fn plugin_error(failure: &Failure<'_>) -> PluginError {
    let causes = failure.causes.iter().map(|cause| RString::from(*cause)).collect();
    let (message, details) = (failure.message.into(), failure.details.to_vec().into());
    AbiError { kind: failure.kind, message, details, causes }.into()
}
