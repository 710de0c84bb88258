//! A parallel map whose results come in the order of its input, whatever thread made them.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Applies a function to every item on at most so many threads; the results are in the order of the items.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], threads: NonZeroUsize, apply: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = threads.get().min(items.len());
    if threads <= 1 {
        return items.iter().map(apply).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        // One item at a time: items differ in size, and a counter costs nothing beside a file.
        while let Some((index, item)) = take(items, &next) {
            done.push((index, apply(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for worker in workers {
            match worker.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    items.get(index).map(|item| (index, item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items_for_any_number_of_threads() {
        let items: Vec<u64> = (0..1000).collect();
        for threads in [1, 2, 7, 64] {
            let squares = map(&items, NonZeroUsize::new(threads).unwrap(), |item| item * item);
            assert_eq!(squares, items.iter().map(|item| item * item).collect::<Vec<_>>(), "{threads} threads");
        }
        assert!(map(&[] as &[u8], NonZeroUsize::MIN, |item| *item).is_empty());
    }
}
