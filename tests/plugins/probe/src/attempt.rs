//! One attempt each, with nothing between it and the operating system.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket},
    os::{
        fd::AsRawFd as _,
        linux::net::SocketAddrExt as _,
        unix::{
            fs::PermissionsExt as _,
            net::{SocketAddr as UnixAddress, UnixListener, UnixStream},
        },
    },
    process::Command,
};

use apex_plugin_sdk::{Error, Reply, Result, ResultExt as _, reply};
use libc::{c_long, pid_t};

/// Tries one thing; the error is the operating system's.
pub(crate) fn attempt(what: &str, target: &str, other: &str) -> Result<Reply> {
    let done: io::Result<()> = match what {
        "read" => fs::read(target).map(drop),
        "list" => fs::read_dir(target).map(drop),
        "create" => create(target),
        "overwrite" => OpenOptions::new().write(true).open(target).and_then(|mut file| file.write_all(b"!")),
        #[expect(clippy::disallowed_methods, reason = "whether it can be renamed is the question")]
        "rename" => fs::rename(target, other),
        "link" => fs::hard_link(target, other),
        "remove" => fs::remove_file(target),
        "make_directory" => fs::create_dir(target),
        "truncate" => truncate(target),
        "change_mode" => fs::set_permissions(target, fs::Permissions::from_mode(0o600)),
        "copy" => fs::copy(target, other).map(drop),
        "connect" => TcpStream::connect(local(number(target)?)).map(drop),
        "listen" => listen(number(target)?),
        "resolve" => (target, 0).to_socket_addrs().map(drop),
        "send_datagram" => datagram(number(target)?),
        "connect_unix" => UnixStream::connect(target).map(drop),
        "connect_abstract" => {
            UnixAddress::from_abstract_name(target).and_then(|name| UnixStream::connect_addr(&name)).map(drop)
        }
        "listen_unix" => UnixListener::bind(target).map(drop),
        "listen_abstract" => {
            UnixAddress::from_abstract_name(target).and_then(|name| UnixListener::bind_addr(&name)).map(drop)
        }
        "pair_of_datagrams" => std::os::unix::net::UnixDatagram::pair().map(drop),
        "fast_open" => fast_open(number(target)?),
        "fork" => fork(),
        "execute" => Command::new(target).status().map(drop),
        "shell" => Command::new("/bin/sh").args(["-c", "exit 0"]).status().map(drop),
        "execute_memory" => execute_memory(),
        "signal" => ok(call(libc::SYS_kill, [number::<c_long>(target)?, 0, 0, 0])),
        "signal_group" => ok(call(libc::SYS_kill, [0, 0, 0, 0])),
        "trace" => ok(call(libc::SYS_ptrace, [PTRACE_SEIZE, number(target)?, 0, 0])),
        "ring" => ring(),
        "session" => ok(call(libc::SYS_setsid, [0; 4])),
        "namespace" => ok(call(libc::SYS_unshare, [c_long::from(libc::CLONE_NEWUSER), 0, 0, 0])),
        "identity" => ok(call(libc::SYS_setuid, [1, 0, 0, 0])),
        "raise_limit" => raise_limit(),
        "other_words" => ok(call(OTHER_WORDS, [0; 4])),
        "look_into" => File::open(format!("/proc/{target}/environ"))
            .and_then(|mut file| file.read_to_end(&mut Vec::new()))
            .map(drop),
        _ => {
            return Err(Error::invalid_parameters(format!("there is nothing called `{}` to try", what.escape_debug())));
        }
    };
    done.context(format!("`{what}` failed"))?;
    reply("done")
}

/// Makes a file and writes it; the standard library's `File::create_new` would want to read it too.
fn create(path: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(b"made by the probe")
}

const PTRACE_SEIZE: c_long = 0x4206;

/// `getpid` of the x32 interface, which is another number for the same kernel.
const OTHER_WORDS: c_long = 0x4000_0000 + 39;

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::invalid_parameters("the target is not a number of the right kind"))
}

fn local(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

fn ok(returned: c_long) -> io::Result<()> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn call(number: c_long, arguments: [c_long; 4]) -> c_long {
    let [first, second, third, fourth] = arguments;
    // SAFETY: callers pass numbers only, none of which the kernel takes for an address that it writes to.
    #[expect(unsafe_code, reason = "the system calls themselves are what is tried")]
    unsafe {
        libc::syscall(number, first, second, third, fourth)
    }
}

fn truncate(path: &str) -> io::Result<()> {
    let path = std::ffi::CString::new(path)?;
    // SAFETY: a path that ends in NUL and lives until the call returns.
    #[expect(unsafe_code, reason = "the standard library cuts open files only")]
    let returned = unsafe { libc::truncate(path.as_ptr(), 1) };
    ok(c_long::from(returned))
}

/// Whoever gets as far as finding the port taken was not denied it.
fn listen(port: u16) -> io::Result<()> {
    match TcpListener::bind(local(port)) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => Err(error),
        _ => Ok(()),
    }
}

fn datagram(port: u16) -> io::Result<()> {
    UdpSocket::bind(local(0))?.send_to(b"x", local(port)).map(drop)
}

/// Connects by sending, without `connect`.
fn fast_open(port: u16) -> io::Result<()> {
    // SAFETY: takes numbers only.
    #[expect(unsafe_code, reason = "the standard library has no such socket")]
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0) };
    ok(c_long::from(socket))?;
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: buffer and address are as long as is said, and live until the call returns.
    #[expect(unsafe_code, reason = "the standard library does not connect so")]
    let sent = unsafe {
        libc::sendto(socket, b"x".as_ptr().cast(), 1, libc::MSG_FASTOPEN, (&raw const address).cast(), length)
    };
    let result = if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: opened above, and used no more.
    #[expect(unsafe_code, reason = "closes what was opened")]
    unsafe {
        libc::close(socket)
    };
    result
}

fn fork() -> io::Result<()> {
    // SAFETY: the child does nothing but end.
    #[expect(unsafe_code, reason = "a bare fork is what is tried")]
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends the process at once, running nothing.
        #[expect(unsafe_code, reason = "the copy of a process with threads must run no more")]
        unsafe {
            libc::_exit(0)
        };
    }
    ok(c_long::from(child))?;
    // SAFETY: waits for the child, and is not told how it ended.
    #[expect(unsafe_code, reason = "a bare wait belongs to a bare fork")]
    let waited: pid_t = unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
    ok(c_long::from(waited))
}

/// Executes a file in memory; if that works, this process is another program.
fn execute_memory() -> io::Result<()> {
    // SAFETY: the name ends in NUL.
    #[expect(unsafe_code, reason = "the standard library makes no such file")]
    let descriptor = unsafe { libc::memfd_create(c"probe".as_ptr(), 0) };
    ok(c_long::from(descriptor))?;
    // SAFETY: just opened, and owned by nobody else.
    #[expect(unsafe_code, reason = "the descriptor has no owner yet")]
    let mut file = unsafe { <File as std::os::fd::FromRawFd>::from_raw_fd(descriptor) };
    file.write_all(b"#!/bin/sh\nexit 3\n")?;
    let arguments = [std::ptr::null::<libc::c_char>()];
    // SAFETY: an empty path and empty lists, which end in null.
    #[expect(unsafe_code, reason = "a file without a name is what is tried")]
    let returned = unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            c"".as_ptr(),
            arguments.as_ptr(),
            arguments.as_ptr(),
            libc::AT_EMPTY_PATH,
        )
    };
    ok(returned)
}

fn ring() -> io::Result<()> {
    // What the kernel fills in has 120 bytes.
    let mut parameters = [0_u64; 32];
    // SAFETY: the kernel writes no more than its parameters have.
    #[expect(unsafe_code, reason = "no library is needed to be refused")]
    let returned = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    ok(returned)
}

fn raise_limit() -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limit lives until the call returns.
    #[expect(unsafe_code, reason = "the standard library sets no limits")]
    let returned = unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) };
    ok(c_long::from(returned))
}
