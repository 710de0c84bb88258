//! What a validator's error says, as "expected this, found that".

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::{InvalidSchema, Violation};
use crate::FaultCode;

/// The violations that one error stands for: one for each member that is not allowed.
pub(super) fn violations(error: &ValidationError<'_>) -> Vec<Violation> {
    let violation = |member: Option<&str>, message: String| Violation {
        pointer: error.instance_path().to_string(),
        keyword: error.kind().keyword().to_owned(),
        member: member.map(str::to_owned),
        message,
    };
    match error.kind() {
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| violation(Some(name), format!("{} is not allowed here", quoted(name))))
            .collect(),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![violation(Some(name), format!("{} is missing", quoted(name)))]
        }
        _ => vec![violation(None, message(error))],
    }
}

/// Why a schema is none, from an error of the meta-schema or of compiling.
pub(super) fn invalid_schema(error: &ValidationError<'_>) -> InvalidSchema {
    let pointer = error.instance_path().to_string();
    let message = match error.instance().as_ref() {
        Value::String(name) if pointer.ends_with("/type") => {
            format!("expected one of {}, found {}", crate::member::JSON_TYPES.join(", "), quoted(name))
        }
        _ => message(error),
    };
    InvalidSchema { code: FaultCode::InvalidSchema, pointer, message }
}

fn message(error: &ValidationError<'_>) -> String {
    let instance = error.instance();
    let found = || found(instance);
    match error.kind() {
        Kind::Type { kind } => format!("expected {}, found {}", expected_types(kind), found()),
        Kind::Enum { options } => format!("expected one of {}, found {}", list(options), found()),
        Kind::Constant { expected_value } => {
            format!("expected {}, found {}", cut(&expected_value.to_string()), found())
        }
        Kind::Minimum { limit } => format!("expected at least {limit}, found {}", found()),
        Kind::Maximum { limit } => format!("expected at most {limit}, found {}", found()),
        Kind::ExclusiveMinimum { limit } => format!("expected more than {limit}, found {}", found()),
        Kind::ExclusiveMaximum { limit } => format!("expected less than {limit}, found {}", found()),
        Kind::MultipleOf { multiple_of } => format!("expected a multiple of {multiple_of}, found {}", found()),
        Kind::MinLength { limit: 1 } => "expected a text that is not empty".to_owned(),
        Kind::MinLength { limit } => format!("expected at least {}, found {}", count(*limit, "character"), found()),
        Kind::MaxLength { limit } => format!("expected at most {}, found {}", count(*limit, "character"), found()),
        Kind::MinItems { limit } => format!("expected at least {}, found {}", count(*limit, "item"), found()),
        Kind::MaxItems { limit } => format!("expected at most {}, found {}", count(*limit, "item"), found()),
        Kind::MinProperties { limit } => format!("expected at least {}, found {}", count(*limit, "member"), found()),
        Kind::MaxProperties { limit } => format!("expected at most {}, found {}", count(*limit, "member"), found()),
        Kind::Pattern { pattern } => format!("expected a text that matches {}, found {}", quoted(pattern), found()),
        Kind::UniqueItems => "expected items that differ from each other".to_owned(),
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            format!("expected one of {} forms, and {} fits none of them", context.len(), found())
        }
        Kind::OneOfMultipleValid { .. } => format!("expected exactly one form, and {} fits several", found()),
        Kind::FalseSchema => format!("nothing is allowed here, found {}", found()),
        Kind::Not { .. } => format!("{} is ruled out", found()),
        _ => cut(&error.to_string()),
    }
}

fn expected_types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(only) => with_article(only.as_str()).to_owned(),
        TypeKind::Multiple(several) => {
            several.iter().map(|one| with_article(one.as_str())).collect::<Vec<_>>().join(" or ")
        }
    }
}

fn with_article(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "number" => "a number",
        "integer" => "an integer",
        "boolean" => "true or false",
        "array" => "an array",
        "object" => "an object",
        _ => "null",
    }
}

/// A value as the reader of a message wants to see it: scalars in full, as far as they are short.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::String(text) => format!("the string {}", quoted(text)),
        Value::Array(items) => format!("an array of {}", count(items.len() as u64, "item")),
        Value::Object(members) => format!("an object of {}", count(members.len() as u64, "member")),
    }
}

fn list(options: &Value) -> String {
    let options: Vec<_> = options.as_array().into_iter().flatten().map(Value::to_string).collect();
    cut(&options.join(", "))
}

fn count(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", cut(&text.escape_debug().to_string()))
}

/// Long texts say no more than their start.
fn cut(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
