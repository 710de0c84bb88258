//! Parameters that do not fit a schema, one fault at a time.

use serde_json::{Map, Value, json};

/// Parameters with one fault each, and what the fault is.
///
/// They start from parameters that fit as far as the schema's types tell; where a schema says no type, nothing is tried.
pub(super) fn parameters(schema: &Value) -> Vec<(String, Value)> {
    let mut found = vec![("a list".to_owned(), json!([])), ("a text".to_owned(), json!("text"))];
    let nothing = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&nothing);
    let is_required =
        |name: &String| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let whole: Map<String, Value> = properties
        .iter()
        .filter(|(name, _)| is_required(name))
        .map(|(name, schema)| (name.clone(), fitting(schema)))
        .collect();
    for name in whole.keys() {
        let mut params = whole.clone();
        params.remove(name);
        found.push((format!("no `{name}`"), params.into()));
    }
    for (name, schema) in properties {
        let Some(value) = misfit(schema) else { continue };
        let mut params = whole.clone();
        params.insert(name.clone(), value);
        found.push((format!("`{name}` of another type"), params.into()));
    }
    if schema["additionalProperties"] == false {
        let mut params = whole;
        params.insert("an unknown parameter".to_owned(), true.into());
        found.push(("an unknown parameter".to_owned(), params.into()));
    }
    found
}

/// A value of the schema's type.
fn fitting(schema: &Value) -> Value {
    if let Some(value) = schema.get("default").or_else(|| schema.get("const")).or_else(|| schema["enum"].get(0)) {
        return value.clone();
    }
    match schema["type"].as_str() {
        Some("string") => "text".into(),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 1.into()),
        Some("boolean") => true.into(),
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => Value::Null,
    }
}

/// A value of another type than the schema's, if it names one.
fn misfit(schema: &Value) -> Option<Value> {
    match schema["type"].as_str()? {
        "object" => Some(json!([])),
        _ => Some(json!({"of": "another type"})),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_stands_alone() {
        let schema = json!({
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {"name": {"type": "string"}, "any": {}, "times": {"type": "integer", "default": 1}},
        });
        let found = parameters(&schema);
        let named = |name: &str| found.iter().find(|(what, _)| what == name).map(|(_, params)| params.clone());
        assert_eq!(named("no `name`"), Some(json!({})));
        assert_eq!(named("`times` of another type").unwrap()["name"], "text");
        assert!(named("`name` of another type").unwrap()["name"].is_object());
        assert_eq!(named("`any` of another type"), None);
        assert!(named("an unknown parameter").is_some() && named("a list").is_some());
    }
}
