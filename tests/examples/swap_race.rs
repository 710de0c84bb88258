//! Attack 38 at full length: `cargo run -p apex-plugins-tests --example swap_race [LOADS] [MAPPINGS]`.
//!
//! Another process swaps a plugin's library without pause, while this one verifies it 100,000 times and has the dynamic
//! linker map it 500 times. It fails if bytes that were not verified are ever accepted or mapped.
#![expect(clippy::print_stdout, reason = "a program talks to whoever started it")]

use std::{
    env,
    error::Error,
    os::unix::process::parent_id,
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use apex_plugins_tests::{
    mapped,
    swap_race::{Outcome, SwapRace, Swapper},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [task, room, library] = &arguments[..]
        && task == "swap"
    {
        let mut swapper = Swapper::open(Path::new(room), Path::new(library))?;
        // Whoever is left without a parent has nothing to do any more.
        let parent = parent_id();
        return Ok(swapper.run(|| parent_id() == parent)?);
    }
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (loads, mappings) = (number(0, 100_000)?, number(1, 500)?);
    let race = SwapRace::new();
    let _swapper = Swapping::start(&race)?;
    let start = Instant::now();
    let goal = Outcome { loads, raced: mappings, accepted: mappings, refused: mappings, mapped: mappings };
    let an_hour = Duration::from_secs(3600);
    let outcome = race.run(&goal, an_hour, |path| mapped::open_and_read(path, race.content_range()))?;
    println!(
        "{} loads in {:.0?}, a swap fell into {} of them: {} accepted, all with the verified bytes, {} of them mapped; \
         {} refused",
        outcome.loads,
        start.elapsed(),
        outcome.raced,
        outcome.accepted,
        outcome.mapped,
        outcome.refused
    );
    Ok(())
}

/// The process that swaps, ended with this value.
struct Swapping(Child);

impl Swapping {
    fn start(race: &SwapRace) -> Result<Self, Box<dyn Error>> {
        let child = Command::new(env::current_exe()?).arg("swap").arg(race.room()).arg(race.library()).spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Swapping {
    fn drop(&mut self) {
        // It may have ended by itself, when the directory went away.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
