//! The discovery cache cut at every length, with flipped bits, and with its writer killed at any moment.
//!
//! `cargo run --release -p apex-plugins-tests --example cache_torture` makes every cut, 10,000 flips and 1,000 kills, and
//! compares each scan with one that has no cache. The ordinary tests do the same in small.
#![allow(clippy::unwrap_used, reason = "a scan that is wrong ends it")]
#![expect(clippy::print_stdout, reason = "it tells what it did")]
#![expect(clippy::disallowed_methods, reason = "damage is the point")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use apex_plugins::{PluginManager, discover::Cache};
use apex_plugins_tests::forest;
use futures::executor::block_on;

const FLIPS: u32 = 10_000;
const KILLS: u32 = 1_000;

fn main() {
    if let [role, place] = &env::args().skip(1).collect::<Vec<_>>()[..] {
        assert_eq!(role, "write");
        write_for_ever(Path::new(place));
    }
    let temp = tempfile::tempdir().unwrap();
    damage(&temp.path().join("damage"));
    kill(&temp.path().join("kill"));
}

/// What a scan says, with a cache or without.
fn scan(place: &Path, cached: bool) -> Vec<String> {
    let later = || SystemTime::now() + Duration::from_secs(3_600);
    let builder = PluginManager::builder().root(place.join("root")).clock(later);
    let builder = if cached { builder.cache(place.join("cache")) } else { builder };
    let catalogue = block_on(builder.build()).unwrap().catalogue();
    let say = |entry: &apex_plugins::Entry| {
        format!("{:?} {:?} {:?} {:?}", entry.path(), entry.status(), entry.digest(), entry.manifest())
    };
    catalogue.entries().iter().map(say).collect()
}

fn cache_file(place: &Path) -> PathBuf {
    Cache::new(place.join("cache")).files().unwrap()[0].path.clone()
}

fn damage(place: &Path) {
    forest::plant(&place.join("root"), 2, 2, 64);
    let expected = scan(place, false);
    assert_eq!(scan(place, true), expected);
    let file = cache_file(place);
    let whole = fs::read(&file).unwrap();
    let start = Instant::now();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        assert_eq!(scan(place, true), expected, "cut at {length}");
    }
    println!("{} cuts: every scan as without a cache, {:.0?}", whole.len(), start.elapsed());
    let (mut random, start) = (Random(1), Instant::now());
    for _ in 0..FLIPS {
        let mut flipped = whole.clone();
        for _ in 0..=random.below(3) {
            let bit = random.below(whole.len() * 8);
            flipped[bit / 8] ^= 1 << (bit % 8);
        }
        fs::write(&file, flipped).unwrap();
        assert_eq!(scan(place, true), expected);
    }
    println!("{FLIPS} times up to three flipped bits: every scan as without a cache, {:.0?}", start.elapsed());
}

fn kill(place: &Path) {
    forest::plant(&place.join("root"), 200, 2, 1024);
    scan(place, true);
    let (mut random, start, mut midway) = (Random(2), Instant::now(), 0);
    for round in 0..KILLS {
        let mut command = Command::new(env::current_exe().unwrap());
        let mut writer = command.arg("write").arg(place).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(2_000 + random.below(40_000) as u64));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let names = fs::read_dir(place.join("cache")).unwrap();
        midway += u32::from(names.flatten().any(|entry| entry.path().extension().is_some_and(|end| end == "new")));
        assert_eq!(scan(place, true), scan(place, false), "round {round}");
    }
    println!(
        "{KILLS} kills, {midway} of them in the middle of writing: every scan as without a cache, {:.0?}",
        start.elapsed()
    );
}

/// Changes plugins and writes the cache again and again, until it is killed.
fn write_for_ever(place: &Path) -> ! {
    for number in (0..).map(|round| round % 200) {
        forest::plant_one(&place.join("root"), number, 2, 1024);
        scan(place, true);
    }
    unreachable!("it is killed before it can count to the end")
}

/// The same numbers in each run (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap_or(0)
    }
}
