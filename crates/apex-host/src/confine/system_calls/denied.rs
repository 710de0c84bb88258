//! Which system calls are denied to a plugin, and which of them a grant allows.

use apex_protocol::Confinement;
use libc::{
    AF_INET, AF_INET6, AF_UNIX, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
    CLONE_NEWUTS, CLONE_THREAD, IPPROTO_TCP, MSG_FASTOPEN, PR_SET_PDEATHSIG, SOCK_SEQPACKET, SOCK_STREAM, c_int,
    c_long,
};
use seccompiler::{SeccompCmpArgLen as Width, SeccompCmpOp as Is};

use super::Denied;

/// From this version on Landlock lets signals reach what a process started and nobody else.
const SCOPES: u32 = 6;

/// From this version on Landlock rules over cutting files by path.
const TRUNCATION: u32 = 3;

/// Commands of the Linux console, typing among them.
const TIOCLINUX: libc::Ioctl = 0x541C;

/// For which there is no grant.
const NEVER: &[c_long] = &[
    // Other processes, and other ways of looking into them.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    // Sessions and groups: by its group a plugin is ended with all that it started.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // A second way to nearly all system calls, past this filter.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    // Keys and messages that other processes share.
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_fanotify_init,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    // Owners, attributes and modes by path: Landlock does not rule over them.
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    // Identities, limits and the machine itself.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_setrlimit,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_reboot,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
];

/// The older forms that x86 still has.
#[cfg(target_arch = "x86_64")]
const NEVER_HERE: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_kexec_file_load,
];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_HERE: &[c_long] = &[];

/// The older ways to start a process that x86 still has.
#[cfg(target_arch = "x86_64")]
const FORKS: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FORKS: &[c_long] = &[];

pub(super) fn add_all(denied: &mut Denied, confinement: &Confinement) {
    denied.always(NEVER);
    denied.always(NEVER_HERE);
    // Another limit for itself, or any for others: only asking is left.
    denied.when(libc::SYS_prlimit64, 2, Width::Qword, Is::Ne, 0);
    denied.when(libc::SYS_setpriority, 1, Width::Dword, Is::Ne, 0);
    // It ends with the thread of the host that started it.
    denied.when(libc::SYS_prctl, 0, Width::Dword, Is::Eq, PR_SET_PDEATHSIG as u64);
    // Typing on a terminal.
    for request in [libc::TIOCSTI, TIOCLINUX] {
        denied.when(libc::SYS_ioctl, 1, Width::Dword, Is::Eq, u64::from(request as u32));
    }
    files(denied, confinement);
    sockets(denied, confinement);
    processes(denied, confinement);
    signals(denied, confinement);
}

/// What Landlock leaves of files: modes and times, through open files where any may be written.
fn files(denied: &mut Denied, confinement: &Confinement) {
    // With a path it is about a file of that name, without one about the open file.
    denied.when(libc::SYS_utimensat, 1, Width::Qword, Is::Ne, 0);
    if !confinement.paths.iter().any(|rule| rule.write) {
        denied.always(&[libc::SYS_fchmod, libc::SYS_utimensat]);
    }
    if confinement.landlock < TRUNCATION {
        denied.always(&[libc::SYS_truncate]);
    }
}

/// TCP where it is granted, pairs of its own, and no other socket: neither Unix sockets with a name, nor UDP, nor what
/// reaches TCP past Landlock.
fn sockets(denied: &mut Denied, confinement: &Confinement) {
    let Confinement { connect, listen, .. } = confinement;
    if connect.is_empty() && listen.is_empty() {
        denied.always(&[libc::SYS_socket]);
    } else {
        denied.unless(libc::SYS_socket, 0, &[AF_INET, AF_INET6]);
        denied.unless_low_bits(libc::SYS_socket, 1, &[SOCK_STREAM]);
        denied.unless(libc::SYS_socket, 2, &[0, IPPROTO_TCP]);
    }
    // A datagram socket of a pair could be turned to any other.
    denied.unless(libc::SYS_socketpair, 0, &[AF_UNIX]);
    denied.unless_low_bits(libc::SYS_socketpair, 1, &[SOCK_STREAM, SOCK_SEQPACKET]);
    if connect.is_empty() {
        denied.always(&[libc::SYS_connect]);
    }
    if listen.is_empty() {
        denied.always(&[libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4]);
    }
    // Connects while it sends, which Landlock does not see.
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        denied.when_any_bit(call, flags, &[MSG_FASTOPEN]);
    }
}

fn processes(denied: &mut Denied, confinement: &Confinement) {
    const NAMESPACES: [c_int; 7] =
        [CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET];
    if confinement.spawn {
        denied.when_any_bit(libc::SYS_clone, 0, &NAMESPACES);
        return;
    }
    denied.always(FORKS);
    denied.always(&[libc::SYS_execve, libc::SYS_execveat]);
    // A thread is no process.
    denied.when(libc::SYS_clone, 0, Width::Qword, Is::MaskedEq(CLONE_THREAD as u64), 0);
}

/// Signals to itself, and to what it started where Landlock can tell that from the rest.
fn signals(denied: &mut Denied, confinement: &Confinement) {
    if confinement.spawn && confinement.landlock >= SCOPES {
        return;
    }
    let itself = c_int::try_from(std::process::id()).unwrap_or(c_int::MAX);
    // Its group is what it started, and itself.
    let allowed = if confinement.spawn { &[itself, 0][..] } else { &[itself] };
    denied.unless(libc::SYS_kill, 0, allowed);
    for call in [libc::SYS_tgkill, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo] {
        denied.unless(call, 0, &[itself]);
    }
    denied.always(&[libc::SYS_tkill, libc::SYS_pidfd_send_signal]);
}
