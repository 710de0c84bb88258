//! Work and anchor take turns within one run, and the median of the turns counts.
#![allow(clippy::print_stdout, reason = "the table is the measurement")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// How many turns each row takes, and how long one lasts at least.
const TURNS: usize = 21;
const TURN: Duration = Duration::from_millis(40);

/// Work that is done so many times; gives how long that took, preparations left out.
pub(crate) type Work = Box<dyn Fn(u32) -> Duration>;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// How much of the anchor it may take.
    pub(crate) goal: f64,
    pub(crate) anchor: Work,
    pub(crate) work: Work,
}

/// Times `run` on inputs that were made before.
pub(crate) fn timed<I: 'static, O>(make: impl Fn() -> I + 'static, run: impl Fn(I) -> O + 'static) -> Work {
    Box::new(move |count| {
        let mut taken = Duration::ZERO;
        let mut left = count as usize;
        while left > 0 {
            let inputs: Vec<I> = (0..left.min(1000)).map(|_| make()).collect();
            left -= inputs.len();
            let mut outputs = Vec::with_capacity(inputs.len());
            let started = Instant::now();
            outputs.extend(inputs.into_iter().map(&run));
            taken += started.elapsed();
            black_box(outputs);
        }
        taken
    })
}

/// Measures each row and prints the table; with a row's name, `work` or `anchor` and a count, does that alone so often.
pub(crate) fn run(rows: &[Row]) {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if let [name, which, count] = &arguments[..] {
        let row = rows.iter().find(|row| row.name.starts_with(name.as_str())).expect("a row of that name");
        let work = if which == "anchor" { &row.anchor } else { &row.work };
        println!("{:?}", work(count.parse().expect("a count")));
        return;
    }
    println!("{:28} {:>12} {:>12} {:>7} {:>6}", "", "anchor, ns", "work, ns", "ratio", "goal");
    for Row { name, goal, anchor, work } in rows {
        let counts = (count_for_turn(anchor), count_for_turn(work));
        let each = |work: &Work, count: u32| work(count).as_nanos() as f64 / f64::from(count);
        let turns: Vec<_> = (0..TURNS).map(|_| (each(anchor, counts.0), each(work, counts.1))).collect();
        let of = |pick: fn(&(f64, f64)) -> f64| median(turns.iter().map(pick).collect());
        let ratio = of(|(anchor, work)| work / anchor);
        println!("{name:28} {:12.0} {:12.0} {ratio:7.2} {goal:6.1}", of(|turn| turn.0), of(|turn| turn.1));
    }
}

/// How often the work fits into one turn.
fn count_for_turn(work: &Work) -> u32 {
    let mut count = 1;
    while work(count) < TURN {
        count *= 2;
    }
    count
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
