//! Which groups are private: Debian's default umask lets the group write, and gives each user a group of their own.

use std::collections::{HashMap, HashSet};

/// The users and groups that the system's account files list (`passwd(5)`, `group(5)`).
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// Names of each user number.
    users: HashMap<u32, HashSet<String>>,
    /// Whose login group a group is.
    logins: HashMap<u32, HashSet<u32>>,
    /// The further members of each group number.
    members: HashMap<u32, HashSet<String>>,
}

impl Accounts {
    /// Reads the system's account files; where they cannot be read, no group is known to be private.
    #[cfg(unix)]
    pub(crate) fn system() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        Self::parse(&read("/etc/passwd"), &read("/etc/group"))
    }

    pub(crate) fn parse(passwd: &str, group: &str) -> Self {
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

    /// Whether the group holds nobody but the user: the same number, listed, and without other members.
    pub(crate) fn is_private_group(&self, uid: u32, gid: u32) -> bool {
        let nobody_else_logs_in = self.logins.get(&gid).is_none_or(|users| users.iter().all(|user| *user == uid));
        let names = self.users.get(&uid);
        let no_other_member = self
            .members
            .get(&gid)
            .is_some_and(|members| members.iter().all(|member| names.is_some_and(|names| names.contains(member))));
        uid == gid && nobody_else_logs_in && no_other_member
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_private_only_if_it_is_listed_and_holds_nobody_else() {
        let accounts = Accounts::parse(
            "me:x:1000:1000::/:\nguest:x:1003:1002::/:\nhost:x:1002:1002::/:\nodd line\n:::\n",
            "me:x:1000:me\nshared:x:1001:me\nhost:x:1002:\ntwice:x:1004:\ntwice-again:x:1004:me\n",
        );
        assert!(accounts.is_private_group(1000, 1000));
        assert!(!accounts.is_private_group(1000, 1001), "another number");
        assert!(!accounts.is_private_group(1002, 1002), "somebody else's login group");
        assert!(!accounts.is_private_group(1004, 1004), "a member, under the group's second name");
        assert!(!accounts.is_private_group(7, 7), "not listed");
        assert!(!Accounts::default().is_private_group(1000, 1000));
    }
}
