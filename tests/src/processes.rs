//! The processes below this one, as the kernel tells of them.

use std::fs;

/// The processes below this one, of any generation, ended ones that nobody waited for included.
pub fn children() -> Vec<u32> {
    let mut found = Vec::new();
    below(std::process::id(), &mut found);
    found
}

/// Those of them that host plugins.
pub fn hosts() -> Vec<u32> {
    let is_host = |pid: &u32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"apex-host\0--apex-plugin-host"))
    };
    children().into_iter().filter(is_host).collect()
}

/// Kills a process as nothing can resist; says whether there was one.
pub fn kill(pid: u32) -> bool {
    let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
    killed.is_ok_and(|status| status.success())
}

fn below(parent: u32, found: &mut Vec<u32>) {
    let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { return };
    for task in tasks.flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in text.split_whitespace().filter_map(|number| number.parse().ok()) {
            found.push(child);
            below(child, found);
        }
    }
}
