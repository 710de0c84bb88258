//! Which groups are private: Debian's default umask lets the group write, and gives each user a group of their own.

use std::collections::{HashMap, HashSet};

/// The users and groups that the system's account files list (`passwd(5)`, `group(5)`).
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// Names of each user number.
    users: HashMap<u32, HashSet<String>>,
    /// Whose login group a group is.
    logins: HashMap<u32, HashSet<u32>>,
    /// The further members of each group number.
    members: HashMap<u32, HashSet<String>>,
}

impl Accounts {
    /// Reads `/etc/passwd` and `/etc/group`; where they cannot be read, no group is known to be private.
    pub fn system() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    /// Reads the text of the two files; lines that are not of their form are passed over.
    pub fn parse(passwd: &str, group: &str) -> Self {
        let mut accounts = Self::default();
        for line in passwd.lines() {
            let fields: Vec<_> = line.split(':').collect();
            if let [name, _, uid, gid, ..] = fields[..]
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
            {
                accounts.users.entry(uid).or_default().insert(name.to_owned());
                accounts.logins.entry(gid).or_default().insert(uid);
            }
        }
        for line in group.lines() {
            let fields: Vec<_> = line.split(':').collect();
            if let [_, _, gid, members, ..] = fields[..]
                && let Ok(gid) = gid.parse()
            {
                let members = members.split(',').filter(|member| !member.is_empty()).map(str::to_owned);
                accounts.members.entry(gid).or_default().extend(members);
            }
        }
        accounts
    }

    /// Whether a group holds nobody but the user: both are listed under one number, it is the login group of this user
    /// alone, and it has no other member.
    pub fn is_private_group(&self, uid: u32, gid: u32) -> bool {
        let Some(names) = self.users.get(&uid) else { return false };
        let own_login = self.logins.get(&gid).is_some_and(|users| users.iter().all(|user| *user == uid));
        let no_other = self.members.get(&gid).is_some_and(|members| members.is_subset(names));
        uid == gid && own_login && no_other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_group_is_private_only_if_it_is_listed_and_holds_nobody_else() {
        let accounts = Accounts::parse(
            "me:x:1000:1000::/:\nguest:x:1003:1002::/:\nhost:x:1002:1002::/:\ntwice:x:1004:1004::/:\nodd line\n:::\n\
             alias:x:1005:1005::/:\nother:x:1005:1005::/:\nout:x:1006:1000000::/:\nbare:x:1007:1007::/:\n",
            "me:x:1000:me\nshared:x:1001:me\nhost:x:1002:\ntwice:x:1004:\ntwice-again:x:1004:me\nempty:x:7:\n\
             alias:x:1005:alias,other\nout:x:1006:\n",
        );
        let rows = [
            (1000, 1000, true, "its own"),
            (1000, 1001, false, "another number"),
            (1002, 1002, false, "somebody else's login group"),
            (1004, 1004, false, "a member, under the group's second name"),
            (1005, 1005, true, "two names of one number are one user"),
            (1006, 1006, false, "not the login group of its user"),
            (1007, 1007, false, "the group is not listed"),
            (7, 7, false, "the user is not listed"),
        ];
        for (uid, gid, private, what) in rows {
            assert_eq!(accounts.is_private_group(uid, gid), private, "{what}");
        }
        assert!(!Accounts::default().is_private_group(1000, 1000), "nothing is known");
    }

    proptest! {
        #[test]
        fn no_account_file_makes_a_group_of_another_number_private(passwd in "([a-c]:x:[0-3]:[0-3]:\n){0,4}", group in "([a-c]:x:[0-3]:[a-c]?\n){0,4}") {
            let accounts = Accounts::parse(&passwd, &group);
            for (uid, gid) in [(0, 1), (1, 0), (2, 3)] {
                prop_assert!(!accounts.is_private_group(uid, gid));
            }
        }
    }
}
