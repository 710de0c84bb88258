//! Who reads a process's answers: a thread that waits for one does so itself, and keeps nobody else's from them.

use std::{thread, time::Duration};

use apex_plugins::{Placement, PluginManager, exec::block_on};
use serde_json::{Value, json};

use crate::{GREETER, builder};

/// Far more than any of this takes, even on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);

async fn greet(plugins: &PluginManager) -> Value {
    let call = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).timeout(PATIENCE);
    call.result().await.unwrap()
}

/// A wait of the host's own, and a runtime's, which leaves reading to the host's thread.
#[test]
fn who_is_busy_after_an_answer_keeps_no_other_thread_from_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let plugins = block_on(builder(&["greeter"], directory.path(), Placement::Process).build()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let waits: [&(dyn Fn() -> Value + Sync); 2] =
        [&|| block_on(greet(&plugins)), &|| runtime.block_on(greet(&plugins))];
    for wait in waits {
        block_on(async {
            let greeting = greet(&plugins).await;
            // This thread has read its answer, and does not return from this poll before the other has one too.
            let other = thread::scope(|scope| scope.spawn(wait).join().unwrap());
            assert_eq!(greeting, other);
        });
    }
}
