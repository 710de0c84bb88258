//! The counter through the objects that cross the boundary.
#![allow(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "each plugin uses its part")]
#[path = "../../../crates/apex-plugin-sdk/tests/objects/host.rs"]
mod host;

use host::Running;
use serde_json::json;

use super::*;

#[test]
fn the_total_grows_by_what_is_asked_or_by_the_configured_step_and_never_wraps() {
    let counter = Running::start::<Counter>(&json!({"step": 5})).unwrap().0;
    assert_eq!(counter.call("get", &json!({})).unwrap(), 0);
    assert_eq!(counter.call("add", &json!({})).unwrap(), 5);
    assert_eq!(counter.call("add", &json!({"by": -7})).unwrap(), -2);
    let error = counter.call("add", &json!({"by": i64::MIN})).unwrap_err();
    assert_eq!(error.message, "-2 + -9223372036854775808 is too much to count");
    assert_eq!(counter.call("reset", &json!({})).unwrap(), -2);
    assert_eq!(counter.call("get", &json!({})).unwrap(), 0);
}
