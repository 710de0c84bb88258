//! One call of some kind, and whether it ended as it should.

use std::time::Duration;

use apex_plugins::{Call, CallEvent, CancellationToken, ErrorKind};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::{Chance, Subject};

/// How a call ended: well, or with an error that it may end in.
type End = Result<Option<ErrorKind>, String>;

/// Longer than any call here takes that is not lost.
const LOST: Duration = Duration::from_secs(300);

/// Makes a call of some kind.
pub(super) async fn attempt(subject: &Subject, number: u64, chance: &mut Chance) -> End {
    let call = |action: &str, params: Value| subject.plugins.call(subject.id, action).params(params);
    let echo = |ms: u64| call("echo", json!({"number": number, "ms": ms}));
    let answers = Expected { result: Some(json!(number)), ..Expected::default() };
    let made = match chance.below(1000) {
        0..450 => answers.of(echo(0)).await,
        450..500 => return raw(subject, number).await,
        500..600 => answers.or(ErrorKind::DeadlineExceeded).of(echo(1).timeout(millis(chance, 4))).await,
        600..700 => {
            let (token, pause) = (CancellationToken::new(), millis(chance, 4));
            let call = answers.or(ErrorKind::Cancelled).of(echo(2).cancel_with(token.clone()));
            let cancel = async {
                tokio::time::sleep(pause).await;
                token.cancel();
            };
            futures::join!(call, cancel).0
        }
        700..850 if subject.streams => {
            let chunks = chance.below(20);
            let expected =
                Expected { result: Some(Value::Null), chunks: Some((number, chunks)), ..Expected::default() };
            expected.of(call("count", json!({"number": number, "chunks": chunks}))).await
        }
        850..900 if subject.streams => return drop_midway(call("ticks", json!({})), chance).await,
        900..950 => Expected::default().or(ErrorKind::Execution).of(call("fail", json!({}))).await,
        950..952 => Expected::default().or(ErrorKind::PluginPanicked).of(call("panic", json!({}))).await,
        952..980 => {
            let never = call("never", json!({})).timeout(millis(chance, 4));
            Expected::default().or(ErrorKind::DeadlineExceeded).of(never).await
        }
        980..1000 => return drop_early(echo(1), chance).await,
        _ => answers.of(echo(chance.below(3))).await,
    };
    subject.excuse(made)
}

fn millis(chance: &mut Chance, below: u64) -> Duration {
    Duration::from_millis(chance.below(below))
}

/// What a call may end in.
#[derive(Default)]
struct Expected {
    result: Option<Value>,
    errors: Vec<ErrorKind>,
    /// The number that each chunk gives back, and how many there are.
    chunks: Option<(u64, u64)>,
}

impl Expected {
    fn or(mut self, error: ErrorKind) -> Self {
        self.errors.push(error);
        self
    }

    /// Makes the call and takes all its events: one end, nothing after it, and nothing of another call's.
    async fn of(self, call: Call) -> Result<Result<Option<ErrorKind>, ErrorKind>, String> {
        let (mut events, mut chunks) = (call.events(), 0);
        let end = loop {
            let next = tokio::time::timeout(LOST, events.next()).await;
            match next.map_err(|_| "lost: no end for five minutes".to_owned())? {
                None => return Err("ended without an end".to_owned()),
                Some(CallEvent::Progress(_)) => {}
                Some(CallEvent::Chunk(chunk)) => {
                    let number = self.chunks.map(|(number, _)| number);
                    let expected = json!({"number": number, "chunk": chunks});
                    if chunk != expected {
                        return Err(format!("a chunk {chunk} instead of {expected}"));
                    }
                    chunks += 1;
                }
                Some(end) => break end,
            }
        };
        if let Some(more) = events.next().await {
            return Err(format!("after its end came {more:?}"));
        }
        match end {
            CallEvent::Done(result) if Some(&result) != self.result.as_ref() => {
                Err(format!("answered {result} instead of {:?}", self.result))
            }
            CallEvent::Done(_) if self.chunks.is_some_and(|(_, expected)| chunks != expected) => {
                Err(format!("{chunks} chunks of {:?}", self.chunks))
            }
            CallEvent::Done(_) => Ok(Ok(None)),
            CallEvent::Failed(error) if self.errors.contains(&error.kind()) => Ok(Ok(Some(error.kind()))),
            CallEvent::Failed(error) => Ok(Err(error.kind())),
            other => Err(format!("not an end: {other:?}")),
        }
    }
}

async fn raw(subject: &Subject, number: u64) -> End {
    let call = subject.plugins.call(subject.id, "echo");
    match call.raw(json!({"number": number, "ms": 0}).to_string()).await {
        Ok(bytes) if bytes == number.to_string().into_bytes() => Ok(None),
        Ok(bytes) => Err(format!("answered {bytes:?} instead of {number}")),
        Err(error) => subject.excuse(Ok(Err(error.kind()))),
    }
}

/// Takes some chunks of an endless stream, then lets go of it.
async fn drop_midway(call: Call, chance: &mut Chance) -> End {
    let wanted = chance.below(5);
    let events = call.events();
    let taken = events.take(wanted as usize).filter(|event| std::future::ready(!event.is_terminal())).count();
    match tokio::time::timeout(LOST, taken).await {
        Ok(_) => Ok(None),
        Err(_) => Err("lost: an endless stream gave nothing for five minutes".to_owned()),
    }
}

/// Lets go of a call before it ends, perhaps.
async fn drop_early(call: Call, chance: &mut Chance) -> End {
    // Whether it ended is left to chance.
    let _ = tokio::time::timeout(millis(chance, 3), call.result()).await;
    Ok(None)
}
