//! Misbehaves on purpose, for tests of hosts: panics, blocks, never ends, lies, floods, takes all there is, and dies.

mod deadly;
mod endless;
mod floods;
mod honest;
mod hunger;
mod lies;
mod observed;
mod panics;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use apex_plugin_sdk::{
    Chunks, Context, Error, ErrorKind, Host, Params, Plugin, Reply, Result, async_trait, export_plugin, reply,
    serde_json::json,
};

use crate::{observed::Producer, panics::Grenade};

/// Misbehaves on purpose.
pub struct Faulty {
    shutdown: String,
    /// Goes off when the plugin is dropped.
    grenade: Option<Grenade>,
}

#[async_trait]
impl Plugin for Faulty {
    async fn initialize(host: &Host) -> Result<Self> {
        let mode = |name| Ok::<String, Error>(host.setting(name)?.unwrap_or_default());
        let shutdown = mode("shutdown")?;
        if let Some(path) = host.setting::<String>("resource")? {
            host.resource(&path).await?;
        }
        ending(&mode("initialize")?, ErrorKind::Initialization).await?;
        let grenade = (shutdown == "panic_in_drop").then(|| Grenade("in the plugin's drop, on purpose"));
        Ok(Self { shutdown, grenade })
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        let produce = || Ok::<_, Error>(Producer::start(params.optional("key")?.unwrap_or_default(), context));
        match action {
            "fail" => Err(failure(params.get("kind")?)),
            "panic" => panics::panic(),
            "panic_payload" => panics::payload(),
            "panic_in_drop" => panics::in_drop(),
            "panic_when_given_up" => panics::when_given_up(produce()?).await,
            "panic_in_thread" => panics::in_thread(),
            "panic_twice" => deadly::panic_twice(),
            "panic_in_thread_local" => deadly::panic_in_thread_local(),
            "abort" => deadly::abort(),
            "segfault" => deadly::segfault(),
            "exit" => deadly::exit(params.get("code")?),
            "overflow_stack" => deadly::overflow_stack(),
            "eat_memory" => hunger::eat_memory(params.optional("mebibytes")?),
            "leak_descriptors" => hunger::leak_descriptors(params.optional("count")?),
            "spawn_process" => hunger::spawn_process(params.get("seconds")?),
            "block" => endless::block(&produce()?),
            "block_for" => endless::block_for(&produce()?, params.get("ms")?),
            "spin" => endless::spin(&produce()?, params.get("ms")?),
            "spin_for_ever" | "block_spinning" => endless::spin_for_ever(&produce()?),
            "yield_for_ever" => endless::yield_for_ever(produce()?).await,
            "never" => endless::never(produce()?).await,
            "wait" => endless::wait(produce()?, context).await,
            "lie_progress" => lies::progress(context, params.get("after_end_ms")?),
            "flood_progress" => floods::progress(context, params.get("count")?),
            "flood_log" => floods::log(context, params.get("count")?, params.get("bytes")?),
            "flood_output" => floods::output(params.get("bytes")?, params.get("to_stderr")?),
            "lie_result" => Ok(Reply::raw(b"{\"this is\": not JSON".to_vec())),
            "lie_type" => reply("not a number"),
            "print" => lies::print(),
            "big_result" => reply("x".repeat(params.get("bytes")?)),
            "echo" => honest::echo(context, params.get("number")?, params.get("ms")?).await,
            "work" => honest::work(context, params.get("steps")?).await,
            "add" => honest::add(context, params.get("by")?).await,
            "resource" => honest::resource(context, params.get("path")?).await,
            "trace" => honest::trace(context, params.get("text")?).await,
            "observe" => reply(observed::counts(params.optional("key")?.unwrap_or_default())),
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn execute_stream(self: Arc<Self>, action: &str, params: Params, context: Context) -> Result<Chunks> {
        let produce = || Ok::<_, Error>(Producer::start(params.optional("key")?.unwrap_or_default(), &context));
        match action {
            "panic_in_start" => panic!("before there is a stream, on purpose"),
            "panic_in_stream" => Ok(panics::in_stream()),
            "panic_in_stream_drop" => Ok(panics::in_stream_drop(params.get("endless")?)),
            "lie_chunk" => Ok(lies::chunk()),
            "abort_in_stream" => Ok(deadly::abort_in_stream(params.get("chunks")?)),
            "flood_chunks" => Ok(floods::chunks(produce()?, params.get("count")?, params.get("bytes")?)),
            "big_chunk" => Ok(floods::big_chunk(params.get("bytes")?)),
            "count" => Ok(honest::count(params.get("number")?, params.get("chunks")?)),
            "stall" => Ok(endless::stall(produce()?)),
            "ticks" => Ok(endless::ticks(produce()?)),
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn shutdown(&self) -> Result<()> {
        if self.grenade.is_some() {
            return Ok(());
        }
        ending(&self.shutdown, ErrorKind::Execution).await
    }
}

/// Ends as the configuration wants it.
async fn ending(mode: &str, kind: ErrorKind) -> Result<()> {
    match mode {
        "fail" => Err(Error::new(kind, "failed on purpose")),
        "panic" => panic!("on purpose"),
        "never" => std::future::pending().await,
        "block" => endless::park(),
        "abort" => deadly::abort(),
        "exit" => deadly::exit(0),
        _ => Ok(()),
    }
}

fn failure(code: &str) -> Error {
    let kind = code.parse().unwrap_or(ErrorKind::Execution);
    let cause = Error::execution("the cable is out").context("the disk is gone");
    cause.context("failed on purpose").with_kind(kind).with_details(json!({"on_purpose": true}))
}

export_plugin!(Faulty);
