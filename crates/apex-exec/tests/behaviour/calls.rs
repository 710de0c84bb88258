//! Results, parameters and errors.

use std::error::Error as _;

use apex_exec::{CallRequest, InstanceOptions, Limits};
use apex_meta::{CallContext, ErrorKind};
use serde_json::json;

use crate::probe::{start, start_with};

#[test]
fn parameters_get_their_defaults_before_the_plugin_sees_them() {
    // R6.4
    let reply = start().result_blocking(CallRequest::new("echo").params(json!({"text": "a"}))).unwrap();
    assert_eq!(reply, json!({"text": "a", "times": 1}));
}

#[test]
fn every_fault_in_parameters_is_reported_at_once() {
    // R6.4
    let error = start().result_blocking(CallRequest::new("echo").params(json!({"times": 0, "extra": 1}))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameters);
    let details = error.details().unwrap().as_array().unwrap();
    assert_eq!(details.len(), 3, "{details:?}");
    assert!(details.iter().any(|fault| fault["pointer"] == "/times"), "{details:?}");
    assert!(details.iter().all(|fault| fault["message"].is_string()));
    assert_eq!(error.to_string().lines().count(), 1);
    assert!(
        error.to_string().starts_with("`echo` of com.apexagent.tests.probe 1.0.0: invalid parameters: "),
        "{error}"
    );
}

#[test]
fn parameters_as_bytes_are_read_strictly() {
    let instance = start();
    let reply = instance.result_blocking(CallRequest::new("echo").raw_params(br#"{"text": "b"}"#));
    assert_eq!(reply.unwrap()["text"], "b");
    for bytes in [&br#"{"text": "a", "text": "b"}"#[..], b"{", b"\xff", b"", br#"{"text": "a", "times": 1e400}"#] {
        let error = instance.result_blocking(CallRequest::new("echo").raw_params(bytes)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidParameters);
    }
}

#[test]
fn an_unknown_action_lists_those_that_there_are() {
    let error = start().result_blocking(CallRequest::new("ecco")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ActionNotFound);
    assert!(error.hint().unwrap().starts_with("did you mean `echo`?"), "{error:?}");
    assert!(error.details().unwrap()["actions"].as_array().unwrap().contains(&json!("count")));
}

#[test]
fn errors_of_a_plugin_keep_kind_and_causes() {
    // R6.3
    let error = start().result_blocking(CallRequest::new("fail")).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::ResourceNotFound, "cannot read"));
    assert_eq!(error.source().unwrap().to_string(), "the cable is out");
    assert_eq!(error.action(), Some("fail"));
    assert_eq!(error.plugin().unwrap().as_str(), "com.apexagent.tests.probe");
}

#[test]
fn a_panic_is_an_error_and_the_instance_lives_on() {
    // R6.9
    let instance = start();
    for _ in 0..3 {
        let error = instance.result_blocking(CallRequest::new("panic")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PluginPanicked);
    }
    assert!(instance.result_blocking(CallRequest::new("whoami")).is_ok());
}

#[test]
fn a_result_that_is_no_json_breaks_the_contract() {
    let error = start().result_blocking(CallRequest::new("not_json")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ProtocolViolation);
}

#[test]
fn sizes_are_limited_on_the_way_in_and_out() {
    let limits = Limits { max_params_bytes: 1000, max_result_bytes: 1000, ..Limits::default() };
    let instance = start_with(InstanceOptions { limits, ..InstanceOptions::default() });
    let big = |bytes: usize| instance.result_blocking(CallRequest::new("big").params(json!({"bytes": bytes})));
    assert!(big(998).is_ok());
    assert_eq!(big(999).unwrap_err().kind(), ErrorKind::ResourceLimit);
    let params = json!({"text": "x".repeat(1000)});
    let error = instance.result_blocking(CallRequest::new("echo").params(params)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceLimit);
}

#[test]
fn a_stream_has_no_one_result() {
    for error in [
        start().result_blocking(CallRequest::new("count").params(json!({"n": 1}))).unwrap_err(),
        start().raw_blocking(CallRequest::new("count").params(json!({"n": 1}))).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::StreamingNotSupported);
        assert!(error.hint().unwrap().contains("events"));
    }
}

#[test]
fn the_context_reaches_the_plugin() {
    // R6.15
    let context = CallContext { tenant: Some("t".into()), user: Some("u".into()), ..CallContext::default() };
    let seen = start().result_blocking(CallRequest::new("whoami").context(context.clone())).unwrap();
    assert_eq!(seen["context"], serde_json::to_value(&context).unwrap());
    assert_eq!(seen["has_deadline"], true);
}

#[test]
fn blocking_actions_run_on_threads_of_their_own() {
    // R6.5
    let name = start().result_blocking(CallRequest::new("thread_name")).unwrap();
    assert_eq!(name, "apex-blocking");
}

#[test]
fn calls_are_counted_by_action_and_outcome() {
    let instance = start();
    for _ in 0..3 {
        instance.result_blocking(CallRequest::new("whoami")).unwrap();
    }
    instance.result_blocking(CallRequest::new("fail")).unwrap_err();
    instance.result_blocking(CallRequest::new("echo")).unwrap_err();
    let metrics = instance.metrics();
    let of = |name: &str| metrics.iter().find(|metrics| metrics.action == name).unwrap();
    assert_eq!((of("whoami").calls, of("whoami").errors), (3, 0));
    assert_eq!((of("fail").calls, of("fail").errors), (1, 1));
    assert_eq!((of("echo").calls, of("echo").errors), (1, 1));
    assert!(of("whoami").latency.quantile(1.0).is_some());
    assert_eq!(instance.in_flight(), 0);
}
