//! The vocabulary of permissions, one table: name, argument, meaning, and who enforces it.

use super::{Permission, error::Fault};

/// A form that a permission has.
#[derive(Debug, Clone, Copy)]
pub struct PermissionForm {
    /// The name before the colon.
    pub name: &'static str,
    /// What stands after the colon, if anything does.
    pub argument: Option<&'static str>,
    /// What it allows, for people.
    pub allows: &'static str,
    /// Who keeps a plugin in a child process from doing it without.
    pub enforced_by: &'static str,
    /// One of this form.
    pub example: &'static str,
    pub(super) parse: fn(&str) -> Result<Permission, Fault>,
}

/// A name that others give to a permission.
#[derive(Debug, Clone, Copy)]
pub struct PermissionAlias {
    /// The name.
    pub name: &'static str,
    /// What it stands for here.
    pub stands_for: &'static [&'static str],
}

/// Every form, in the order of [`Permission`]'s variants.
pub(super) const FORMS: &[PermissionForm] = &[
    PermissionForm {
        name: "fs.read",
        argument: Some("PATH"),
        allows: "reading files and listing directories, at and below PATH",
        enforced_by: "Landlock",
        example: "fs.read:${workspace}",
        parse: |path| Ok(Permission::ReadFiles(path.parse()?)),
    },
    PermissionForm {
        name: "fs.write",
        argument: Some("PATH"),
        allows: "writing, creating, renaming and removing files, at and below PATH; reading is apart",
        enforced_by: "Landlock; modes and times of files by seccomp",
        example: "fs.write:${plugin_data}",
        parse: |path| Ok(Permission::WriteFiles(path.parse()?)),
    },
    PermissionForm {
        name: "net.connect",
        argument: Some("PORT"),
        allows: "TCP connections to PORT of any host, and looking up names",
        enforced_by: "seccomp for sockets at all, Landlock (ABI 4) for the port",
        example: "net.connect:443",
        parse: |port| Ok(Permission::Connect(self::port(port, 1)?)),
    },
    PermissionForm {
        name: "net.listen",
        argument: Some("PORT"),
        allows: "accepting TCP connections on PORT; 0 is whichever is free",
        enforced_by: "seccomp for listening at all, Landlock (ABI 4) for the port",
        example: "net.listen:8080",
        parse: |port| Ok(Permission::Listen(self::port(port, 0)?)),
    },
    PermissionForm {
        name: "process.spawn",
        argument: None,
        allows: "starting programs of the system and of readable paths; they are held as the plugin is",
        enforced_by: "seccomp",
        example: "process.spawn",
        parse: |_| Ok(Permission::Spawn),
    },
    PermissionForm {
        name: "env",
        argument: Some("NAME"),
        allows: "having the host's environment variable NAME",
        enforced_by: "the host, which passes nothing else on",
        example: "env:LANG",
        parse: variable,
    },
    PermissionForm {
        name: "call",
        argument: Some("ID"),
        allows: "calling the actions of the plugin ID, a declared dependency",
        enforced_by: "the host, which makes the call",
        example: "call:com.acme.base",
        parse: |id| id.parse().map(Permission::Call).map_err(|source| Fault::Id { source }),
    },
];

/// What the same is called elsewhere.
pub(super) const ALIASES: &[PermissionAlias] = &[
    alias("file_system_read_all", &["fs.read:/"]),
    alias("file_system_write_all", &["fs.write:/"]),
    alias("file_system_read", &["fs.read:${workspace}"]),
    alias("file_system_write", &["fs.write:${workspace}"]),
    alias("read_files", &["fs.read:${workspace}"]),
    alias("write_files", &["fs.write:${workspace}"]),
    alias("network_access", &["net.connect:80", "net.connect:443"]),
    alias("network_access_external", &["net.connect:80", "net.connect:443"]),
    alias("execute_shell_commands", &["process.spawn"]),
    alias("execute_commands", &["process.spawn"]),
];

const fn alias(name: &'static str, stands_for: &'static [&'static str]) -> PermissionAlias {
    PermissionAlias { name, stands_for }
}

fn port(text: &str, least: u16) -> Result<u16, Fault> {
    let is_plain = text == "0" || (text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'));
    let port = text.parse().ok().filter(|port| is_plain && *port >= least);
    port.ok_or(Fault::Port { least })
}

/// By these the dynamic linker and the C library are told what to load and where to look: no plugin gets them.
const LINKER: [&str; 12] = [
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "HOSTALIASES",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_TRACE",
    "NIS_PATH",
    "NLSPATH",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "TZDIR",
];

fn variable(name: &str) -> Result<Permission, Fault> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !name.chars().all(is_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(Fault::Variable);
    }
    if name.starts_with("LD_") || LINKER.contains(&name) {
        return Err(Fault::Linker);
    }
    if matches!(name, "TMPDIR" | "PATH") {
        return Err(Fault::Given);
    }
    Ok(Permission::Variable(name.to_owned()))
}
