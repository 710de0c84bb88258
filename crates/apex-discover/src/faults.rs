//! Faults as they are kept: with the place in the text, which their usual form leaves out.

use std::ops::Range;

use apex_meta::Fault;
use serde::{Deserialize as _, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(faults: &[Fault], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(faults.iter().map(|fault| (fault, &fault.span)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Fault>, D::Error> {
    let kept = Vec::<(Fault, Range<usize>)>::deserialize(deserializer)?;
    let whole = |(mut fault, span): (Fault, _)| {
        fault.span = span;
        fault
    };
    Ok(kept.into_iter().map(whole).collect())
}
