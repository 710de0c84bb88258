//! Row 80, frame by frame: a fake child that greets and starts as it should, and then breaks one rule.
#![expect(clippy::disallowed_methods, reason = "a fake child is for one test, and gone after it")]

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use apex_plugins::{ErrorKind, Placement};
use apex_protocol::{ChunkForm, DEFAULT_MAX_BODY, Hello, Message};
use serde_json::{Value, json};

use super::{GREETER, builder};

/// A frame about that number.
fn frame(number: u64, message: &Message<'_>) -> Vec<u8> {
    let mut frame = Vec::new();
    message.write(&mut frame, number, DEFAULT_MAX_BODY).unwrap();
    frame
}

/// Calls a plugin whose process does as it should until it is asked for a result, under the number 2, and then says this.
async fn call(answer: &[u8]) -> Result<Value, (ErrorKind, String)> {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    let mut hello = Vec::new();
    Hello::new(DEFAULT_MAX_BODY).write(&mut hello).unwrap();
    file("hello", &hello);
    file("ready", &frame(1, &Message::Answer(None)));
    file("answer", answer);
    let at = |name: &str| Path::display(&directory.path().join(name)).to_string();
    let script = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\nhear() {{ n=$(head -c 16 <&3 | od -An -tu4 -N4); head -c $n <&3 >/dev/null; }}\n\
         cat {} >&3; hear; hear; cat {} >&3; hear; cat {} >&3; cat <&3 >/dev/null\n",
        at("hello"),
        at("ready"),
        at("answer")
    );
    file("host", script.as_bytes());
    fs::set_permissions(directory.path().join("host"), fs::Permissions::from_mode(0o755)).unwrap();
    let built =
        builder(&["greeter"], directory.path(), Placement::Process).child_program(directory.path().join("host"));
    let plugins = built.build().await.unwrap();
    let request = plugins.call(GREETER, "greet").params(json!({"name": "Ada"})).timeout(Duration::from_secs(60));
    let result = request.result().await.map_err(|error| (error.kind(), error.to_string()));
    drop(plugins.shutdown(Duration::from_secs(60)).await);
    result
}

#[tokio::test]
async fn who_breaks_one_rule_of_the_protocol_is_ended_with_the_rules_name() {
    assert_eq!(call(&frame(2, &Message::Answer(Some(b"1")))).await, Ok(json!(1)), "a child that keeps the rules");
    let line = Message::Log { level: 3, target: "", message: "m", fields: b"" };
    let question = Message::LoadState { call: 2, scope: "global" };
    let mut flagged = frame(2, &Message::Answer(Some(b"1")));
    flagged[5] |= 128;
    let mut garbled = frame(2, &line);
    let last = garbled.len() - 1;
    garbled[last] = 0xFF;
    for (answer, expected) in [
        (frame(2, &Message::Chunk { form: ChunkForm::Json, bytes: b"1" }), "which asked for something else"),
        (frame(2, &Message::Answer(None)), "which asked for something else"),
        (frame(1, &Message::Answer(None)), "which was answered already"),
        (frame(9, &Message::Answer(Some(b"1"))), "which was never asked"),
        (frame(9, &line), "which was never asked"),
        (frame(2, &Message::Cancel), "which only the other side may send"),
        (frame(0, &Message::Hello(b"APXP")), "out of order with the handshake"),
        ([frame(5, &question), frame(5, &question)].concat(), "does not follow 5"),
        (flagged, "flags"),
        (garbled, "is not UTF-8"),
    ] {
        let (kind, message) = call(&answer).await.unwrap_err();
        assert_eq!(kind, ErrorKind::ProtocolViolation, "{expected}: {message}");
        assert!(message.contains(expected), "{message}");
    }
}
