//! Actions: what a plugin can do, and the schemas of what goes in and comes out.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::member;

/// An action's name, `[A-Za-z][A-Za-z0-9_-]{0,63}`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionName(Box<str>);

impl ActionName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActionName {
    type Err = InvalidActionName;

    fn from_str(text: &str) -> Result<Self, InvalidActionName> {
        let valid = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if valid { Ok(Self(text.into())) } else { Err(InvalidActionName { text: text.chars().take(80).collect() }) }
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ActionName({})", self.0)
    }
}

impl Serialize for ActionName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ActionName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}

/// Why a text is not an action's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an action name: a letter, then up to 63 letters, digits, `_` or `-`", text.escape_debug())]
pub struct InvalidActionName {
    text: String,
}

/// One thing that a plugin can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Action", extend("allOf" = [
    {"not": {"required": ["parameters", "parameters_schema"]}},
    {"not": {"required": ["returns", "returns_schema"]}},
])))]
pub struct Action {
    /// The name, unique in the plugin.
    pub name: ActionName,
    /// What it does, for people and models.
    #[serde(deserialize_with = "member::non_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["Greets a person."])))]
    pub description: String,
    /// The parameters one by one; excludes `parameters_schema`.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{"name": "who", "type": "string", "description": "Whom to greet.", "required": true, "minLength": 1}]])))]
    pub parameters: Option<Vec<Parameter>>,
    /// The parameters as a JSON Schema of an object; excludes `parameters`.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"type": "object", "properties": {"who": {"type": "string"}}, "required": ["who"], "additionalProperties": false}])))]
    pub parameters_schema: Option<Map<String, Value>>,
    /// What comes back, as a JSON Schema; excludes `returns_schema`.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"type": "string"}])))]
    pub returns: Option<Map<String, Value>>,
    /// What comes back, as a JSON Schema; excludes `returns`.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"type": "object", "properties": {"greeting": {"type": "string"}}}])))]
    pub returns_schema: Option<Map<String, Value>>,
    /// Whether it reports progress.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub supports_progress_reporting: bool,
    /// Whether its result is a stream of chunks.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub returns_stream: bool,
    /// What the stream holds: `content_type` and free keys.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"content_type": "application/json"}])))]
    pub stream_metadata: Option<Map<String, Value>>,
    /// Whether it blocks its thread, and so must run off the asynchronous workers.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub blocking: bool,
    /// The deadline of a call that sets none, in milliseconds, at least 1.
    #[serde(default, deserialize_with = "member::positive", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("examples" = [30000])))]
    pub timeout_ms: Option<u64>,
    /// Hint: it changes nothing.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub read_only: Option<bool>,
    /// Hint: what it changes may be lost for good.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub destructive: Option<bool>,
    /// Hint: doing it twice is the same as doing it once.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub idempotent: Option<bool>,
    /// Hint: it talks to a world outside the plugin and the host.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub open_world: Option<bool>,
    /// Examples of calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [[{"params": {"who": "Ada"}, "result": "Hello, Ada!"}]])))]
    pub examples: Vec<Example>,
    /// Members that this release does not know, `x-…` extensions among them.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// An example of a call: the parameters, and the result where it is always the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Example"))]
pub struct Example {
    /// The parameters, an object.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [{"who": "Ada"}])))]
    pub params: Map<String, Value>,
    /// The result, where it is fixed.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["Hello, Ada!"])))]
    pub result: Option<Value>,
    /// Whether a test may run it although the action is not `read_only`.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub run: bool,
    /// Members that this release does not know.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// One parameter of an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(title = "Parameter"))]
pub struct Parameter {
    /// The key in the parameters object.
    #[serde(deserialize_with = "member::non_empty")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1), extend("examples" = ["who"])))]
    pub name: String,
    /// The JSON type: `string number integer boolean array object null`.
    #[serde(rename = "type", deserialize_with = "member::json_type")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["string"], "enum" = member::JSON_TYPES)))]
    pub kind: String,
    /// What it means.
    #[serde(default, deserialize_with = "member::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["Whom to greet."])))]
    pub description: Option<String>,
    /// Whether a call must give it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(extend("examples" = [true])))]
    pub required: bool,
    /// Further JSON Schema keywords, such as `items`, `enum`, `default` or `minimum`.
    #[serde(flatten)]
    pub keywords: Map<String, Value>,
}

impl Action {
    /// The JSON Schema of the parameters object, whichever way the manifest writes it.
    ///
    /// From the array form, an object schema is built that allows no other keys; an action that declares neither
    /// takes no parameters.
    pub fn parameters_object_schema(&self) -> Value {
        if let Some(schema) = &self.parameters_schema {
            let mut schema = schema.clone();
            schema.entry("type").or_insert_with(|| "object".into());
            return Value::Object(schema);
        }
        let mut properties = Map::new();
        let mut required = Vec::new();
        for parameter in self.parameters.iter().flatten() {
            let mut schema = parameter.keywords.clone();
            schema.insert("type".into(), parameter.kind.clone().into());
            if let Some(description) = &parameter.description {
                schema.insert("description".into(), description.clone().into());
            }
            properties.insert(parameter.name.clone(), Value::Object(schema));
            if parameter.required {
                required.push(Value::from(parameter.name.clone()));
            }
        }
        serde_json::json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
    }

    /// The JSON Schema of the result, if the manifest declares one.
    pub fn returns_value_schema(&self) -> Option<&Map<String, Value>> {
        self.returns_schema.as_ref().or(self.returns.as_ref())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use proptest::prelude::*;
    use serde_json::json;

    use super::{Action, ActionName};

    fn action(members: &serde_json::Value) -> Action {
        let mut action = json!({"name": "a", "description": "d"});
        action.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        serde_json::from_value(action).unwrap()
    }

    /// R1.5
    #[test]
    fn the_list_of_parameters_becomes_the_schema_of_an_object() {
        let action = action(&json!({"parameters": [
            {"name": "to", "type": "string", "description": "Whom.", "required": true, "minLength": 1},
            {"name": "among", "type": "array", "items": {"type": "string"}, "default": []},
        ]}));
        assert_eq!(
            action.parameters_object_schema(),
            json!({
                "type": "object",
                "properties": {
                    "to": {"type": "string", "description": "Whom.", "minLength": 1},
                    "among": {"type": "array", "items": {"type": "string"}, "default": []},
                },
                "required": ["to"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn a_whole_schema_is_taken_as_it_is_and_none_means_no_parameters() {
        let schema = action(&json!({"parameters_schema": {"minProperties": 1}})).parameters_object_schema();
        assert_eq!(schema, json!({"type": "object", "minProperties": 1}));
        let schema = action(&json!({})).parameters_object_schema();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"], json!({}));
    }

    #[test]
    fn either_member_for_the_result_will_do() {
        for member in ["returns", "returns_schema"] {
            let action = action(&json!({member: {"type": "string"}}));
            assert_eq!(action.returns_value_schema().unwrap()["type"], "string");
        }
        assert_eq!(action(&json!({})).returns_value_schema(), None);
    }

    proptest! {
        #[test]
        fn a_name_is_a_letter_and_up_to_63_more(text in "[A-Za-z0-9_ -]{0,66}") {
            let well_formed = (1..=64).contains(&text.len())
                && text.starts_with(|c: char| c.is_ascii_alphabetic())
                && !text.contains(' ');
            let parsed = text.parse::<ActionName>();
            prop_assert_eq!(parsed.is_ok(), well_formed);
            if let Ok(name) = parsed {
                prop_assert_eq!(name.to_string(), text);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,70}") {
            _ = text.parse::<ActionName>().map_err(|error| error.to_string());
        }
    }
}
