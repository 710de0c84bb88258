//! A sandbox made ready for one process: rules, environment, and a temporary directory.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use apex_meta::Permission;
use apex_protocol::{Confinement, PathRule};

use super::{Sandbox, Scratch};
use crate::Limits;

/// What every plugin may read: the system's libraries, languages, time zones and certificates.
const READABLE: [&str; 21] = [
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/usr/share/i18n",
    "/usr/share/locale",
    "/usr/share/zoneinfo",
];

/// Devices without a memory, which every plugin may read, and write if that does nothing.
const DEVICES: [(&str, bool); 5] =
    [("/dev/full", true), ("/dev/null", true), ("/dev/random", false), ("/dev/urandom", false), ("/dev/zero", true)];

/// By these files names become addresses; who may connect may read them.
const RESOLVER: [&str; 8] = [
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/run/systemd/resolve",
];

/// Where names are asked for.
const DOMAIN: u16 = 53;

/// The system's programs and what they are made of; who may start programs may execute them.
const PROGRAMS: [&str; 12] = [
    "/bin",
    "/sbin",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
];

/// Where programs are searched for.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A sandbox made ready for one process.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// What the process is told to confine itself to.
    pub(crate) confinement: Vec<u8>,
    /// What it finds in its environment beside what its host gives to all.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Its temporary directory.
    pub(crate) scratch: Option<Scratch>,
}

impl Sandbox {
    /// Makes it ready for one process, which may read the copy of its library that it loads, if there is one.
    ///
    /// # Errors
    /// There can be no temporary directory, or a path is not UTF-8.
    pub(crate) fn prepare(&self, limits: &Limits, copy: Option<&Path>) -> io::Result<Prepared> {
        let (max_memory, max_files) = (limits.child_memory, limits.child_files);
        if self.is_open {
            let mut confinement = Confinement::none();
            (confinement.max_memory, confinement.max_files) = (max_memory, max_files);
            let confinement = confinement.to_bytes().map_err(io::Error::other)?;
            return Ok(Prepared { confinement, environment: Vec::new(), scratch: None });
        }
        let scratch = Scratch::below(&self.temporary)?;
        let granted = self.in_effect();
        let mut confinement = Confinement::none();
        (confinement.landlock, confinement.filter) = (self.kernel.landlock(), self.kernel.filters());
        confinement.spawn = granted.contains(&Permission::Spawn);
        confinement.paths = READABLE.iter().map(|path| readable(path.into())).collect();
        (confinement.max_memory, confinement.max_files) = (max_memory, max_files);
        let devices = DEVICES.map(|(path, write)| PathRule { write, ..readable(path.into()) });
        confinement.paths.extend(devices);
        confinement.paths.extend(scratch.path().map(|path| PathRule { write: true, ..readable(path.to_owned()) }));
        confinement.paths.extend(copy.map(|copy| readable(copy.to_owned())));
        self.add_grants(&granted, &mut confinement);
        let environment = self.environment(&granted, &confinement, &scratch);
        let confinement = confinement.to_bytes().map_err(io::Error::other)?;
        Ok(Prepared { confinement, environment, scratch: Some(scratch) })
    }

    fn add_grants(&self, granted: &[Permission], confinement: &mut Confinement) {
        let execute = confinement.spawn;
        for (permission, path) in self.paths(granted) {
            confinement.paths.push(match permission {
                Permission::WriteFiles(_) => PathRule { path, read: false, write: true, execute: false },
                _ => PathRule { execute, ..readable(path) },
            });
        }
        for permission in granted {
            match permission {
                Permission::Connect(port) => confinement.connect.push(*port),
                Permission::Listen(port) => confinement.listen.push(*port),
                _ => {}
            }
        }
        if !confinement.connect.is_empty() {
            confinement.connect.push(DOMAIN);
            confinement.paths.extend(RESOLVER.iter().map(|path| readable(path.into())));
        }
        if execute {
            confinement.paths.extend(PROGRAMS.iter().map(|path| PathRule { execute, ..readable(path.into()) }));
        }
    }

    fn environment(
        &self,
        granted: &[Permission],
        confinement: &Confinement,
        scratch: &Scratch,
    ) -> Vec<(OsString, OsString)> {
        let mut environment = Vec::new();
        let mut set = |name: &str, value: OsString| environment.push((OsString::from(name), value));
        for permission in granted {
            if let Permission::Variable(name) = permission
                && let Some(value) = self.variables.get(name)
            {
                set(name, value.clone());
            }
        }
        if let Some(path) = scratch.path() {
            set("TMPDIR", path.into());
        }
        if !confinement.connect.is_empty() {
            // Names are asked for over TCP, so that UDP, whose ports nobody rules over, can stay closed.
            set("RES_OPTIONS", "use-vc".into());
        }
        if confinement.spawn {
            set("PATH", SEARCH_PATH.into());
        }
        environment
    }
}

fn readable(path: PathBuf) -> PathRule {
    PathRule { path, read: true, write: false, execute: false }
}
