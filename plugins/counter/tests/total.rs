//! The counter in a unit test, without a host.
#![allow(clippy::unwrap_used, reason = "tests")]

use apex_plugin_sdk::{
    serde_json::json,
    testing::{Harness, block_on},
};
use counter::Counter;

#[test]
fn the_total_grows_by_what_is_asked_or_by_the_configured_step_and_never_wraps() {
    block_on(async {
        let counter = Harness::<Counter>::start_with(json!({"step": 5})).await.unwrap();
        assert_eq!(counter.call("get", json!({})).await.unwrap(), 0);
        assert_eq!(counter.call("add", json!({})).await.unwrap(), 5);
        assert_eq!(counter.call("add", json!({"by": -7})).await.unwrap(), -2);
        let error = counter.call("add", json!({"by": i64::MIN})).await.unwrap_err();
        assert_eq!(error.message(), "-2 + -9223372036854775808 is too much");
        assert_eq!(counter.state(), Some(json!({"value": -2})));
        assert_eq!(counter.call("reset", json!({})).await.unwrap(), -2);
        assert_eq!(counter.call("get", json!({})).await.unwrap(), 0);
    });
}
