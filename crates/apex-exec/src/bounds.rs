//! What can end a call from outside: its deadline, its caller, and the end of the instance.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use apex_meta::Action;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::{
    CallRequest,
    call::{Call, Interrupt},
    timer::{Sleep, Timer},
};

/// The moment by which a call has to end, if there is one: the request's, else the action's, else the instance's.
pub(crate) fn deadline(
    request: &CallRequest,
    action: &Action,
    default: Option<Duration>,
    started: Instant,
) -> Option<Instant> {
    let from_now = |timeout: Duration| started.checked_add(timeout);
    match (request.deadline, request.timeout.and_then(from_now)) {
        (Some(deadline), Some(other)) => Some(deadline.min(other)),
        (None, None) => action.timeout_ms.map(Duration::from_millis).or(default).and_then(from_now),
        (deadline, other) => deadline.or(other),
    }
}

/// What can end a call from outside, once it did not end at once.
pub(crate) struct Bounds {
    deadline: Option<Sleep>,
    token: Option<Token>,
}

struct Token {
    token: CancellationToken,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Bounds {
    pub(crate) fn new(deadline: Option<Instant>, token: Option<CancellationToken>, timer: &'static Timer) -> Self {
        let wait = |token: CancellationToken| Token { cancelled: Box::pin(token.clone().cancelled_owned()), token };
        Self { deadline: deadline.map(|deadline| timer.at(deadline)), token: token.map(wait) }
    }

    /// What ends the call now; asks no clock, and wakes nobody later.
    pub(crate) fn look(&self, call: &Call) -> Option<Interrupt> {
        let is_over = self.deadline.as_ref().is_some_and(Sleep::is_over);
        let is_cancelled = || self.token.as_ref().is_some_and(|token| token.token.is_cancelled());
        decide(call, is_over, is_cancelled)
    }

    /// What ends the call now; if nothing does, whatever will wakes the task.
    pub(crate) fn poll(&mut self, call: &Call, context: &mut Context<'_>) -> Option<Interrupt> {
        let is_over = self.deadline.as_mut().is_some_and(|sleep| Pin::new(sleep).poll(context).is_ready());
        let token = self.token.as_mut();
        decide(call, is_over, || token.is_some_and(|token| token.cancelled.as_mut().poll(context) == Poll::Ready(())))
    }
}

/// Of several reasons, the deadline's is the most urgent: it leaves no grace.
fn decide(call: &Call, is_over: bool, is_cancelled: impl FnOnce() -> bool) -> Option<Interrupt> {
    if is_over {
        return Some(Interrupt::Deadline);
    }
    call.interrupted().or_else(|| is_cancelled().then_some(Interrupt::Cancelled))
}
