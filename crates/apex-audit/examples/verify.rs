//! Checks an audit log: `cargo run -p apex-audit --example verify -- FILE`.
#![allow(clippy::print_stdout, reason = "a program")]

use apex_audit::{FileSink, verify_chain};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the file")?;
    let summary = verify_chain(FileSink::read(path.as_ref())?)?;
    println!("{} lines are sound; the last one is {}", summary.lines, summary.head.hash);
    Ok(())
}
