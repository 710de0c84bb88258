//! Nothing stays behind of a host that dies.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use apex_plugins_tests::{apex, package};

const FAULTY: &str = "com.apexagent.examples.faulty";

/// The processes that were started by one that has this number, and host plugins.
fn hosts_of(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        status.lines().any(|line| line == format!("PPid:\t{parent}")) && line.starts_with(b"apex-host\0")
    };
    numbers.filter(is_child).collect()
}

fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    // Whoever has ended and was not waited for yet does nothing any more.
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z') && !line.contains('X'))
}

fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        if let Some(found) = look() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} did not happen");
}

#[test]
fn when_the_host_is_killed_its_children_end_even_within_an_endless_loop() {
    for action in ["never", "block", "spin_for_ever"] {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("plugins");
        package("faulty", None, &root);
        let mut host = Command::new(apex())
            .env_clear()
            .env("HOME", directory.path())
            .args(["--dev-root".as_ref(), root.as_os_str()])
            .args(["run", FAULTY, action])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ended = None;
        let child = wait_until(action, || {
            ended = host.try_wait().unwrap();
            assert_eq!(ended, None, "{action}: the host ended before it was killed");
            hosts_of(host.id()).first().copied()
        });
        host.kill().unwrap();
        host.wait().unwrap();
        wait_until("the child's end", || (!is_alive(child)).then_some(()));
    }
}
