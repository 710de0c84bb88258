//! What a plugin says about itself.

use apex_plugin_sdk::{PluginModule, export_plugin, linked, plugin, serde_json::json, testing::Harness};
use serde_json::Value;

use crate::{actions::Desk, life::Counter};

fn actions() -> Vec<Value> {
    let description = Harness::<Desk>::description().unwrap().to_json();
    assert_eq!(description["id"], "com.acme.desk");
    description["actions"].as_array().unwrap().clone()
}

fn action(name: &str) -> Value {
    actions().into_iter().find(|action| action["name"] == name).unwrap()
}

#[test]
fn an_action_is_described_by_its_signature_and_its_comments() {
    assert_eq!(
        action("greet"),
        json!({
            "name": "greet",
            "description": "Greets a person.\n\nWhatever the hour.",
            "parameters": [
                {"name": "name", "type": "string", "description": "Who to greet.", "required": true, "minLength": 1, "maxLength": 200},
                {"name": "greeting", "type": "string", "default": "Hello"},
                {"name": "times", "type": "integer", "minimum": 0, "maximum": 255},
            ],
            "returns": {"type": "string"},
            "read_only": true,
            "idempotent": true,
            "examples": [
                {"params": {"name": "Ada"}, "result": "Hello, Ada!"},
                {"params": {"name": "Ada", "greeting": "Hi", "times": 2}, "run": true},
            ],
        })
    );
    let work = action("work");
    assert_eq!(work["supports_progress_reporting"], true);
    assert_eq!(work["timeout_ms"], 5000);
    assert_eq!(
        work["parameters"],
        json!([{"name": "steps", "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64, "default": 0}])
    );
    let read = action("read-number");
    assert_eq!((&read["blocking"], &read["destructive"]), (&json!(true), &json!(false)));
}

#[test]
fn parameters_of_a_type_of_their_own_are_a_whole_schema() {
    let action = action("move");
    assert_eq!(action.get("parameters"), None);
    let schema = &action["parameters_schema"];
    assert_eq!(schema["required"], json!(["to", "type"]));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["$defs"]["Place"]["properties"]["x"]["minimum"], i32::MIN);
    assert_eq!(schema["$defs"]["Place"]["properties"]["x"]["description"], "How far to the east.");
}

#[test]
fn streams_say_what_they_hold() {
    assert_eq!(action("count")["returns_stream"], true);
    assert_eq!(action("count")["stream_metadata"], json!({"content_type": "application/json"}));
    assert_eq!(action("bytes")["stream_metadata"], json!({"content_type": "application/octet-stream"}));
}

#[test]
fn the_configuration_is_described_by_its_type() {
    let description = Harness::<Counter>::description().unwrap().to_json();
    assert_eq!(description["configuration_schema"]["properties"]["step"]["default"], 1);
    assert_eq!(description["configuration_schema"]["type"], "object");
}

/// What is described is a manifest, once name and author are added.
#[test]
fn a_description_is_most_of_a_valid_manifest() {
    for description in [Harness::<Desk>::description(), Harness::<Counter>::description()] {
        let mut manifest = description.unwrap().to_json();
        let rest = json!({"name": "n", "version": "1.0.0", "description": "d", "author": "a", "entry_point": "a::B"});
        manifest.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let report = apex_meta::check(manifest.to_string().as_bytes());
        assert!(report.faults().is_empty() && report.warnings().is_empty(), "{report:#?}");
    }
}

struct Exported;

#[plugin(id = "com.acme.exported")]
impl Exported {
    #[init]
    fn new() -> Self {
        Self
    }
}

export_plugin!(Exported);

#[test]
fn the_module_passes_the_description_on() {
    let described =
        |module: PluginModule| module.describe().unwrap().map(|bytes| serde_json::from_slice(&bytes).unwrap());
    let description: Option<Value> = described(linked::<Exported>());
    assert_eq!(description, Some(json!({"id": "com.acme.exported", "actions": []})));
}
