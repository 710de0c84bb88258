//! The limits that an instance runs under.

use std::time::Duration;

/// The limits that an instance runs under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long a call may take that sets no deadline, of an action that declares no `timeout_ms`; none: for ever.
    pub default_timeout: Option<Duration>,
    /// How long the plugin may take to be made and initialized.
    pub initialize_timeout: Duration,
    /// How long the plugin's own shutdown may take.
    pub shutdown_timeout: Duration,
    /// How long an action that was cancelled may still run to end in an orderly way; streams are dropped at once.
    pub cancel_grace: Duration,
    /// How long one poll of an asynchronous action may hold its worker before a warning names it; at least 1 ms.
    pub slow_poll: Duration,
    /// The most bytes of parameters as JSON.
    pub max_params_bytes: usize,
    /// The most bytes of a result as JSON, or of a raw answer.
    pub max_result_bytes: usize,
    /// The most bytes of one chunk of a stream.
    pub max_chunk_bytes: usize,
    /// The most bytes of a file of its own that a plugin reads through the host.
    pub max_resource_bytes: usize,
    /// The most bytes of one progress report's message and details; longer messages are cut, longer details left out.
    pub max_progress_bytes: usize,
    /// How many progress reports may wait for the caller; then the oldest is given up for the newest. At least 1.
    pub progress_buffer: usize,
    /// The most bytes of one log line's message and fields; longer messages are cut, longer fields left out.
    pub max_log_bytes: usize,
    /// How many log lines a second get through; that more are left out is told once for a while.
    pub log_lines_per_second: u32,
    /// How many `blocking` actions may run at once; at least 1.
    pub blocking_threads: usize,
    /// How many `blocking` actions may wait for a thread.
    pub blocking_queue: usize,
    /// How long a child process may keep an action that was given up, until the process is replaced.
    pub child_patience: Duration,
    /// The most bytes of address space of a child process, its program and stacks included; none: no limit.
    pub child_memory: Option<u64>,
    /// The most descriptors that a child process may have open; none: what this process may have.
    pub child_files: Option<u64>,
    /// How many plugins may stand between a call of the host and one that a plugin makes of another.
    pub max_call_depth: u32,
    /// After how long without a call a child process is ended, to be started again by the next one; none: never.
    pub child_idle: Option<Duration>,
    /// How often a child process may crash within [`crash_window`](Self::crash_window); once more is quarantine.
    pub crashes_allowed: usize,
    /// How long a crash counts.
    pub crash_window: Duration,
    /// How long the next start waits after a second crash; it doubles with each further one. After the first it does not
    /// wait.
    pub restart_pause: Duration,
    /// How long a start waits at most.
    pub restart_pause_max: Duration,
}

impl Limits {
    /// The same limits without those of time for what is not given up, for somebody who steps through a plugin with a
    /// debugger.
    #[must_use]
    pub fn without_haste(self) -> Self {
        const A_YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
        let (initialize_timeout, slow_poll) = (A_YEAR, A_YEAR);
        Self { default_timeout: None, child_idle: None, initialize_timeout, slow_poll, ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            default_timeout: Some(Duration::from_secs(300)),
            initialize_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(5),
            cancel_grace: Duration::from_millis(100),
            slow_poll: Duration::from_millis(250),
            max_params_bytes: 16 << 20,
            max_result_bytes: 64 << 20,
            max_chunk_bytes: 16 << 20,
            max_resource_bytes: 16 << 20,
            max_progress_bytes: 64 << 10,
            progress_buffer: 64,
            max_log_bytes: 16 << 10,
            log_lines_per_second: 1000,
            blocking_threads: 32,
            blocking_queue: 1024,
            child_patience: Duration::from_secs(2),
            child_memory: Some(8 << 30),
            child_files: Some(1024),
            max_call_depth: 8,
            child_idle: Some(Duration::from_secs(300)),
            crashes_allowed: 5,
            crash_window: Duration::from_secs(60),
            restart_pause: Duration::from_millis(100),
            restart_pause_max: Duration::from_secs(10),
        }
    }
}
