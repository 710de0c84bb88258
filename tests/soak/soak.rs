//! Many mixed calls at once, over placements and plugins, each of which must end exactly once and as it should.
//!
//! A call carries a number of its own, which its answer and its chunks give back: so an answer that is lost, doubled or
//! somebody else's is seen. Some calls have deadlines that are too short, some are cancelled or dropped midway, some fail
//! or panic; child processes are killed on the way.

mod attempt;
mod memory;
mod subject;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use apex_plugins::{ErrorKind, PluginManager};

pub(crate) use subject::{Subject, subjects};

/// How much is to be done.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// So many calls, and more until enough children were killed.
    pub(crate) calls: u64,
    /// At least so many kills, if children are killed.
    pub(crate) kills: u64,
    /// For at most so long.
    pub(crate) at_most: Duration,
    /// From so many tasks at once.
    pub(crate) tasks: u64,
    /// What chance starts from.
    pub(crate) seed: u64,
    /// How often a child process is killed, if at all.
    pub(crate) kill_every: Option<Duration>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many calls were made, and how they ended, by placement.
    pub(crate) ends: BTreeMap<(&'static str, String), u64>,
    /// What must not happen, the first few.
    pub(crate) faults: Vec<String>,
    /// How many child processes were killed.
    pub(crate) kills: u64,
    /// Resident memory in MiB when warm, and at the end.
    pub(crate) memory: Option<(f64, f64)>,
    pub(crate) took: Duration,
}

impl Report {
    pub(crate) fn calls(&self) -> u64 {
        self.ends.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.calls() as f64 / self.took.as_secs_f64();
        writeln!(f, "{} calls in {:.1?}, {rate:.0} a second, {} kills", self.calls(), self.took, self.kills)?;
        for ((placement, end), count) in &self.ends {
            writeln!(f, "  {placement:12} {end:20} {count:>9}")?;
        }
        if let Some((warm, end)) = self.memory {
            writeln!(f, "  memory: {warm:.1} MiB when warm, {end:.1} MiB at the end")?;
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "  FAULT: {fault}"))
    }
}

struct State {
    plan: Plan,
    subjects: Vec<Subject>,
    started: Instant,
    next: AtomicU64,
    kills: AtomicU64,
    /// Calls to child processes that ended well.
    done_in_children: AtomicU64,
    report: Mutex<Report>,
}

impl State {
    fn is_over(&self) -> bool {
        let is_killed_enough = self.plan.kill_every.is_none() || self.kills.load(Ordering::Relaxed) >= self.plan.kills;
        let is_done = is_killed_enough && self.next.load(Ordering::Relaxed) >= self.plan.calls;
        is_done || self.started.elapsed() >= self.plan.at_most
    }

    fn note(&self, placement: &'static str, end: Result<Option<ErrorKind>, String>) {
        if placement == "process" && end == Ok(None) {
            self.done_in_children.fetch_add(1, Ordering::Relaxed);
        }
        let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let name = match end {
            Ok(None) => "done".to_owned(),
            Ok(Some(kind)) => kind.code().to_owned(),
            Err(fault) => {
                if report.faults.len() < 20 {
                    report.faults.push(format!("{placement}: {fault}"));
                }
                "FAULT".to_owned()
            }
        };
        *report.ends.entry((placement, name)).or_default() += 1;
    }
}

/// Does as planned, then shuts everything down.
pub(crate) async fn soak(subjects: Vec<Subject>, plan: Plan) -> Report {
    let (next, kills, done_in_children, report) = Default::default();
    let state = Arc::new(State { plan, subjects, started: Instant::now(), next, kills, done_in_children, report });
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..state.plan.tasks {
        let state = Arc::clone(&state);
        tasks.spawn(async move {
            let mut chance = Chance(state.plan.seed ^ (task + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            while !state.is_over() {
                let number = state.next.fetch_add(1, Ordering::Relaxed);
                let subject = &state.subjects[chance.below(state.subjects.len() as u64) as usize];
                let end = attempt::attempt(subject, number, &mut chance).await;
                state.note(subject.placement, end);
            }
        });
    }
    let watching = tokio::spawn(watch(Arc::clone(&state)));
    while let Some(ended) = tasks.join_next().await {
        if let Err(panicked) = ended {
            state.note("-", Err(panicked.to_string()));
        }
    }
    let memory = watching.await.unwrap_or_default();
    for subject in &state.subjects {
        end(&state, &subject.plugins).await;
    }
    let mut report = std::mem::take(&mut *state.report.lock().unwrap_or_else(PoisonError::into_inner));
    (report.memory, report.kills, report.took) =
        (memory.change(), state.kills.load(Ordering::Relaxed), state.started.elapsed());
    report
}

/// Takes samples of the memory, and kills: never a process again before its successor has answered.
async fn watch(state: Arc<State>) -> memory::Samples {
    const PAUSE: Duration = Duration::from_millis(100);
    let (mut samples, mut answered, mut killed) = (memory::Samples::default(), 0, Instant::now());
    while !state.is_over() {
        samples.take();
        let done = state.done_in_children.load(Ordering::Relaxed);
        if done > answered && state.plan.kill_every.is_some_and(|pause| killed.elapsed() >= pause) {
            let turn = state.kills.load(Ordering::Relaxed);
            state.kills.fetch_add(u64::from(memory::kill_a_child(turn)), Ordering::Relaxed);
            (answered, killed) = (state.done_in_children.load(Ordering::Relaxed), Instant::now());
        }
        tokio::time::sleep(PAUSE).await;
    }
    samples.take();
    samples
}

async fn end(state: &State, plugins: &PluginManager) {
    let report = plugins.shutdown(Duration::from_secs(10)).await;
    for leftover in report.leftovers {
        state.note("-", Err(format!("left over: {leftover:?}")));
    }
}

/// Chance that can be had again: splitmix64, <https://prng.di.unimi.it/splitmix64.c>.
pub(crate) struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}
