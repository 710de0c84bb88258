//! Work that blocks, kept off the caller's asynchronous workers.

use futures::channel::oneshot;

/// Runs blocking work on a thread of its own and waits for it without blocking the caller's worker.
///
/// A thread of its own rather than a runtime's pool: it works under any runtime or none, and no runtime waits for it.
///
/// # Errors
/// The thread could not be started, or the work panicked.
pub(crate) async fn run<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BackgroundError> {
    let (answer, answered) = oneshot::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Nobody waits any more if the receiver is gone; the result is dropped here then.
            let _ = answer.send(work());
        })
        .map_err(|source| BackgroundError::Spawn { name, source })?;
    answered.await.map_err(|_| BackgroundError::Panicked { name })
}

/// Why blocking work has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackgroundError {
    /// The operating system gave no thread.
    #[error("no thread could be started for `{name}`")]
    Spawn {
        /// What the thread was for.
        name: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The work panicked, which is a fault of this library.
    #[error("`{name}` panicked; please report it")]
    Panicked {
        /// What the thread was for.
        name: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_comes_back_without_any_runtime() {
        assert_eq!(futures::executor::block_on(run("test", || 6 * 7)).unwrap(), 42);
    }

    #[test]
    fn a_panic_is_an_error() {
        let result = futures::executor::block_on(run("test", || panic!("on purpose")));
        assert!(matches!(result, Err(BackgroundError::Panicked { name: "test" })));
    }
}
