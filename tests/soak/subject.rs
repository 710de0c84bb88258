//! The plugins that are called, in each placement that this build has.

use std::{path::Path, time::Duration};

use apex_plugins::{
    ErrorKind, Limits, Placement, PluginManager,
    testing::{FakePlugin, Script},
};
use apex_plugins_tests::{Publisher, apex_host, package};
use serde_json::{Value, json};

const FAULTY: &str = "com.apexagent.examples.faulty";
const FAKE: &str = "com.acme.fake";

/// A plugin in a placement.
pub(crate) struct Subject {
    pub(crate) placement: &'static str,
    pub(crate) id: &'static str,
    pub(crate) plugins: PluginManager,
    /// Whether its streams give back numbers.
    pub(crate) streams: bool,
    /// Errors that any call may end in, since others kill its process.
    pub(crate) excused: &'static [ErrorKind],
}

impl Subject {
    /// Judges an error that the call alone does not explain.
    pub(crate) fn excuse(
        &self,
        made: Result<Result<Option<ErrorKind>, ErrorKind>, String>,
    ) -> Result<Option<ErrorKind>, String> {
        match made? {
            Ok(end) => Ok(end),
            Err(kind) if self.excused.contains(&kind) => Ok(Some(kind)),
            Err(kind) => Err(format!("ended in {kind}")),
        }
    }
}

/// Everything that can be called; plugins are laid out below `directory`.
pub(crate) async fn subjects(directory: &Path) -> Vec<Subject> {
    let publisher = Publisher::new();
    let root = directory.join("plugins");
    package("faulty", Some(&publisher), &root);
    let builder = |placement| PluginManager::builder().root(&root).trust(publisher.trusted(placement));
    let in_process = builder(Placement::InProcess).build().await.expect("a manager");
    // Killing it is no fault of the plugin's.
    let limits = Limits { crashes_allowed: usize::MAX, restart_pause: Duration::ZERO, ..Limits::default() };
    // The first panic may read what backtraces need, and that stays.
    drop(in_process.call(FAULTY, "panic").result().await);
    let child = builder(Placement::InProcess)
        .isolation(Placement::Process)
        .child_program(apex_host())
        .limits(limits)
        .build()
        .await
        .expect("a manager");
    let mut subjects = vec![
        Subject { placement: "linked", id: FAKE, plugins: linked().await, streams: false, excused: &[] },
        Subject { placement: "in-process", id: FAULTY, plugins: in_process, streams: true, excused: &[] },
    ];
    let answer =
        child.call(FAULTY, "echo").params(json!({"number": 1})).timeout(Duration::from_secs(30)).result().await;
    match answer {
        // A build without a program for child processes does without that placement.
        Err(error) if matches!(error.code(), "IsolationUnavailable" | "ChildHostMissing") => {}
        answer => {
            answer.expect("a child answers");
            let excused = &[ErrorKind::PluginCrashed];
            subjects.push(Subject { placement: "process", id: FAULTY, plugins: child, streams: true, excused });
        }
    }
    subjects
}

async fn linked() -> PluginManager {
    let number = |params: &Value| params["number"].clone();
    let fake = FakePlugin::new(FAKE)
        .action("echo", Script::new().reply_with(number))
        .action("echo", Script::new().delay(Duration::from_millis(1)).reply_with(number))
        .action("fail", Script::new().fail(ErrorKind::Execution, "on purpose"))
        .action("panic", Script::new().fail(ErrorKind::PluginPanicked, "as if it had"))
        .action("never", Script::new().never())
        .forgetful();
    let builder = PluginManager::builder().builtin(&fake.manifest(), fake.module()).expect("a valid manifest");
    builder.build().await.expect("a manager")
}
