//! JSON Schema validation: the only module that knows which library does it.

use std::fmt;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// A JSON Schema (2020-12), compiled once to validate many values.
///
/// Patterns are matched in linear time, and nothing is ever fetched.
#[derive(Clone)]
pub struct SchemaValidator {
    schema: Value,
    validator: Validator,
}

impl fmt::Debug for SchemaValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SchemaValidator").field(&self.schema).finish()
    }
}

/// One way in which a value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The JSON pointer (RFC 6901) of the value at fault.
    pub pointer: String,
    /// What was expected and what was found.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

/// Why a JSON value is not a usable schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON Schema: {message}")]
pub struct InvalidSchema {
    message: String,
}

impl SchemaValidator {
    /// Compiles a schema.
    ///
    /// # Errors
    /// The value is not a JSON Schema of draft 2020-12.
    pub fn compile(schema: &Value) -> Result<Self, InvalidSchema> {
        let validator = jsonschema::options()
            .offline()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map_err(|error| InvalidSchema { message: error.to_string() })?;
        Ok(Self { schema: schema.clone(), validator })
    }

    /// Whether the value fits.
    pub fn is_valid(&self, instance: &Value) -> bool {
        self.validator.is_valid(instance)
    }

    /// Validates a value.
    ///
    /// # Errors
    /// Every violation.
    pub fn validate(&self, instance: &Value) -> Result<(), Vec<Violation>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        Err(self
            .validator
            .iter_errors(instance)
            .map(|error| Violation { pointer: error.instance_path().to_string(), message: error.to_string() })
            .collect())
    }

    /// Fills in the defaults that the schema states for absent members.
    pub fn fill_defaults(&self, instance: &mut Value) {
        fill(&self.schema, instance);
    }
}

fn fill(schema: &Value, instance: &mut Value) {
    if let (Some(properties), Value::Object(members)) = (schema.get("properties").and_then(Value::as_object), instance)
    {
        for (name, property) in properties {
            if let (false, Some(default)) = (members.contains_key(name), property.get("default")) {
                members.insert(name.clone(), default.clone());
            }
            if let Some(member) = members.get_mut(name) {
                fill(property, member);
            }
        }
    }
}
