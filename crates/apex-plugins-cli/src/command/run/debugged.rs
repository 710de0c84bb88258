//! `apex run --debug`: a plugin in a process that a debugger can follow, with all the time that somebody needs.

use std::{
    io::{BufRead as _, IsTerminal as _},
    path::Path,
    time::Duration,
};

use apex_plugins::{Event, PluginManager, PluginSpec, discover::Entry, exec::ProcessStarted};
use futures::StreamExt as _;
use serde_json::json;
use tempfile::TempDir;

use super::answer::call_failure;
use crate::{failure::Failure, interrupt::Interrupt, session::Session};

/// Longer than anybody looks at one call.
pub(super) const ALL_THE_TIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// Where the copy of the library is, as long as the run takes; a directory that is its owner's alone.
pub(super) struct Debugging(TempDir);

impl Debugging {
    pub(super) fn prepare() -> Result<Self, Failure> {
        let made = tempfile::Builder::new().prefix("apex-debug-").tempdir();
        made.map(Self).map_err(|error| Failure::io("make a directory in", &std::env::temp_dir(), &error))
    }

    pub(super) fn directory(&self) -> &Path {
        self.0.path()
    }
}

/// Starts the plugin, tells its process, and waits at a terminal until somebody is ready.
pub(super) async fn begin(
    manager: &PluginManager,
    plugin: &PluginSpec,
    entry: &Entry,
    interrupt: &Interrupt,
    session: &Session,
) -> Result<(), Failure> {
    if !entry.is_dev() {
        let message = format!("`--debug` is for plugins in a developer's root, and {} is in none", plugin.id);
        return Err(Failure::usage(message).hint("name the directory with --dev-root, or with `apex trust root --dev`"));
    }
    let mut events = manager.events();
    let token = interrupt.token();
    tokio::select! {
        started = manager.warm_up(plugin) => drop(started.map_err(|error| call_failure(&error))?),
        () = token.cancelled() => return Ok(()),
    }
    while let Some(Some(event)) = futures::FutureExt::now_or_never(events.next()) {
        if let Event::ProcessStarted(process) = event {
            tell(&process, session);
        }
    }
    if std::io::stdin().is_terminal() {
        session.note("press Enter to begin the action");
        // On a thread that nobody waits for: SIGINT must still end the program.
        let (pressed, waits) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let _ = std::io::stdin().lock().read_line(&mut String::new());
            let _ = pressed.send(());
        });
        tokio::select! {
            _ = waits => {}
            () = token.cancelled() => {}
        }
    }
    Ok(())
}

fn tell(process: &ProcessStarted, session: &Session) {
    let library = process.library.as_deref().map(|path| path.display().to_string());
    if session.output.is_json() {
        session.stderr.object(&json!({"debug": {"pid": process.id, "library": library}}));
    } else {
        let shown = library.as_deref().unwrap_or("memory");
        session.stderr.line(&format!("debug: process {} has loaded {shown}; attach with `gdb -p {0}`", process.id));
    }
}
