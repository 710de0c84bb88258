//! Raw calls: bytes in, bytes out.

use apex_exec::CallRequest;
use apex_meta::ErrorKind;
use serde_json::json;

use crate::probe::start;

#[test]
fn bytes_go_in_as_they_are_and_come_out_as_they_are() {
    let instance = start();
    let reply = instance.raw_blocking(CallRequest::new("echo").raw_params(br#"{"unknown":  1}"#)).unwrap();
    assert_eq!(&reply[..], br#"{"unknown":1}"#, "neither validated nor given defaults");
    let reply = instance.raw_blocking(CallRequest::new("not_json")).unwrap();
    assert_eq!(&reply[..], b"{");
}

#[test]
fn json_parameters_of_a_raw_call_are_validated() {
    let instance = start();
    let error = instance.raw_blocking(CallRequest::new("echo").params(json!({}))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameters);
    let reply = instance.raw_blocking(CallRequest::new("echo").params(json!({"text": "a"}))).unwrap();
    assert_eq!(&reply[..], br#"{"text":"a","times":1}"#);
}

#[test]
fn parameters_that_the_plugin_cannot_read_are_its_own_error() {
    let error = start().raw_blocking(CallRequest::new("echo").raw_params(b"{")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidParameters);
}
