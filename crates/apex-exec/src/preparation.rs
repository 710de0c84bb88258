//! A request's deadline and cancellation, put on the work that comes before the call.

use std::pin::pin;

use apex_meta::ErrorKind;
use futures::future::{Either, OptionFuture, select};

use crate::{CallError, CallRequest, timer::Timer};

impl CallRequest {
    /// Runs what must come before the call, such as loading the plugin, under the request's deadline and cancellation.
    ///
    /// A timeout that was set with [`timeout`](Self::timeout) does not bind here: it runs from the call's first poll on.
    /// The work is dropped when its time is over.
    ///
    /// # Errors
    /// `DeadlineExceeded` or `Cancelled` if that comes first, `ResourceLimit` if there is no thread to keep the time;
    /// otherwise whatever the work itself ends in.
    pub async fn bound<T>(&self, work: impl Future<Output = Result<T, CallError>>) -> Result<T, CallError> {
        let no_thread = |error: std::io::Error| {
            CallError::new(ErrorKind::ResourceLimit, "no thread could be started to keep deadlines").caused_by(&error)
        };
        let alarm = self.deadline.map(|deadline| Timer::get().map(|timer| timer.at(deadline)));
        let late: OptionFuture<_> = alarm.transpose().map_err(no_thread)?.into();
        let cancelled: OptionFuture<_> = self.cancel.as_ref().map(|token| token.cancelled()).into();
        let interrupted = pin!(interruption(late, cancelled));
        match select(interrupted, pin!(work)).await {
            Either::Left((error, _)) => Err(error),
            Either::Right((result, _)) => result,
        }
    }
}

/// Ready with the error as soon as one of the two is over; an absent one never is.
async fn interruption<L: Future, C: Future>(late: OptionFuture<L>, cancelled: OptionFuture<C>) -> CallError {
    let late = pin!(present(late));
    match select(late, pin!(present(cancelled))).await {
        Either::Left(_) => CallError::new(ErrorKind::DeadlineExceeded, "the plugin was not ready before the deadline"),
        Either::Right(_) => CallError::new(ErrorKind::Cancelled, "was cancelled by its caller"),
    }
}

async fn present<F: Future>(future: OptionFuture<F>) {
    if future.await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        time::{Duration, Instant},
    };

    use futures::executor::block_on;
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[test]
    fn work_without_bounds_just_ends() {
        assert_eq!(block_on(CallRequest::new("a").bound(ready(Ok(1)))).ok(), Some(1));
    }

    #[test]
    fn work_that_never_ends_is_given_up_at_the_deadline() {
        let request = CallRequest::new("a").deadline(Instant::now() + Duration::from_millis(5));
        let error = block_on(request.bound(pending::<Result<(), _>>())).err();
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::DeadlineExceeded));
    }

    #[test]
    fn work_that_never_ends_is_given_up_on_cancellation() {
        let token = CancellationToken::new();
        token.cancel();
        let request = CallRequest::new("a").cancel_with(token);
        let error = block_on(request.bound(pending::<Result<(), _>>())).err();
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::Cancelled));
    }
}
