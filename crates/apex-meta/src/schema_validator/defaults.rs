//! Filling in a schema's defaults.

use serde_json::{Map, Value};

use super::keywords::resolve;

/// The most values that are filled in: a small schema can ask for many in each item of a long array.
const MAX_FILLED: usize = 1_000_000;

pub(super) fn fill(schema: &Value, instance: &mut Value) {
    Filling { root: schema, left: MAX_FILLED }.value(schema, instance);
}

struct Filling<'a> {
    root: &'a Value,
    left: usize,
}

/// The recursion ends because schemas are acyclic and bounded in depth: `SchemaValidator` takes no others.
impl<'a> Filling<'a> {
    fn value(&mut self, schema: &'a Value, instance: &mut Value) {
        let Value::Object(keywords) = schema else { return };
        match instance {
            Value::Object(members) => self.members(keywords, members),
            Value::Array(items) => self.items(keywords, items),
            _ => {}
        }
        // What the schema says itself goes before what it takes over.
        if let Some(target) = self.target(keywords) {
            self.value(target, instance);
        }
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.value(part, instance);
        }
    }

    fn target(&self, keywords: &'a Map<String, Value>) -> Option<&'a Value> {
        resolve(self.root, keywords.get("$ref")?.as_str()?)
    }

    fn members(&mut self, keywords: &'a Map<String, Value>, members: &mut Map<String, Value>) {
        let properties = keywords.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            if !members.contains_key(name)
                && let Some(default) = self.default(schema)
                && let Some(left) = self.left.checked_sub(values_in(default))
            {
                self.left = left;
                members.insert(name.clone(), default.clone());
            }
            if let Some(member) = members.get_mut(name) {
                self.value(schema, member);
            }
        }
        let Some(additional) = keywords.get("additionalProperties").filter(|schema| schema.is_object()) else { return };
        // Which members match a pattern only the validator knows; none of them is additional.
        if keywords.contains_key("patternProperties") {
            return;
        }
        for (name, member) in members {
            if properties.is_none_or(|properties| !properties.contains_key(name)) {
                self.value(additional, member);
            }
        }
    }

    fn items(&mut self, keywords: &'a Map<String, Value>, items: &mut [Value]) {
        let first = keywords.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, item) in items.iter_mut().enumerate() {
            if let Some(schema) = first.get(index).or_else(|| keywords.get("items")) {
                self.value(schema, item);
            }
        }
    }

    /// The default that a member's schema states, or the schema that it refers to.
    fn default(&self, schema: &'a Value) -> Option<&'a Value> {
        let keywords = schema.as_object()?;
        keywords.get("default").or_else(|| self.default(self.target(keywords)?))
    }
}

fn values_in(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(values_in).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(values_in).sum::<usize>(),
        _ => 1,
    }
}
