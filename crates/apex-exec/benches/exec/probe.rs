//! The plugin that the benchmarks call, and the same handlers without any boundary to compare with.

use std::{
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use apex_abi::{FfiFuture, FfiFutureExt as _, RVec};
use apex_exec::{Instance, InstanceOptions, Loaded};
use apex_meta::Document;
use apex_plugin_sdk::{
    Chunk, Chunks, Context, Error, Host, Params, Plugin, Reply, Result, async_trait,
    futures::{Stream, future::BoxFuture},
    linked, reply,
};
use serde_json::{Value, json};

/// What a call carries: some members of the usual kinds, about 150 bytes.
pub(crate) fn params() -> Value {
    json!({"name": "Ada Lovelace", "times": 3, "tags": ["one", "two", "three"], "loud": true,
        "note": "a sentence that is as long as those that people write here"})
}

/// The work of the action itself.
pub(crate) fn greet(params: &Value) -> Value {
    json!({"greeting": format!("Hello, {}!", params["name"].as_str().unwrap_or_default()), "times": params["times"]})
}

/// A handler behind `dyn`, as a host without plugins would have it.
pub(crate) trait Handler {
    fn handle(&self, params: Vec<u8>) -> BoxFuture<'static, Vec<u8>>;
}

pub(crate) struct Direct;

impl Handler for Direct {
    fn handle(&self, params: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        Box::pin(async move {
            let params: Value = serde_json::from_slice(&params).expect("JSON");
            serde_json::to_vec(&greet(&params)).expect("JSON")
        })
    }
}

/// P7's anchor: bytes in and out of a boxed future.
pub(crate) extern "C" fn echo(bytes: RVec<u8>) -> FfiFuture<RVec<u8>> {
    async move { RVec::from(bytes.to_vec()) }.into_ffi()
}

/// Yields a chunk so many times.
pub(crate) struct Repeat {
    left: u64,
    bytes: Option<usize>,
}

impl Stream for Repeat {
    type Item = Result<Chunk>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(match self.bytes {
            Some(size) => Ok(Chunk::bytes(vec![7; size])),
            None => Chunk::json(&json!({"n": self.left})),
        }))
    }
}

struct Probe;

#[async_trait]
impl Plugin for Probe {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self)
    }

    async fn execute(&self, action: &str, params: Params, _: &Context) -> Result<Reply> {
        match action {
            "greet" => reply(greet(&params.parse()?)),
            "echo" => Ok(Reply::raw(params.as_bytes().to_vec())),
            _ => Err(Error::action_not_found(action)),
        }
    }

    async fn execute_stream(self: std::sync::Arc<Self>, _: &str, params: Params, _: Context) -> Result<Chunks> {
        Ok(Chunks::new(Repeat { left: params.get("n")?, bytes: params.optional("size")? }))
    }
}

pub(crate) fn start() -> Instance {
    let manifest = json!({
        "name": "Probe", "id": "com.apexagent.benches.probe", "version": "1.0.0", "description": "For benchmarks.",
        "author": "Benchmarks", "entry_point": "probe::Probe", "actions": [
            {"name": "greet", "description": "Greets.", "parameters": [
                {"name": "name", "type": "string", "required": true, "maxLength": 100},
                {"name": "times", "type": "integer", "default": 1, "minimum": 1},
                {"name": "tags", "type": "array", "items": {"type": "string"}},
                {"name": "loud", "type": "boolean", "default": false},
                {"name": "note", "type": "string"},
            ]},
            {"name": "echo", "description": "Echoes.", "parameters_schema": {"type": "object"}},
            {"name": "repeat", "description": "Repeats.", "returns_stream": true, "parameters": [
                {"name": "n", "type": "integer", "required": true}, {"name": "size", "type": "integer"},
            ]},
        ],
    });
    let document = Document::from_value(manifest).expect("a manifest");
    let options = InstanceOptions::default();
    Instance::start_blocking(Loaded::linked(document, linked::<Probe>()), options).expect("the probe starts")
}
