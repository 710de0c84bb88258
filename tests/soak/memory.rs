//! What the process takes, and its children, as the kernel tells.

use std::{fs, process::Command};

/// Samples of resident memory, in MiB.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    pub(super) fn take(&mut self) {
        self.0.extend(resident());
    }

    /// The median of the second quarter, when everything is warm, and of the last one.
    pub(super) fn change(&self) -> Option<(f64, f64)> {
        let quarter = self.0.len() / 4;
        let median = |samples: &[f64]| {
            let mut samples = samples.to_vec();
            samples.sort_by(f64::total_cmp);
            samples.get(samples.len() / 2).copied()
        };
        Some((median(self.0.get(quarter..2 * quarter)?)?, median(self.0.get(3 * quarter..)?)?))
    }
}

/// The resident memory of this process in MiB, where the kernel tells.
fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<f64>().ok()? / 1024.0)
}

/// Kills one of this process's children with SIGKILL; says whether there was one.
pub(super) fn kill_a_child(turn: u64) -> bool {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children: Vec<String> = processes
        .filter_map(|process| process.file_name().into_string().ok())
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|id| {
            // The parent is the second field behind the name, which stands in parentheses and may hold anything.
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)) == Some(&own)
        })
        .collect();
    let Some(child) = children.get(turn as usize % children.len().max(1)) else { return false };
    Command::new("kill").args(["-9", child]).status().is_ok_and(|status| status.success())
}
