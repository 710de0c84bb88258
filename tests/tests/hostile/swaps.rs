//! A library that is swapped while it is loaded (38); `examples/swap_race.rs` runs the same at full length.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use apex_plugins_tests::{
    mapped,
    swap_race::{Outcome, SwapRace, Swapper},
};

#[test]
fn a_library_that_is_swapped_without_pause_runs_as_verified_or_is_refused() {
    let race = SwapRace::new();
    let mut swapper = Swapper::open(race.room(), &race.library()).unwrap();
    let over = AtomicBool::new(false);
    let goal = Outcome { loads: 1500, raced: 200, accepted: 200, refused: 200, mapped: 200 };
    let outcome = thread::scope(|scope| {
        let swapping = scope.spawn(|| swapper.run(|| !over.load(Ordering::Relaxed)));
        let outcome =
            race.run(&goal, Duration::from_secs(300), |path| mapped::open_and_read(path, race.content_range()));
        over.store(true, Ordering::Relaxed);
        swapping.join().unwrap().unwrap();
        outcome
    });
    outcome.unwrap();
}
