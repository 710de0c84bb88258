//! The object behind a fake plugin: plays its scripts as a host calls it.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use apex_abi::{
    AbiError, CallBox, Chunk, ChunkStreamBox, FfiFuture, HostBox, PluginError, PluginObject, ROption, RResult, RString,
    RVec, contained, contained_stream,
};
use apex_meta::ErrorKind;
use futures::{Stream, stream};
use serde_json::Value;

use super::{
    FakeCall, lock,
    script::{End, Script, Step},
};

/// The scripts of a plugin, and which comes next.
pub(super) struct Cast {
    roles: BTreeMap<String, Role>,
    /// Where calls are noted.
    calls: Option<Arc<Mutex<Vec<FakeCall>>>>,
}

struct Role {
    scripts: Vec<Script>,
    played: Mutex<usize>,
}

impl Cast {
    pub(super) fn new(scripts: BTreeMap<String, Vec<Script>>, calls: Option<Arc<Mutex<Vec<FakeCall>>>>) -> Self {
        let role = |(name, scripts)| (name, Role { scripts, played: Mutex::new(0) });
        Self { roles: scripts.into_iter().map(role).collect(), calls }
    }

    /// Notes a call and gives what is to be played in it.
    fn next(&self, call: CallBox, action: &str, params: &[u8]) -> Result<Play, PluginError> {
        let params: Value = serde_json::from_slice(params).unwrap_or(Value::Null);
        if let Some(calls) = &self.calls {
            let context = serde_json::from_slice(&call.context()).unwrap_or_default();
            lock(calls).push(FakeCall { action: action.to_owned(), params: params.clone(), context });
        }
        let role =
            self.roles.get(action).ok_or_else(|| PluginError::new(ErrorKind::ActionNotFound, "has no script"))?;
        let mut played = lock(&role.played);
        let script = role.scripts.get(*played).or(role.scripts.last()).cloned().unwrap_or_default();
        *played += 1;
        drop(played);
        let Script { steps, end, .. } = script;
        Ok(Play { call, params, steps: steps.into_iter(), end })
    }
}

/// A script that is being played.
struct Play {
    call: CallBox,
    params: Value,
    steps: std::vec::IntoIter<Step>,
    end: Option<End>,
}

impl Play {
    /// Goes on to the next chunk; none at the end of the steps.
    async fn next_chunk(&mut self) -> Result<Option<Chunk>, PluginError> {
        for step in self.steps.by_ref() {
            match step {
                Step::Progress(percentage, message) => {
                    self.call.progress(ROption::RSome(percentage), message.into(), RVec::new());
                }
                Step::Delay(duration) => wait(duration).await?,
                Step::Hold(duration) => thread::sleep(duration),
                Step::Yield(chunk) => return Ok(Some(chunk)),
            }
        }
        Ok(None)
    }

    /// What the script ends in, be it a panic.
    async fn end(&mut self) -> Result<RVec<u8>, PluginError> {
        match self.end.take() {
            None => Ok(b"null".to_vec().into()),
            Some(End::Reply(reply)) => Ok(reply.to_string().into_bytes().into()),
            Some(End::ReplyWith(make)) => Ok(make(&self.params).to_string().into_bytes().into()),
            Some(End::Raw(bytes)) => Ok(bytes.into()),
            Some(End::Fail(error)) => Err(error),
            Some(End::Panic(message)) => panic!("{message}"),
            Some(End::Never) => std::future::pending().await,
        }
    }

    /// The whole script as a stream; a result at its end is nobody's.
    fn chunks(self) -> impl Stream<Item = Result<Chunk, PluginError>> + Send {
        stream::unfold(Some(self), |play| async move {
            let mut play = play?;
            match play.next_chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(play))),
                Ok(None) => play.end().await.err().map(|error| (Err(error), None)),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

async fn wait(duration: Duration) -> Result<(), PluginError> {
    let sleep = apex_exec::sleep(duration).map_err(|error| {
        PluginError::new(ErrorKind::ResourceLimit, "there is no thread to wait on").caused_by(&error)
    })?;
    pin!(sleep).await;
    Ok(())
}

/// An instance of a fake plugin.
pub(super) struct Player(Arc<Cast>);

impl Player {
    pub(super) fn new(cast: Arc<Cast>) -> Self {
        Self(cast)
    }
}

/// A future that is ready.
fn ready<T: Send + 'static>(result: Result<T, PluginError>) -> FfiFuture<RResult<T, AbiError>> {
    contained(std::future::ready(result), |_| ())
}

impl PluginObject for Player {
    fn initialize(&self, _: HostBox, _: RVec<u8>) -> FfiFuture<RResult<(), AbiError>> {
        ready(Ok(()))
    }

    fn execute(&self, call: CallBox, action: RString, params: RVec<u8>) -> FfiFuture<RResult<RVec<u8>, AbiError>> {
        let play = self.0.next(call, &action, &params);
        let execute = async move {
            let mut play = play?;
            // A script for streams, played as if it were none: its chunks are nobody's.
            while play.next_chunk().await?.is_some() {}
            play.end().await
        };
        contained(execute, |_| ())
    }

    fn execute_stream(
        &self,
        call: CallBox,
        action: RString,
        params: RVec<u8>,
    ) -> FfiFuture<RResult<ChunkStreamBox, AbiError>> {
        let play = self.0.next(call, &action, &params);
        ready(play.map(|play| contained_stream(play.chunks(), |_| ())))
    }

    fn migrate_state(&self, _: RString, _: RVec<u8>) -> FfiFuture<RResult<ROption<RVec<u8>>, AbiError>> {
        ready(Ok(ROption::RNone))
    }

    fn shutdown(&self) -> FfiFuture<RResult<(), AbiError>> {
        ready(Ok(()))
    }
}
