//! The plugin's own runtime: timers, sockets and tasks with no runtime in the host (R6.14).

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll, Waker},
    time::{Duration, Instant},
};

use apex_abi::{Chunk, outcome};
use apex_plugin_sdk::{
    Chunks, Context, Error, Host, Params, Plugin, Reply, Result, async_trait, reply, serde_json::json, tokio,
};
use futures::{
    StreamExt,
    executor::{block_on, block_on_stream},
    stream,
};

use crate::host::Running;

/// Needs a reactor for everything it does.
struct Sleeper(tokio::net::TcpListener);

#[async_trait]
impl Plugin for Sleeper {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self(tokio::net::TcpListener::bind("127.0.0.1:0").await?))
    }

    async fn execute(&self, action: &str, _: Params, _: &Context) -> Result<Reply> {
        match action {
            "sleep" => {
                let before = Instant::now();
                tokio::time::sleep(Duration::from_millis(20)).await;
                reply(before.elapsed() >= Duration::from_millis(20))
            }
            "connect" => {
                let address = self.0.local_addr()?;
                let client = tokio::spawn(async move { tokio::net::TcpStream::connect(address).await });
                self.0.accept().await?;
                client.await??;
                reply(true)
            }
            // Deregistering from the reactor happens when the future is dropped.
            "never" => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                reply(())
            }
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn shutdown(&self) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    }
}

#[test]
fn timers_sockets_and_tasks_work_with_no_runtime_in_the_host() {
    let (sleeper, _canceller) = Running::start::<Sleeper>(&json!({})).unwrap();
    assert_eq!(sleeper.call("sleep", &json!({})).unwrap(), true);
    assert_eq!(sleeper.call("connect", &json!({})).unwrap(), true);
    let mut never = sleeper.begin("never", &json!({}));
    let mut context = TaskContext::from_waker(Waker::noop());
    assert!(Pin::new(&mut never).poll(&mut context).is_pending());
    drop(never);
    block_on(outcome(sleeper.plugin.shutdown())).unwrap();
    assert!(sleeper.log().is_empty());
}

/// Holds something whose drop needs the runtime.
struct Ticking;

struct SpawnsOnDrop;

impl Drop for SpawnsOnDrop {
    fn drop(&mut self) {
        // Panics where there is no runtime to spawn on.
        drop(tokio::spawn(async {}));
    }
}

#[async_trait]
impl Plugin for Ticking {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self)
    }

    async fn execute_stream(self: Arc<Self>, _: &str, _: Params, _: Context) -> Result<Chunks> {
        let timer = tokio::time::interval(Duration::from_millis(1));
        Ok(Chunks::json(stream::unfold((timer, SpawnsOnDrop), |mut held| async move {
            held.0.tick().await;
            Some((Ok(1), held))
        })))
    }
}

#[test]
fn dropping_a_stream_drops_the_producer_inside_its_runtime() {
    let (ticking, _canceller) = Running::start::<Ticking>(&json!({})).unwrap();
    let mut stream = block_on_stream(ticking.stream("tick", &json!({})).unwrap());
    assert_eq!(stream.next().unwrap().unwrap(), Chunk::Json(b"1".to_vec().into()));
    let mut stream = stream.into_inner();
    // Midway between two ticks, too.
    let polled = stream.poll_next_unpin(&mut TaskContext::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Pending | Poll::Ready(Some(Ok(_)))));
    drop(stream);
    assert!(ticking.log().is_empty(), "{:?}", ticking.log());
}
