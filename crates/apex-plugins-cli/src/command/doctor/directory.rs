//! A directory that the program keeps something in: whether it is there, and whose it is.

use std::path::Path;

#[cfg(unix)]
use apex_plugins::meta::Reason;

use super::Finding;

/// Looks at a directory; one that is not there yet is made when it is needed.
#[cfg(unix)]
pub(super) fn look(check: &'static str, path: &Path) -> Finding {
    use apex_files::{Exposure, Facts, Kind, OpenError, Part, StrictModes};
    let facts = match Facts::of_path(path) {
        Ok(facts) => facts,
        Err(OpenError::Missing) => return Finding::fine(check, path, "not there yet; it is made when it is needed"),
        Err(error) => {
            let reason = Reason::new("Unreadable", format!("it cannot be looked at: {error}"));
            return Finding::wrong(check, path, reason);
        }
    };
    if facts.kind != Kind::Directory {
        let reason = Reason::new("NotDirectory", format!("it is {}, expected a directory", facts.kind))
            .with_hint("remove it, or name another directory");
        return Finding::wrong(check, path, reason);
    }
    let guard = StrictModes::of_this_process();
    let reason = match guard.exposure(facts.ownership, Part::Own) {
        None => return writable(check, path),
        Some(Exposure::Foreign) => {
            let message = format!("it belongs to user {}, expected {} or root", facts.ownership.uid, guard.user());
            Reason::new("InsecureOwner", message).with_hint(format!("chown {} {}", guard.user(), path.display()))
        }
        Some(Exposure::ToEverybody | Exposure::ToGroup) => {
            let message = format!("others may write to it (mode {:04o})", facts.ownership.permissions());
            Reason::new("InsecurePermissions", message).with_hint(format!("chmod go-w {}", path.display()))
        }
    };
    Finding::wrong(check, path, reason)
}

#[cfg(unix)]
fn writable(check: &'static str, path: &Path) -> Finding {
    match rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK) {
        Ok(()) => Finding::fine(check, path, "there, and nobody else may write to it"),
        Err(error) => {
            let reason = Reason::new("NotWritable", format!("nothing can be written there: {error}"))
                .with_hint("give this user the right to write to it, or name another directory");
            Finding::wrong(check, path, reason)
        }
    }
}

/// Whose it is cannot be told here.
#[cfg(not(unix))]
pub(super) fn look(check: &'static str, path: &Path) -> Finding {
    let what = if path.is_dir() { "there" } else { "not there yet; it is made when it is needed" };
    Finding::fine(check, path, what)
}
