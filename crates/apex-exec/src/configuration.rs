//! A plugin's configuration, and its validator, compiled once and shared by all instances.

use std::sync::OnceLock;

use apex_meta::{Document, ErrorKind, InvalidSchema, SchemaValidator, Violation};
use serde_json::{Value, json};

use crate::{CallError, actions::invalid};

/// What a plugin's configuration has to be.
pub(crate) struct Configuration {
    schema: Option<Value>,
    // Compiled when an instance is first started: what is only listed or inspected needs none.
    validator: OnceLock<Result<SchemaValidator, InvalidSchema>>,
}

impl Configuration {
    pub(crate) fn of(document: &Document) -> Self {
        let schema = document.manifest().configuration_schema.clone().map(|mut schema| {
            schema.entry("type").or_insert_with(|| "object".into());
            Value::Object(schema)
        });
        Self { schema, validator: OnceLock::new() }
    }

    /// Fills in the defaults of a configuration and validates it; none at all is an empty one.
    ///
    /// # Errors
    /// `Configuration` with every violation; `PluginInvalid` where the schema itself is unusable.
    pub(crate) fn complete(&self, configuration: &mut Value) -> Result<(), CallError> {
        if configuration.is_null() {
            *configuration = json!({});
        }
        let Some(validator) = self.validator()? else { return Ok(()) };
        validator.fill_defaults(configuration);
        validator.validate(configuration).map_err(|violations| refused(&violations))
    }

    /// The validator, if there is a schema.
    fn validator(&self) -> Result<Option<&SchemaValidator>, CallError> {
        let Some(schema) = &self.schema else { return Ok(None) };
        let validator = self.validator.get_or_init(|| SchemaValidator::compile(schema)).as_ref();
        validator
            .map(Some)
            .map_err(|error| CallError::new(ErrorKind::PluginInvalid, format!("`configuration_schema`: {error}")))
    }
}

fn refused(violations: &[Violation]) -> CallError {
    let missing = violations.iter().filter_map(|violation| violation.member.as_deref());
    let missing: Vec<_> = missing.map(|member| format!("`{member}`")).collect();
    let hint = match missing.is_empty() {
        true => "check the configuration of the plugin".to_owned(),
        false => format!("check the configuration of the plugin, in particular {}", missing.join(", ")),
    };
    invalid(ErrorKind::Configuration, "configuration", violations).with_hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    fn of(schema: &Value) -> Configuration {
        let document = Document::from_value(json!({
            "name": "a", "id": "a", "version": "1.0.0", "description": "a", "author": "a", "entry_point": "a::B",
            "actions": [], "configuration_schema": schema,
        }));
        Configuration::of(&document.unwrap())
    }

    #[test]
    fn the_schema_is_compiled_once_whatever_is_validated() {
        let configuration = of(&json!({"properties": {"port": {"type": "integer", "default": 993}}}));
        assert!(configuration.validator.get().is_none(), "nothing was started yet");
        configuration.complete(&mut json!({"port": "none"})).unwrap_err();
        let first = std::ptr::from_ref(configuration.validator().unwrap().unwrap());
        let mut given = Value::Null;
        configuration.complete(&mut given).unwrap();
        assert_eq!(given, json!({"port": 993}), "an absent configuration is given its defaults");
        assert_eq!(std::ptr::from_ref(configuration.validator().unwrap().unwrap()), first);
    }

    #[test]
    fn what_is_missing_is_named_in_the_hint_and_only_an_object_will_do() {
        let configuration = of(&json!({"required": ["server", "user"]}));
        let error = configuration.complete(&mut json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert_eq!(error.hint(), Some("check the configuration of the plugin, in particular `server`, `user`"));
        assert_eq!(configuration.complete(&mut json!([])).unwrap_err().kind(), ErrorKind::Configuration);
    }

    #[test]
    fn an_unusable_schema_blames_the_plugin() {
        let error = of(&json!({"$ref": "#/$defs/none"})).complete(&mut json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PluginInvalid);
        assert!(error.message().contains("`configuration_schema`"), "{error}");
    }
}
