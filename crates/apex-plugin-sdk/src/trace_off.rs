//! Stands in for `trace` without the feature `tracing`: nothing is forwarded, and nothing is kept for it.

use std::{marker::PhantomData, sync::Arc};

use crate::services::Services;

pub(crate) fn install() {}

pub(crate) fn instance(_: &Arc<Services>) {}

pub(crate) fn note(_: &Arc<Services>) -> Option<Arc<Services>> {
    None
}

/// Does nothing.
pub(crate) struct Attributed<'a>(PhantomData<&'a mut ()>);

pub(crate) fn attributed(_: &mut Option<Arc<Services>>) -> Attributed<'_> {
    Attributed(PhantomData)
}

pub(crate) fn current() -> Option<Arc<Services>> {
    None
}
