//! A library that is swapped while it is loaded (38); `examples/swap_race.rs` runs the same at full length.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use apex_plugins_tests::{
    mapped,
    swap_race::{SwapRace, Swapper},
};

#[test]
fn a_library_that_is_swapped_without_pause_runs_as_verified_or_is_refused() {
    let race = SwapRace::new();
    let over = AtomicBool::new(false);
    let (outcome, swaps) = thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let mut swapper = Swapper::open(race.room(), &race.library()).unwrap();
            while !over.load(Ordering::Relaxed) {
                swapper.swap().unwrap();
            }
            swapper.swaps()
        });
        let outcome = race.run(3000, 200, |path| mapped::open_and_read(path, race.content_range()));
        over.store(true, Ordering::Relaxed);
        (outcome, swapping.join().unwrap())
    });
    let outcome = outcome.unwrap();
    assert_eq!(outcome.mapped, 200, "{outcome:?} of {swaps} swaps");
    assert!(outcome.refused > 0, "{outcome:?} of {swaps} swaps");
}
