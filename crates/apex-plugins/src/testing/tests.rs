//! Each kind of step and end, as a host sees it.

use std::time::Duration;

use futures::executor::block_on;
use serde_json::{Value, json};

use super::*;
use crate::{Call, CallEvent, ErrorKind, PluginManager};

const ID: &str = "com.acme.fake";

fn manager(fake: &FakePlugin) -> PluginManager {
    block_on(PluginManager::builder().builtin(&fake.manifest(), fake.module()).unwrap().build()).unwrap()
}

/// A call of the one action of a plugin that plays this script.
fn playing(script: Script) -> Call {
    manager(&FakePlugin::new(ID).action("act", script)).call(ID, "act").timeout(Duration::from_secs(20))
}

/// The events of a script as text.
fn told(script: Script) -> Vec<String> {
    let events = playing(script).events_blocking();
    events
        .map(|event| match event {
            CallEvent::Progress(progress) => format!("{}%", progress.percentage.unwrap()),
            CallEvent::Chunk(chunk) => chunk.to_string(),
            CallEvent::Bytes(bytes) => format!("{} bytes", bytes.len()),
            CallEvent::Done(result) => format!("done {result}"),
            CallEvent::Failed(error) => error.code().to_owned(),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn steps_come_in_order_and_then_the_one_end() {
    let millisecond = Duration::from_millis(1);
    assert_eq!(told(Script::new()), ["done null"]);
    let script = Script::new().progress(10.0, "a").delay(millisecond).progress(20.0, "b").reply(json!(7));
    assert_eq!(told(script), ["10%", "20%", "done 7"]);
    let stream = Script::stream().chunk(json!([1])).delay(millisecond).progress(5.0, "").bytes(vec![1, 2]);
    assert_eq!(told(stream.clone()), ["[1]", "5%", "2 bytes", "done null"]);
    assert_eq!(told(stream.fail(ErrorKind::Execution, "no")), ["[1]", "5%", "2 bytes", "Execution"]);
    assert_eq!(told(Script::stream()), ["done null"]);
}

#[test]
fn every_end_is_what_a_host_would_see() {
    let ends: [(Script, &str); 8] = [
        (Script::new().reply(json!("r")), "done \"r\""),
        (Script::new().hold(Duration::from_millis(1)).reply_with(|params| json!(params.to_string())), "done \"{}\""),
        (Script::new().fail(ErrorKind::ResourceNotFound, "gone"), "ResourceNotFound"),
        (Script::new().crash(), "PluginCrashed"),
        (Script::stream().crash(), "PluginCrashed"),
        (Script::new().panic("on purpose"), "PluginPanicked"),
        (Script::new().reply_raw(b"{"), "ProtocolViolation"),
        (Script::stream().raw_chunk(b"["), "ProtocolViolation"),
    ];
    for (script, expected) in ends {
        let shown = format!("{script:?}");
        assert_eq!(told(script), [expected], "{shown}");
    }
    let error = playing(Script::new().never()).timeout(Duration::from_millis(10)).result_blocking().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
}

#[test]
fn calls_are_noted_as_the_plugin_got_them_and_play_one_script_after_another() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "default": 3}}});
    let fake = FakePlugin::new(ID)
        .version("2.1.0")
        .action("act", Script::new().parameters(schema).echo())
        .action("act", Script::new().reply(json!("from now on")));
    let plugins = manager(&fake);
    let context = CallContext { user: Some("ada".into()), ..CallContext::default() };
    let call = |params: Value| plugins.call(format!("{ID}@=2.1.0"), "act").params(params).context(context.clone());
    assert_eq!(call(json!({})).result_blocking().unwrap(), json!({"n": 3}));
    assert_eq!(call(json!({"n": "x"})).result_blocking().unwrap_err().kind(), ErrorKind::InvalidParameters);
    for _ in 0..2 {
        assert_eq!(call(json!({"n": 4})).result_blocking().unwrap(), "from now on");
    }
    let got = |n| FakeCall { action: "act".into(), params: json!({"n": n}), context: context.clone() };
    assert_eq!(fake.calls(), [got(3), got(4), got(4)], "what was refused never reached it");
}

#[test]
fn other_members_of_the_manifest_can_be_set() {
    let fake = FakePlugin::new(ID).member("tags", json!(["test"])).action("act", Script::new());
    let plugins = manager(&fake);
    assert_eq!(plugins.catalogue().entries()[0].manifest().unwrap().tags, ["test"]);
}
