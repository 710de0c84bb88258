//! JSON Schema validation: the only room that knows which library does it.

use std::{fmt, sync::Arc};

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

use crate::FaultCode;

mod defaults;
mod describe;
mod keywords;
mod plain;
mod shape;

pub(crate) use describe::{found, quoted};
pub(crate) use keywords::KEYWORDS;

#[cfg(test)]
mod tests;

/// A JSON Schema (2020-12), compiled once to validate many values.
///
/// Patterns are matched in linear time, nothing is ever fetched, and `$ref`s stay inside the schema and form no circle,
/// so that neither a schema nor a value can make validation run away. `format` is an annotation, as the standard has it.
///
/// ```
/// use apex_meta::SchemaValidator;
/// use serde_json::json;
///
/// let schema = json!({"type": "object", "properties": {"name": {"type": "string"}, "times": {"type": "integer", "default": 1}}});
/// let validator = SchemaValidator::compile(&schema).unwrap();
/// let mut params = json!({"name": 5});
/// validator.fill_defaults(&mut params);
/// assert_eq!(params["times"], 1);
/// let violations = validator.validate(&params).unwrap_err();
/// assert_eq!(violations[0].to_string(), "/name: expected a string, found the number 5");
/// ```
#[derive(Clone)]
pub struct SchemaValidator {
    schema: Arc<Value>,
    validator: Arc<Validator>,
    has_defaults: bool,
}

/// One way in which a value does not fit its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The JSON pointer (RFC 6901) of the value at fault; of the object, where a member is missing or not allowed.
    pub pointer: String,
    /// The schema's keyword that it breaks, such as `required`.
    pub keyword: String,
    /// The member that is missing or not allowed, where that is the fault.
    pub member: Option<String>,
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

/// What a schema was found to be without having been compiled for use.
pub(crate) struct Examination {
    /// Why it is not a usable schema.
    pub(crate) faults: Vec<InvalidSchema>,
    /// How many values it consists of once its `$ref`s are written out.
    pub(crate) nodes: u64,
    pub(crate) patterns: usize,
}

/// Why a JSON value is not a usable schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSchema {
    code: FaultCode,
    pointer: String,
    message: String,
}

impl InvalidSchema {
    /// The stable error code: `InvalidSchema`, `RefNotLocal`, `RefUnresolved`, `RefCyclic` or `SchemaTooComplex`.
    pub fn code(&self) -> FaultCode {
        self.code
    }

    /// The JSON pointer (RFC 6901) into the schema.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for InvalidSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid JSON Schema")?;
        if !self.pointer.is_empty() {
            write!(f, " at {}", self.pointer)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for InvalidSchema {}

impl SchemaValidator {
    /// The most values that a schema may consist of once its `$ref`s are written out.
    pub const MAX_EXPANDED_NODES: u64 = 10_000;

    /// The deepest nesting of a schema once its `$ref`s are written out.
    pub const MAX_EXPANDED_DEPTH: usize = 96;

    /// The most patterns (`pattern`, `patternProperties`) in one schema.
    pub const MAX_PATTERNS: usize = 100;

    /// The most violations that [`SchemaValidator::validate`] reports.
    pub const MAX_VIOLATIONS: usize = 1000;

    /// Compiles a schema.
    ///
    /// # Errors
    /// The first reason why the value is not a JSON Schema of draft 2020-12 with local, acyclic `$ref`s and within the
    /// limits.
    pub fn compile(schema: &Value) -> Result<Self, InvalidSchema> {
        let shape = shape::examine(schema);
        if let Some(fault) = shape.faults.into_iter().next() {
            return Err(fault);
        }
        Ok(Self {
            validator: Arc::new(build(schema)?),
            schema: Arc::new(schema.clone()),
            has_defaults: shape.has_defaults,
        })
    }

    /// Looks for every reason why a value is not a usable schema, and compiles it only if nothing else can tell.
    pub(crate) fn examine(schema: &Value) -> Examination {
        if let Some(nodes) = plain::size(schema) {
            return Examination { faults: Vec::new(), nodes, patterns: 0 };
        }
        let shape::Shape { mut faults, size, patterns, needs_compiling, .. } = shape::examine(schema);
        if faults.is_empty() {
            let meta = jsonschema::draft202012::meta::validator();
            let errors = meta.iter_errors(schema).take(Self::MAX_VIOLATIONS);
            faults = errors.map(|error| describe::invalid_schema(&error)).collect();
        }
        // What the meta-schema does not see: patterns, and targets of `$ref` where it expects no schema.
        if faults.is_empty() && needs_compiling {
            faults.extend(build(schema).err());
        }
        Examination { faults, nodes: size.nodes, patterns }
    }

    /// How many values schemas of these keywords consist of, if each is plainly right; the answer costs next to nothing.
    pub(crate) fn size_if_plain<'v>(keywords: impl Iterator<Item = (&'v str, &'v Value)>) -> Option<u64> {
        plain::size_of_keywords(keywords)
    }

    /// Whether the value fits.
    pub fn is_valid(&self, instance: &Value) -> bool {
        self.validator.is_valid(instance)
    }

    /// Validates a value.
    ///
    /// # Errors
    /// Every violation, up to [`SchemaValidator::MAX_VIOLATIONS`].
    pub fn validate(&self, instance: &Value) -> Result<(), Vec<Violation>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        let errors = self.validator.iter_errors(instance);
        Err(errors.flat_map(|error| describe::violations(&error)).take(Self::MAX_VIOLATIONS).collect())
    }

    /// Fills in the schema's defaults for absent members, in nested objects and in items of arrays as well.
    ///
    /// A default is taken from the member's own schema or, through `$ref`, from its target; what `allOf` joins counts,
    /// what `anyOf`, `oneOf`, `if` and `not` only weigh does not. Members that are there stay as they are. At most a
    /// million values are filled in.
    pub fn fill_defaults(&self, instance: &mut Value) {
        if self.has_defaults {
            defaults::fill(&self.schema, instance);
        }
    }
}

fn build(schema: &Value) -> Result<Validator, InvalidSchema> {
    jsonschema::options()
        .offline()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex().size_limit(1 << 18))
        .build(schema)
        .map_err(|error| describe::invalid_schema(&error))
}

impl fmt::Debug for SchemaValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SchemaValidator").field(&self.schema).finish()
    }
}
