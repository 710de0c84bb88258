//! The program `apex-host`: hosts one plugin for a program that cannot host plugins by itself.
#![forbid(unsafe_code)]

use std::{io::Write as _, process::ExitCode};

fn main() -> ExitCode {
    apex_host::run_if_child();
    let advice = "apex-host is started by programs that host plugins, and by nobody else; see `apex --help`\n";
    // There is nobody to tell if this fails.
    let _ = std::io::stderr().write_all(advice.as_bytes());
    ExitCode::from(2)
}
