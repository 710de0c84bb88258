//! What a plugin says about itself: the members of its `plugin.json` that follow from the code.

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::transform_subschemas};
use serde_json::{Map, Value, json};

/// The members of a plugin's `plugin.json` that follow from its code: id, actions and the schema of its configuration.
///
/// [`#[plugin]`](macro@crate::plugin) makes one. Name, author and the like stand in the crate's `Cargo.toml`; whoever packages the
/// plugin puts both together.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    members: Map<String, Value>,
    actions: Vec<Value>,
}

impl Description {
    /// A description of a plugin without actions.
    #[doc(hidden)]
    pub fn new(id: &str) -> Self {
        Self { members: Map::from_iter([("id".to_owned(), id.into())]), actions: Vec::new() }
    }

    /// Says what the configuration looks like.
    #[doc(hidden)]
    pub fn configuration<C: JsonSchema>(&mut self) {
        self.members.insert("configuration_schema".to_owned(), schema_of::<C>().into());
    }

    /// Adds an action.
    #[doc(hidden)]
    pub fn action(&mut self, action: ActionDescription) {
        self.actions.push(action.0.into());
    }

    /// The members, as they stand in `plugin.json`.
    pub fn to_json(&self) -> Value {
        let mut members = self.members.clone();
        members.insert("actions".to_owned(), self.actions.clone().into());
        members.into()
    }
}

/// What an action looks like, as `#[plugin]` says it.
#[doc(hidden)]
pub struct ActionDescription(Map<String, Value>);

impl ActionDescription {
    pub fn new(name: &str, description: &str) -> Self {
        Self(Map::new()).with("name", name).with("description", description)
    }

    #[must_use]
    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.insert(member.to_owned(), value.into());
        self
    }

    /// The parameters, in the order of their names.
    #[must_use]
    pub fn parameters<P: JsonSchema>(self, names: &[&str]) -> Self {
        let schema = without_null_members(schema_of::<P>());
        match one_by_one(&schema, names) {
            Some(parameters) => self.with("parameters", parameters),
            None => self.with("parameters_schema", schema),
        }
    }

    /// What comes back.
    #[must_use]
    pub fn returns<R: JsonSchema>(self) -> Self {
        let schema = schema_of::<R>();
        if schema.is_empty() { self } else { self.with("returns", schema) }
    }

    /// That a stream comes back.
    #[must_use]
    pub fn streams(self, content_type: &str) -> Self {
        self.with("returns_stream", true).with("stream_metadata", json!({"content_type": content_type}))
    }

    #[must_use]
    pub fn flag(self, member: &str, value: bool) -> Self {
        self.with(member, value)
    }

    #[must_use]
    pub fn timeout_ms(self, time: u64) -> Self {
        self.with("timeout_ms", time)
    }

    /// An example; `runs` lets tests run it although the action changes something.
    #[must_use]
    pub fn example(mut self, params: Value, result: Option<Value>, runs: bool) -> Self {
        let mut example = Map::from_iter([("params".to_owned(), params)]);
        example.extend(result.map(|result| ("result".to_owned(), result)));
        if runs {
            example.insert("run".to_owned(), true.into());
        }
        if let Value::Array(examples) = self.0.entry("examples").or_insert_with(|| json!([])) {
            examples.push(example.into());
        }
        self
    }
}

/// The schema of a type as it stands in a manifest; empty if any value will do.
fn schema_of<T: JsonSchema>() -> Map<String, Value> {
    finished(SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>())
}

fn finished(mut schema: Schema) -> Map<String, Value> {
    tidy(&mut schema);
    let Value::Object(mut members) = schema.to_value() else { return Map::new() };
    // These say of Rust what the manifest says better.
    for member in ["$schema", "title"] {
        members.remove(member);
    }
    members
}

/// Turns what schemars says of Rust's types into what JSON Schema says of values: bounds instead of `uint32`.
fn tidy(schema: &mut Schema) {
    transform_subschemas(&mut tidy, schema);
    let Some(members) = schema.as_object_mut() else { return };
    if let Some(Value::String(description)) = members.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    let format = members.get("format").and_then(Value::as_str);
    let Some((_, bounds)) = FORMATS.iter().find(|(known, _)| format == Some(known)) else { return };
    members.remove("format");
    if let Some((minimum, maximum)) = bounds {
        members.entry("minimum").or_insert_with(|| (*minimum).into());
        members.entry("maximum").or_insert_with(|| (*maximum).into());
    }
}

/// Beyond this, JSON numbers are read differently by different readers, and the host lets none through.
const EXACT: i64 = apex_meta::JsonLimits::MAX_NUMBER as i64;

/// Formats that are Rust's and not JSON Schema's, with the bounds that they stand for.
const FORMATS: &[(&str, Option<(i64, i64)>)] = &[
    ("int8", Some((i8::MIN as i64, i8::MAX as i64))),
    ("int16", Some((i16::MIN as i64, i16::MAX as i64))),
    ("int32", Some((i32::MIN as i64, i32::MAX as i64))),
    ("int64", Some((-EXACT, EXACT))),
    ("int128", Some((-EXACT, EXACT))),
    ("int", Some((-EXACT, EXACT))),
    ("uint8", Some((0, u8::MAX as i64))),
    ("uint16", Some((0, u16::MAX as i64))),
    ("uint32", Some((0, u32::MAX as i64))),
    ("uint64", Some((0, EXACT))),
    ("uint128", Some((0, EXACT))),
    ("uint", Some((0, EXACT))),
    ("float", None),
    ("double", None),
];

/// A parameter that may be left out is left out, and not `null`: one way to say nothing is enough.
fn without_null_members(mut schema: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return schema };
    for property in properties.values_mut().filter_map(Value::as_object_mut) {
        if let Some(Value::Array(types)) = property.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [only] = &types[..] {
                let only = only.clone();
                property.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = property.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != "null");
            if let [Value::Object(only)] = &choices[..] {
                let only = only.clone();
                property.remove("anyOf");
                property.extend(only);
            }
        }
        if property.get("default").is_some_and(Value::is_null) {
            property.remove("default");
        }
    }
    schema
}

/// The manifest's list of parameters, in the order of the code, if they are simple enough for one: each of one JSON type,
/// none with a definition of its own.
fn one_by_one(schema: &Map<String, Value>, names: &[&str]) -> Option<Vec<Value>> {
    let nothing = Map::new();
    let properties = schema.get("properties").map_or(Some(&nothing), Value::as_object)?;
    let is_plain = |member: &str| matches!(member, "type" | "properties" | "required" | "additionalProperties");
    if properties.len() != names.len() || !schema.keys().all(|member| is_plain(member)) {
        return None;
    }
    let required = schema.get("required").and_then(Value::as_array);
    let parameters = names.iter().map(|name| {
        let mut parameter = properties.get(*name)?.as_object()?.clone();
        parameter.get("type")?.as_str()?;
        parameter.insert("name".to_owned(), (*name).into());
        if required.is_some_and(|required| required.iter().any(|other| other == name)) {
            parameter.insert("required".to_owned(), true.into());
        }
        Some(parameter.into())
    });
    parameters.collect()
}
