//! Files and directories that somebody else could change, told as OpenSSH's `StrictModes` does (`sshd_config(5)`).

use std::sync::OnceLock;

use crate::{Accounts, Ownership};

const STICKY: u32 = 0o1000;
const GROUP_MAY_WRITE: u32 = 0o020;
const OTHERS_MAY_WRITE: u32 = 0o002;

/// What stands at a path, as far as the rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is relied upon itself: a file, or a directory of such files.
    Own,
    /// A directory above it: a sticky one that root owns, such as `/tmp`, passes, since in it nobody can replace what
    /// belongs to others.
    Parent,
}

/// Tells what others than root and one user could change.
///
/// What is relied upon must belong to root or to that user, and neither everybody nor its group may write to it. The
/// owner's private group may ([`Accounts::is_private_group`]), which is what Debian's default umask leads to.
///
/// ```
/// use apex_files::{Accounts, Exposure, Ownership, Part, StrictModes};
///
/// let guard = StrictModes::new(1000, Accounts::parse("ada:x:1000:1000::/:\n", "ada:x:1000:\n"));
/// assert_eq!(guard.exposure(Ownership { uid: 1000, gid: 1000, mode: 0o775 }, Part::Own), None);
/// assert_eq!(guard.exposure(Ownership { uid: 1000, gid: 50, mode: 0o775 }, Part::Own), Some(Exposure::ToGroup));
/// assert_eq!(guard.exposure(Ownership { uid: 1001, gid: 50, mode: 0o700 }, Part::Own), Some(Exposure::Foreign));
/// assert_eq!(guard.exposure(Ownership { uid: 0, gid: 0, mode: 0o1777 }, Part::Parent), None);
/// ```
#[derive(Debug)]
pub struct StrictModes {
    user: u32,
    accounts: OnceLock<Accounts>,
}

/// In which way somebody else could change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// It belongs to neither root nor the user.
    Foreign,
    /// Everybody may write to it.
    ToEverybody,
    /// Its group may write to it, and has other members than its owner.
    ToGroup,
}

impl StrictModes {
    /// Trusts root and the user that this process runs as; the system's account files are read when they first matter.
    #[cfg(unix)]
    pub fn of_this_process() -> Self {
        Self { user: rustix::process::geteuid().as_raw(), accounts: OnceLock::new() }
    }

    /// Trusts root and the user of a number, by the accounts given.
    pub fn new(user: u32, accounts: Accounts) -> Self {
        Self { user, accounts: accounts.into() }
    }

    /// The number of the user who is trusted besides root.
    pub fn user(&self) -> u32 {
        self.user
    }

    /// How somebody else could change what has this ownership; none, if nobody could.
    pub fn exposure(&self, ownership: Ownership, part: Part) -> Option<Exposure> {
        let Ownership { uid, gid, mode } = ownership;
        if part == Part::Parent && uid == 0 && mode & STICKY != 0 {
            None
        } else if uid != 0 && uid != self.user {
            Some(Exposure::Foreign)
        } else if mode & OTHERS_MAY_WRITE != 0 {
            Some(Exposure::ToEverybody)
        } else if mode & GROUP_MAY_WRITE != 0 && !self.accounts().is_private_group(uid, gid) {
            Some(Exposure::ToGroup)
        } else {
            None
        }
    }

    fn accounts(&self) -> &Accounts {
        self.accounts.get_or_init(Accounts::system)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Exposure::{Foreign, ToEverybody, ToGroup};

    fn guard() -> StrictModes {
        let passwd = "root:x:0:0::/:\nme:x:1000:1000::/:\nher:x:1001:50::/:\nyou:x:1002:1002::/:\n";
        StrictModes::new(1000, Accounts::parse(passwd, "root:x:0:\nme:x:1000:\nstaff:x:50:me,her\nyou:x:1002:\n"))
    }

    #[test]
    fn what_others_could_change_is_told_by_mode_owner_group_and_place() {
        // uid, gid, mode, as such, as a parent
        let rows = [
            (1000, 1000, 0o40755, None, None),
            (1000, 1000, 0o40700, None, None),
            (1000, 1000, 0o100644, None, None),
            (0, 0, 0o40755, None, None),
            // The owner's private group may write, nobody else's and no shared one.
            (1000, 1000, 0o40775, None, None),
            (1000, 1000, 0o100664, None, None),
            (0, 0, 0o40775, None, None),
            (1000, 50, 0o40775, Some(ToGroup), Some(ToGroup)),
            (1000, 0, 0o40775, Some(ToGroup), Some(ToGroup)),
            (1000, 1002, 0o40775, Some(ToGroup), Some(ToGroup)),
            (0, 1000, 0o40775, Some(ToGroup), Some(ToGroup)),
            (1000, 50, 0o40755, None, None),
            (1000, 1000, 0o40777, Some(ToEverybody), Some(ToEverybody)),
            (1000, 1000, 0o100646, Some(ToEverybody), Some(ToEverybody)),
            (1000, 50, 0o100666, Some(ToEverybody), Some(ToEverybody)),
            // Whoever owns it could change the mode.
            (1001, 50, 0o40700, Some(Foreign), Some(Foreign)),
            (1002, 1002, 0o40755, Some(Foreign), Some(Foreign)),
            (1002, 1002, 0o40000, Some(Foreign), Some(Foreign)),
            (u32::MAX, u32::MAX, 0o40755, Some(Foreign), Some(Foreign)),
            // Sticky helps root's directories alone, and only above what is relied upon.
            (0, 0, 0o41777, Some(ToEverybody), None),
            (0, 50, 0o41775, Some(ToGroup), None),
            (0, 0, 0o40777, Some(ToEverybody), Some(ToEverybody)),
            (1000, 1000, 0o41777, Some(ToEverybody), Some(ToEverybody)),
            (1001, 50, 0o41777, Some(Foreign), Some(Foreign)),
        ];
        for (uid, gid, mode, own, parent) in rows {
            let ownership = Ownership { uid, gid, mode };
            assert_eq!(guard().exposure(ownership, Part::Own), own, "{uid}:{gid} {mode:o}");
            assert_eq!(guard().exposure(ownership, Part::Parent), parent, "{uid}:{gid} {mode:o} as a parent");
        }
    }

    proptest! {
        #[test]
        fn what_passes_belongs_to_root_or_the_user_and_is_closed_to_everybody(uid in 0..3000_u32, gid in 0..3000_u32, mode in 0..0o10000_u32) {
            if guard().exposure(Ownership { uid, gid, mode }, Part::Own).is_none() {
                prop_assert!(uid == 0 || uid == 1000);
                prop_assert_eq!(mode & 0o002, 0);
                prop_assert!(mode & 0o020 == 0 || uid == gid);
            }
        }
    }
}
