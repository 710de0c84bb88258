//! Takes of what the process has until there is no more: memory, descriptors, processes.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use apex_plugin_sdk::{Reply, Result, ResultExt as _, reply};

const MEBIBYTE: usize = 1 << 20;

/// Takes so many mebibytes and writes to every page of them; without a number, all there are.
pub(crate) fn eat_memory(mebibytes: Option<u64>) -> Result<Reply> {
    let mut eaten = Vec::new();
    while mebibytes.is_none_or(|wanted| (eaten.len() as u64) < wanted) {
        // Nobody sees that the pages are never read.
        eaten.push(std::hint::black_box(vec![0xa5_u8; MEBIBYTE]));
    }
    reply(eaten.len())
}

/// Opens so many files and never closes them; without a number, until there are no more descriptors.
pub(crate) fn leak_descriptors(count: Option<u64>) -> Result<Reply> {
    let mut leaked = 0_u64;
    while count.is_none_or(|wanted| leaked < wanted) {
        let file = File::open("/dev/null").context(format!("no more than {leaked} descriptors"))?;
        std::mem::forget(file);
        leaked += 1;
    }
    reply(leaked)
}

/// Starts a process that outlives the call, and perhaps the plugin; answers with its number.
pub(crate) fn spawn_process(seconds: u64) -> Result<Reply> {
    let mut command = Command::new("sleep");
    command.arg(seconds.to_string()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().context("no process could be started")?;
    reply(child.id())
}
