//! Containment: code of the other party runs here, and a panic of it comes out as an error.
//!
//! Neither side may unwind across the boundary, and the guards that `abi_stable` and `async-ffi` put there end the
//! process. So every function that crosses catches first, also around `Drop` and around the panic's own payload,
//! whose drop may panic too.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use abi_stable::std_types::RResult;
use apex_meta::ErrorKind;
use async_ffi::{FfiFuture, FutureExt};
use pin_project_lite::pin_project;

use crate::{AbiError, PluginError};

/// Runs `code`; a panic becomes an error of kind `PluginPanicked` that carries the panic's message.
///
/// # Errors
/// When `code` panics.
pub fn contain<T>(code: impl FnOnce() -> T) -> Result<T, PluginError> {
    catch_unwind(AssertUnwindSafe(code)).map_err(panicked)
}

fn panicked(payload: Box<dyn Any + Send>) -> PluginError {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with a payload that is not text".to_owned());
    // A payload's drop may panic in turn; the second payload is leaked, which ends the matter.
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
    PluginError::new(ErrorKind::PluginPanicked, format!("panicked: {message}"))
}

/// Makes a future fit to cross the boundary: panics in its polls and in its drop are contained.
///
/// The future is dropped as soon as it is ready, so that a panic in its drop can still be the call's error. Where the
/// other side drops it earlier there is nobody left to tell: then `lost` gets the error.
pub fn contained<T: 'static>(
    future: impl Future<Output = Result<T, PluginError>> + Send + 'static,
    lost: impl FnOnce(PluginError) + Send + 'static,
) -> FfiFuture<RResult<T, AbiError>> {
    Contained { future: Some(future), lost: Some(lost) }.into_ffi()
}

pin_project! {
    struct Contained<F, L: FnOnce(PluginError)> {
        #[pin]
        future: Option<F>,
        lost: Option<L>,
    }

    impl<F, L: FnOnce(PluginError)> PinnedDrop for Contained<F, L> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            release(this.future, this.lost);
        }
    }
}

/// Drops what is in the slot, if anything is; a panic goes to `lost`.
pub(crate) fn release<T, L: FnOnce(PluginError)>(mut slot: Pin<&mut Option<T>>, lost: &mut Option<L>) {
    if slot.is_none() {
        return;
    }
    if let Err(error) = contain(|| slot.set(None))
        && let Some(lost) = lost.take()
    {
        // What cannot be reported is lost for good: reporting was the last resort.
        let _ = contain(|| lost(error));
    }
}

impl<T, F, L> Future for Contained<F, L>
where
    F: Future<Output = Result<T, PluginError>>,
    L: FnOnce(PluginError),
{
    type Output = RResult<T, AbiError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut slot = self.project().future;
        let polled = contain(|| slot.as_mut().as_pin_mut().map(|future| future.poll(context)));
        let result = match polled {
            Ok(Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(result))) => result,
            Ok(None) => Err(PluginError::new(ErrorKind::ProtocolViolation, "a finished call was polled again")),
            Err(panicked) => Err(panicked),
        };
        let result = match (contain(|| slot.set(None)), result) {
            (Err(panicked), Ok(_)) => Err(panicked),
            (_, result) => result,
        };
        Poll::Ready(result.map_err(AbiError::from).into())
    }
}

/// A call into the other side, as plain Rust: waits for the future that came over and reads its error.
///
/// The future need not have been made by [`contained`]; a panic that it reports becomes `PluginPanicked`.
pub fn outcome<T>(future: FfiFuture<RResult<T, AbiError>>) -> Outcome<T> {
    Outcome(future)
}

/// The future that [`outcome`] returns.
#[must_use = "futures do nothing unless polled"]
pub struct Outcome<T>(FfiFuture<RResult<T, AbiError>>);

impl<T> Future for Outcome<T> {
    type Output = Result<T, PluginError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // `FfiFuture` panics on this side when the other side's poll did.
        match contain(|| Pin::new(&mut self.0).poll(context)) {
            Ok(polled) => polled.map(|result| result.into_result().map_err(PluginError::from)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    }
}
