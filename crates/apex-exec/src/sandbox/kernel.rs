//! What the running kernel can enforce.

use std::sync::OnceLock;

use apex_meta::Permission;

/// What the running kernel can enforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    landlock: u32,
    filters: bool,
}

/// The newest version of Landlock's interface that is made use of.
const NEWEST: u32 = 6;

/// From this version on Landlock rules over TCP ports.
const PORTS: u32 = 4;

impl Kernel {
    /// The running kernel; asked once.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Kernel> = OnceLock::new();
        *CURRENT.get_or_init(|| Self { landlock: landlock().min(NEWEST), filters: filters() })
    }

    /// The same, as if it had no newer version of Landlock than this; 0 stands for none.
    #[must_use]
    pub fn with_landlock_at_most(self, version: u32) -> Self {
        Self { landlock: self.landlock.min(version), ..self }
    }

    #[cfg(test)]
    pub(crate) fn of(landlock: u32, filters: bool) -> Self {
        Self { landlock, filters }
    }

    /// The version of Landlock's interface that is used, 0 for none: it rules over files from 1, over TCP ports from 4,
    /// over signals and abstract Unix sockets from 6 on.
    pub fn landlock(self) -> u32 {
        self.landlock
    }

    /// Whether system calls are filtered.
    pub fn filters(self) -> bool {
        self.filters
    }

    /// What it cannot keep a plugin from that has these grants and no more.
    pub fn gaps(self, granted: &[Permission]) -> Vec<&'static str> {
        let uses_ports = granted.iter().any(|one| matches!(one, Permission::Connect(_) | Permission::Listen(_)));
        let mut gaps = Vec::new();
        if self.landlock == 0 {
            gaps.push("files: without Landlock it can read and write whatever this user can");
        }
        if self.landlock < PORTS && uses_ports {
            gaps.push("TCP ports: before version 4 of Landlock one port that is granted stands for all");
        }
        if !self.filters {
            gaps.push("system calls: they are not filtered here, so that sockets and processes are open to it");
        }
        gaps
    }
}

/// The version of Landlock's interface, 0 where there is none.
#[cfg(target_os = "linux")]
fn landlock() -> u32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag nothing is read or written, and the version is what is returned.
    #[expect(unsafe_code, reason = "no library asks for it alone")]
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0_usize, VERSION) };
    u32::try_from(version).unwrap_or(0)
}

#[cfg(not(target_os = "linux"))]
fn landlock() -> u32 {
    0
}

/// Whether the kernel filters system calls, and the filter is written for this machine.
#[cfg(target_os = "linux")]
fn filters() -> bool {
    // SAFETY: asks for a mode, and takes nothing else.
    #[expect(unsafe_code, reason = "no library asks for it alone")]
    let mode = unsafe { libc::prctl(libc::PR_GET_SECCOMP) };
    mode >= 0 && cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))
}

#[cfg(not(target_os = "linux"))]
fn filters() -> bool {
    false
}
