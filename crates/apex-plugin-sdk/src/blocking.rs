//! Code that blocks, away from the threads that poll.

use crate::{Result, runtime, trace};

/// Runs `code`, which may block, on a thread of the plugin's own, and waits for what it returns.
///
/// If the call is given up meanwhile, `code` runs on to its end.
///
/// # Errors
/// When `code` panics, or no thread can be had.
pub async fn blocking<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let mut services = trace::current();
    let code = move || {
        let _attributed = trace::attributed(&mut services);
        code()
    };
    Ok(runtime::run_blocking(code).await?)
}
