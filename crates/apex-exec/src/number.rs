//! Numbers of calls, unique in the process, so that lines of logs can be told apart.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

/// Numbers that a thread takes at once, so that threads do not meet at the counter with each call.
const BLOCK: u64 = 64;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number that no other call of this process has.
pub(crate) fn next() -> u64 {
    thread_local!(static OWN: Cell<(u64, u64)> = const { Cell::new((0, 0)) });
    OWN.with(|own| {
        let (mut number, mut end) = own.get();
        if number == end {
            number = NEXT.fetch_add(BLOCK, Ordering::Relaxed);
            end = number + BLOCK;
        }
        own.set((number + 1, end));
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_given_twice() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..200).map(|_| next()).collect::<Vec<_>>())).collect();
        let numbers: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
        let distinct: std::collections::HashSet<_> = numbers.iter().collect();
        assert_eq!(distinct.len(), 800);
    }
}
