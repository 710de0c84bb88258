//! The plugin's own runtime, entered around each poll and each drop of the author's code.
//!
//! A library has its own copy of tokio, which knows nothing of the host's runtime: without this, a timer or a socket
//! in a plugin would find no reactor. The runtime is shared by all instances of the library and never ends.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use apex_abi::PluginError;
use futures::Stream;
use pin_project_lite::pin_project;

use crate::{services::Services, trace};

pin_project! {
    /// A future or stream whose every poll, and whose drop, happens inside the plugin's runtime.
    ///
    /// What it logs by `tracing` belongs to the call, or instance, whose services it has.
    pub(crate) struct Entered<T> {
        #[pin]
        inner: Option<T>,
        services: Option<Arc<Services>>,
    }

    impl<T> PinnedDrop for Entered<T> {
        fn drop(this: Pin<&mut Self>) {
            // Where the runtime cannot start, nothing that needs it was ever polled.
            let mut this = this.project();
            // What is ready is dropped already, and to enter costs more than to look.
            if this.inner.is_none() {
                return;
            }
            let _entered = enter().ok();
            let _attributed = trace::attributed(this.services);
            this.inner.set(None);
        }
    }
}

impl<T> Entered<T> {
    pub(crate) fn new(inner: T, services: Option<Arc<Services>>) -> Self {
        Self { inner: Some(inner), services }
    }
}

impl<T, F: Future<Output = Result<T, PluginError>>> Future for Entered<F> {
    type Output = Result<T, PluginError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut inner = this.inner;
        let _entered = enter()?;
        let _attributed = trace::attributed(this.services);
        let Some(future) = inner.as_mut().as_pin_mut() else { return Poll::Pending };
        let output = ready!(future.poll(context));
        inner.set(None);
        Poll::Ready(output)
    }
}

impl<T, S: Stream<Item = Result<T, PluginError>>> Stream for Entered<S> {
    type Item = Result<T, PluginError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let mut inner = this.inner;
        let _entered = enter()?;
        let _attributed = trace::attributed(this.services);
        match inner.as_mut().as_pin_mut() {
            Some(stream) => stream.poll_next(context),
            None => Poll::Ready(None),
        }
    }
}

/// Runs `code` inside the plugin's runtime.
pub(crate) fn entered<T>(code: impl FnOnce() -> T) -> T {
    let _entered = enter().ok();
    code()
}

#[cfg(feature = "tokio")]
pub(crate) use with_tokio::{enter, run_blocking};

#[cfg(not(feature = "tokio"))]
pub(crate) use without::{enter, run_blocking};

#[cfg(feature = "tokio")]
mod with_tokio {
    //! The runtime is tokio's.

    use std::sync::OnceLock;

    use apex_abi::PluginError;
    use apex_meta::ErrorKind;
    use tokio::runtime::{Builder, EnterGuard, Runtime};

    /// Two, so that a task that blocks its worker does not stop the timers; the host's threads do most of the polling.
    const WORKERS: usize = 2;

    fn runtime() -> Result<&'static Runtime, PluginError> {
        static RUNTIME: OnceLock<Result<Runtime, PluginError>> = OnceLock::new();
        let start = || {
            Builder::new_multi_thread().worker_threads(WORKERS).thread_name("apex-plugin").enable_all().build().map_err(
                |error| {
                    PluginError::new(ErrorKind::Initialization, "the plugin's runtime cannot start").caused_by(&error)
                },
            )
        };
        RUNTIME.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    pub(crate) fn enter() -> Result<EnterGuard<'static>, PluginError> {
        runtime().map(Runtime::enter)
    }

    /// Runs `code` on a thread that may block; the runtime never ends, so nothing ever waits for it there.
    pub(crate) async fn run_blocking<T: Send + 'static>(
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PluginError> {
        let joined = runtime()?.spawn_blocking(|| apex_abi::contain(code)).await;
        joined.unwrap_or_else(|error| {
            Err(PluginError::new(ErrorKind::Execution, "blocking code did not run").caused_by(&error))
        })
    }
}

#[cfg(not(feature = "tokio"))]
mod without {
    //! There is no runtime: the author's futures bring what they need.

    use apex_abi::PluginError;
    use apex_meta::ErrorKind;
    use futures::channel::oneshot;

    pub(crate) struct NoRuntime;

    pub(crate) fn enter() -> Result<NoRuntime, PluginError> {
        Ok(NoRuntime)
    }

    /// Runs `code` on a thread of its own.
    pub(crate) async fn run_blocking<T: Send + 'static>(
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PluginError> {
        let (done, result) = oneshot::channel();
        let failed = |error: &(dyn std::error::Error + 'static)| {
            PluginError::new(ErrorKind::Execution, "blocking code did not run").caused_by(error)
        };
        std::thread::Builder::new()
            .name("apex-plugin".to_owned())
            // Nobody waits for the result if the call was given up; then it is dropped here.
            .spawn(move || drop(done.send(apex_abi::contain(code))))
            .map_err(|error| failed(&error))?;
        result.await.map_err(|error| failed(&error))?
    }
}
