//! Starting a child process that has nothing of this one but a socket, the plugin's library, what it is to confine
//! itself to, and where its output goes.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Write as _},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd, RawFd},
        unix::process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use rustix::{
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::fcntl_dupfd_cloexec,
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, set_parent_process_death_signal, setsid},
    thread::set_no_new_privs,
};

use super::program::ChildProgram;
use crate::sandbox::{Prepared, Scratch};

/// What a child finds as its first argument; see `apex_host::run_if_child`.
pub(super) const MARK: &str = "--apex-plugin-host=2";

/// The descriptors that a child finds beside its standard ones.
const SOCKET: RawFd = 3;
const LIBRARY: RawFd = 4;
const CONFINEMENT: RawFd = 5;

/// The first number that nothing is moved to.
const FREE: RawFd = CONFINEMENT + 1;

/// A child process that was started.
pub(super) struct Spawned {
    pub(super) pid: Pid,
    pub(super) pidfd: OwnedFd,
    pub(super) socket: OwnedFd,
    pub(super) stdout: OwnedFd,
    pub(super) stderr: OwnedFd,
    /// Its temporary directory, which goes with it.
    pub(super) scratch: Option<Scratch>,
}

struct Order {
    program: ChildProgram,
    library: OwnedFd,
    copy: Option<PathBuf>,
    confinement: OwnedFd,
    environment: Vec<(OsString, OsString)>,
    scratch: Option<Scratch>,
    threads: usize,
    answer: mpsc::Sender<io::Result<Spawned>>,
}

/// Starts a child process of its own group, with the sealed library and its confinement as descriptors 4 and 5, and
/// perhaps a copy of the library to load.
///
/// # Errors
/// The program cannot be started, or descriptors, processes or threads have run out.
pub(super) fn spawn(
    program: &ChildProgram,
    library: impl AsFd,
    copy: Option<&Path>,
    prepared: Prepared,
    threads: usize,
) -> io::Result<Spawned> {
    static SPAWNER: Mutex<Option<mpsc::Sender<Order>>> = Mutex::new(None);
    let (answer, spawned) = mpsc::channel();
    // Above the numbers that it is to be moved to.
    let library = fcntl_dupfd_cloexec(library.as_fd(), FREE)?;
    let (program, copy) = (program.clone(), copy.map(Path::to_owned));
    let Prepared { confinement, environment, scratch } = prepared;
    let confinement = fcntl_dupfd_cloexec(sealed(&confinement)?, FREE)?;
    let order = Order { program, library, copy, confinement, environment, scratch, threads, answer };
    {
        let mut spawner = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner);
        let orders = match &*spawner {
            Some(orders) => orders,
            None => spawner.insert(start_spawner()?),
        };
        orders.send(order).map_err(|_| io::Error::other("the thread that starts processes has ended"))?;
    }
    spawned.recv().map_err(|_| io::Error::other("the thread that starts processes has ended"))?
}

/// The thread that starts all children, and never ends.
///
/// The kernel tells a child of its parent's death when the *thread* that started it ends.
fn start_spawner() -> io::Result<mpsc::Sender<Order>> {
    let (orders, received) = mpsc::channel::<Order>();
    thread::Builder::new().name("apex-spawn".to_owned()).spawn(move || {
        for order in received {
            // Whoever asked may have gone: then the process is dropped, which its end of file tells it.
            let answer = order.answer.clone();
            if let Err(mpsc::SendError(Ok(unwanted))) = answer.send(start(order)) {
                end(&unwanted);
            }
        }
    })?;
    Ok(orders)
}

/// A file in memory that nobody can change any more.
fn sealed(content: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("apex-confinement", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
    file.write_all(content)?;
    io::Seek::rewind(&mut file)?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file.into())
}

fn start(order: Order) -> io::Result<Spawned> {
    let Order { program, library, copy, confinement, environment, scratch, threads, .. } = order;
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    let theirs = fcntl_dupfd_cloexec(&theirs, FREE)?;
    let given = [(theirs.as_raw_fd(), SOCKET), (library.as_raw_fd(), LIBRARY), (confinement.as_raw_fd(), CONFINEMENT)];
    let mut command = Command::new(program.path());
    command
        .arg0("apex-host")
        .args([MARK.to_owned(), threads.to_string()])
        .args(copy)
        .env_clear()
        .envs(program.environment())
        .envs(environment)
        .current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: only system calls, nothing that allocates or locks.
    #[expect(unsafe_code, reason = "between fork and exec nothing else may run")]
    unsafe {
        command.pre_exec(move || prepare(given));
    }
    let mut child = command.spawn()?;
    drop(theirs);
    rustix::io::ioctl_fionbio(&ours, true)?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("a child without output"));
    };
    let (stdout, stderr) = (OwnedFd::from(stdout), OwnedFd::from(stderr));
    match describe(&child, &stdout, &stderr) {
        Ok((pid, pidfd)) => Ok(Spawned { pid, pidfd, socket: ours, stdout, stderr, scratch }),
        Err(error) => {
            // It cannot be watched, so it must not stay.
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}

fn describe(child: &Child, stdout: &OwnedFd, stderr: &OwnedFd) -> io::Result<(Pid, OwnedFd)> {
    rustix::io::ioctl_fionbio(stdout, true)?;
    rustix::io::ioctl_fionbio(stderr, true)?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    // Nobody has waited for the child yet, so the number is still its own.
    Ok((pid, pidfd_open(pid, PidfdFlags::empty())?))
}

/// Ends a child that nobody wants.
fn end(spawned: &Spawned) {
    let _ = kill_process_group(spawned.pid, Signal::KILL);
    let _ = rustix::process::waitpid(Some(spawned.pid), rustix::process::WaitOptions::empty());
}

/// Runs in the child between fork and exec.
fn prepare(given: [(RawFd, RawFd); 3]) -> io::Result<()> {
    setsid()?;
    set_no_new_privs(true)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    for (from, to) in given {
        put(from, to)?;
    }
    // Not closed, but marked: among them is the pipe by which this function's error gets out.
    // SAFETY: takes numbers only.
    #[expect(unsafe_code, reason = "rustix has no close_range")]
    let marked = unsafe { libc::close_range(FREE as u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) };
    if marked == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Copies a descriptor to a number, not to be closed by exec.
fn put(from: RawFd, to: RawFd) -> io::Result<()> {
    // SAFETY: takes numbers only; what had the number before belongs to the process that is about to be replaced.
    #[expect(unsafe_code, reason = "the target is a number, which no owner stands for")]
    let put = unsafe { libc::dup2(from, to) };
    if put == to { Ok(()) } else { Err(io::Error::last_os_error()) }
}
