//! Files and directories that somebody else could change: refused, as OpenSSH's `StrictModes` does.

use std::path::Path;

use apex_meta::Reason;

use crate::directory::Ownership;

mod accounts;

pub(crate) use accounts::Accounts;

const STICKY: u32 = 0o1000;
const GROUP_MAY_WRITE: u32 = 0o020;
const OTHERS_MAY_WRITE: u32 = 0o002;

/// Whose files are trusted, and which groups are private.
#[derive(Debug)]
pub(crate) struct Guard {
    user: u32,
    accounts: Accounts,
}

/// What stands at a path, as far as the rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// `plugin.json`, a plugin's directory, or a root.
    Own,
    /// A parent of a root: a sticky one that root owns, such as `/tmp`, passes.
    Parent,
}

impl Guard {
    /// The guard for the user that this process runs as.
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        Self::with(rustix::process::geteuid().as_raw(), Accounts::system())
    }

    /// The guard where ownership is not known, and so never asked for.
    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Self::with(0, Accounts::default())
    }

    pub(crate) fn with(user: u32, accounts: Accounts) -> Self {
        Self { user, accounts }
    }

    /// Why what stands at the path must not be relied on, if so.
    pub(crate) fn exposure(&self, path: &Path, ownership: Ownership, part: Part) -> Option<Reason> {
        let Ownership { uid, gid, mode } = ownership;
        if part == Part::Parent && uid == 0 && mode & STICKY != 0 {
            return None;
        }
        let path = path.display();
        if uid != 0 && uid != self.user {
            let message = format!("{path} belongs to user {uid}, expected user {} or root", self.user);
            return Some(Reason::new("InsecureOwner", message).with_hint(format!("chown {} {path}", self.user)));
        }
        let shared_group = mode & GROUP_MAY_WRITE != 0 && !self.accounts.is_private_group(uid, gid);
        if shared_group || mode & OTHERS_MAY_WRITE != 0 {
            let who = if mode & OTHERS_MAY_WRITE != 0 { "everybody" } else { "its group" };
            let message = format!("{path} can be written by {who} (mode {:04o})", mode & 0o7777);
            return Some(Reason::new("InsecurePermissions", message).with_hint(format!("chmod go-w {path}")));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_others_could_change_is_refused() {
        let accounts = Accounts::parse(
            "root:x:0:0::/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\nher:x:1001:50::/home/her:/bin/sh\n",
            "root:x:0:\nme:x:1000:\nstaff:x:50:me,her\n",
        );
        let guard = Guard::with(1000, accounts);
        let rows = [
            (Part::Own, 1000, 1000, 0o40755, None),
            (Part::Own, 0, 0, 0o40755, None),
            (Part::Own, 1000, 1000, 0o40775, None),
            (Part::Own, 1000, 50, 0o40775, Some("InsecurePermissions")),
            (Part::Own, 1000, 1000, 0o40777, Some("InsecurePermissions")),
            (Part::Own, 1000, 1000, 0o100646, Some("InsecurePermissions")),
            (Part::Own, 1001, 50, 0o40700, Some("InsecureOwner")),
            (Part::Parent, 0, 0, 0o41777, None),
            (Part::Own, 0, 0, 0o41777, Some("InsecurePermissions")),
            (Part::Parent, 0, 0, 0o40777, Some("InsecurePermissions")),
            (Part::Parent, 1001, 1001, 0o41777, Some("InsecureOwner")),
        ];
        for (part, uid, gid, mode, expected) in rows {
            let reason = guard.exposure(Path::new("/p"), Ownership { uid, gid, mode }, part);
            assert_eq!(reason.as_ref().map(|reason| reason.code.as_ref()), expected, "{part:?} {uid}:{gid} {mode:o}");
        }
    }
}
