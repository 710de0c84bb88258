//! How a process ended, for people.

use rustix::process::{Signal, WaitIdStatus};

/// How a process ended.
pub(super) fn describe(status: &WaitIdStatus) -> String {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => format!("ended by itself with exit status {code}"),
        (None, Some(signal)) => match Signal::from_named_raw(signal) {
            Some(name) => format!("was killed by signal {signal} ({})", signal_name(name)),
            None => format!("was killed by signal {signal}"),
        },
        (None, None) => "ended".to_owned(),
    }
}

fn signal_name(signal: Signal) -> &'static str {
    const NAMES: [(Signal, &str); 12] = [
        (Signal::ABORT, "SIGABRT"),
        (Signal::BUS, "SIGBUS"),
        (Signal::FPE, "SIGFPE"),
        (Signal::HUP, "SIGHUP"),
        (Signal::ILL, "SIGILL"),
        (Signal::INT, "SIGINT"),
        (Signal::KILL, "SIGKILL"),
        (Signal::PIPE, "SIGPIPE"),
        (Signal::SEGV, "SIGSEGV"),
        (Signal::SYS, "SIGSYS"),
        (Signal::TERM, "SIGTERM"),
        (Signal::TRAP, "SIGTRAP"),
    ];
    NAMES.iter().find(|(known, _)| *known == signal).map_or("of another kind", |(_, name)| name)
}
