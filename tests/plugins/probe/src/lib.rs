//! Tries what needs a permission, thing by thing, for tests of what a host grants and its kernel denies.

mod attempt;

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use apex_plugin_sdk::{
    Context, Error, Host, Params, Plugin, Reply, Result, ResultExt as _, async_trait, export_plugin, reply,
    serde_json::{Value, json},
    tokio::time::sleep,
};

/// Tries what needs a permission.
pub struct Probe {
    waits: Arc<Waits>,
}

/// How many waits have begun, and how many have ended.
#[derive(Default)]
struct Waits {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// Counts a wait that ends, however it ends.
struct Waiting(Arc<Waits>);

impl Waiting {
    fn begin(waits: &Arc<Waits>) -> Self {
        waits.begun.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(waits))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Plugin for Probe {
    async fn initialize(_: &Host) -> Result<Self> {
        Ok(Self { waits: Arc::default() })
    }

    async fn execute(&self, action: &str, params: Params, context: &Context) -> Result<Reply> {
        let text = |name| params.get::<String>(name);
        match action {
            "attempt" => {
                let optional = |name| Ok::<_, Error>(params.optional::<String>(name)?.unwrap_or_default());
                attempt::attempt(&text("what")?, &optional("target")?, &optional("other")?)
            }
            "fetch" => fetch(params.get("port")?),
            "walk" => walk(&text("path")?),
            "run_program" => run_program(&text("program")?, &text("argument")?),
            "variable" => reply(std::env::var(text("name")?).ok()),
            "take_memory" => take_memory(params.get("mebibytes")?),
            // Tests have it call another plugin to know its health.
            "call" | "health_check" => {
                let (plugin, action, until) = (text("plugin")?, text("action")?, params.optional::<Value>("until")?);
                let params: Value = params.optional("params")?.unwrap_or_else(|| json!({}));
                loop {
                    let result: Value = context.call(&plugin, &action, params.clone()).await?;
                    if until.as_ref().is_none_or(|until| *until == result) {
                        return reply(result);
                    }
                    sleep(Duration::from_millis(5)).await;
                }
            }
            "who" => {
                let left = context.remaining().map(|left| left.as_millis());
                reply(json!({ "context": context.call_context()?, "remaining_ms": left }))
            }
            "wait" => {
                let _waiting = Waiting::begin(&self.waits);
                context.cancelled_or(std::future::pending::<()>()).await?;
                reply(())
            }
            "waits" => {
                let Waits { begun, ended } = &*self.waits;
                reply(json!({ "begun": begun.load(Ordering::SeqCst), "ended": ended.load(Ordering::SeqCst) }))
            }
            _ => Err(Error::action_not_found(action)),
        }
    }
}

fn fetch(port: u16) -> Result<Reply> {
    let mut response = ureq::get(format!("http://127.0.0.1:{port}/")).call()?;
    reply(response.body_mut().read_to_string()?)
}

fn walk(path: &str) -> Result<Reply> {
    let mut files = 0;
    for entry in walkdir::WalkDir::new(path) {
        files += u64::from(entry?.file_type().is_file());
    }
    reply(files)
}

fn run_program(program: &str, argument: &str) -> Result<Reply> {
    let output = Command::new(program).arg(argument).output().context(format!("{program} cannot be run"))?;
    let printed = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    reply(json!({ "status": output.status.code(), "printed": printed }))
}

fn take_memory(mebibytes: usize) -> Result<Reply> {
    let mut taken = Vec::new();
    for _ in 0..mebibytes {
        taken.push(std::hint::black_box(vec![0xa5_u8; 1 << 20]));
    }
    reply(taken.len())
}

export_plugin!(Probe);
