//! Counts what discovery does, in this crate's own tests alone, so that they can tell work that grows from work that does
//! not.

#[cfg(test)]
thread_local! {
    static DONE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Says that so many entries were looked at, or questions put to the file system.
#[cfg(test)]
pub(crate) fn done(steps: usize) {
    DONE.set(DONE.get() + steps);
}

/// Costs nothing outside of tests.
#[cfg(not(test))]
#[inline]
pub(crate) const fn done(_steps: usize) {}

/// What a piece of work on this thread gives, and how many steps it took.
#[cfg(test)]
pub(crate) fn of<R>(work: impl FnOnce() -> R) -> (R, usize) {
    let before = DONE.get();
    let result = work();
    (result, DONE.get() - before)
}
