//! Files and directories that somebody else could change, as reasons of finds and problems.

use std::path::Path;

use apex_files::{Exposure, Ownership, StrictModes};
use apex_meta::Reason;

pub(crate) use apex_files::Part;

/// Whose files are trusted, and which groups are private.
#[derive(Debug)]
pub(crate) struct Guard(StrictModes);

impl Guard {
    /// The guard for the user that this process runs as.
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        Self(StrictModes::of_this_process())
    }

    /// The guard where ownership is not known, and so never asked for.
    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Self(StrictModes::new(0, apex_files::Accounts::default()))
    }

    /// Why what stands at the path must not be relied on, if so.
    pub(crate) fn exposure(&self, path: &Path, ownership: Ownership, part: Part) -> Option<Reason> {
        let exposure = self.0.exposure(ownership, part)?;
        let (path, user) = (path.display(), self.0.user());
        Some(match exposure {
            Exposure::Foreign => {
                let message = format!("{path} belongs to user {}, expected user {user} or root", ownership.uid);
                Reason::new("InsecureOwner", message).with_hint(format!("chown {user} {path}"))
            }
            Exposure::ToEverybody | Exposure::ToGroup => {
                let who = if exposure == Exposure::ToEverybody { "everybody" } else { "its group" };
                let message = format!("{path} can be written by {who} (mode {:04o})", ownership.permissions());
                Reason::new("InsecurePermissions", message).with_hint(format!("chmod go-w {path}"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use apex_files::Accounts;

    use super::*;

    #[test]
    fn what_others_could_change_is_told_with_who_they_are_and_what_helps() {
        let accounts = Accounts::parse("me:x:1000:1000::/:\nher:x:1001:50::/:\n", "me:x:1000:\nstaff:x:50:me,her\n");
        let guard = Guard(StrictModes::new(1000, accounts));
        let rows = [
            (Part::Own, 1000, 1000, 0o40775, None),
            (Part::Own, 1000, 50, 0o40775, Some(("InsecurePermissions", "/p can be written by its group (mode 0775)"))),
            (Part::Own, 1000, 50, 0o40777, Some(("InsecurePermissions", "/p can be written by everybody (mode 0777)"))),
            (
                Part::Own,
                1001,
                50,
                0o40700,
                Some(("InsecureOwner", "/p belongs to user 1001, expected user 1000 or root")),
            ),
            (Part::Parent, 0, 0, 0o41777, None),
        ];
        for (part, uid, gid, mode, expected) in rows {
            let reason = guard.exposure(Path::new("/p"), Ownership { uid, gid, mode }, part);
            assert_eq!(reason.as_ref().map(|reason| (reason.code.as_ref(), reason.message.as_str())), expected);
            assert!(reason.is_none_or(|reason| reason.hint.unwrap().ends_with("/p")), "{part:?} {mode:o}");
        }
    }
}
