//! The actions of a plugin, and their parameters' validators, compiled once and shared by all instances and calls.

use std::sync::OnceLock;

use apex_meta::{
    Action, Document, ErrorKind, InvalidSchema, JsonLimits, SchemaValidator, Violation, parse_strict_json,
};
use serde_json::{Value, json};

use crate::{CallError, suggestion::nearest};

/// How deep parameters may be nested; what `serde_json` reads on the other side.
const MAX_PARAMS_DEPTH: usize = 127;

/// The actions of a plugin, sorted by name.
pub(crate) struct Actions(Vec<Entry>);

struct Entry {
    action: Action,
    // Compiled when first needed: it takes milliseconds, and of many actions few are called.
    validator: OnceLock<Result<SchemaValidator, InvalidSchema>>,
}

impl Actions {
    pub(crate) fn of(document: &Document) -> Self {
        let entry = |action: &Action| Entry { action: action.clone(), validator: OnceLock::new() };
        let mut entries: Vec<_> = document.manifest().actions.iter().map(entry).collect();
        entries.sort_by(|left, right| left.action.name.cmp(&right.action.name));
        Self(entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, index: usize) -> &Action {
        &self.0[index].action
    }

    pub(crate) fn name(&self, index: usize) -> &str {
        self.0[index].action.name.as_str()
    }

    /// The place of the action of this name.
    ///
    /// # Errors
    /// `ActionNotFound`, with the names that there are.
    pub(crate) fn find(&self, name: &str) -> Result<usize, CallError> {
        self.0.binary_search_by(|entry| entry.action.name.as_str().cmp(name)).map_err(|_| self.not_found(name))
    }

    fn not_found(&self, name: &str) -> CallError {
        let known = || self.0.iter().map(|entry| entry.action.name.as_str());
        let shown: String = name.chars().take(80).collect();
        let error = CallError::new(ErrorKind::ActionNotFound, format!("there is no action `{}`", shown.escape_debug()))
            .with_details(json!({"actions": known().collect::<Vec<_>>()}));
        if self.0.is_empty() {
            return error.with_hint("the plugin has no actions");
        }
        let list = known().collect::<Vec<_>>().join(", ");
        match nearest(name, known()) {
            Some(name) => error.with_hint(format!("did you mean `{name}`? the plugin's actions are {list}")),
            None => error.with_hint(format!("the plugin's actions are {list}")),
        }
    }

    /// Reads parameters that came as bytes, strictly.
    pub(crate) fn parse(bytes: &[u8], max_bytes: usize) -> Result<Value, CallError> {
        parse_strict_json(bytes, JsonLimits { max_bytes, max_depth: MAX_PARAMS_DEPTH }).map_err(|error| {
            CallError::new(ErrorKind::InvalidParameters, format!("the parameters are not strict JSON: {error}"))
                .with_details(json!([{"pointer": error.pointer(), "message": error.to_string()}]))
        })
    }

    /// Fills in the defaults of an action's parameters and validates them.
    ///
    /// # Errors
    /// `InvalidParameters` with every violation; `PluginInvalid` where the schema itself is unusable.
    pub(crate) fn complete(&self, index: usize, params: &mut Value) -> Result<(), CallError> {
        let entry = &self.0[index];
        let validator = entry
            .validator
            .get_or_init(|| SchemaValidator::compile(&entry.action.parameters_object_schema()))
            .as_ref()
            .map_err(|error| {
                CallError::new(ErrorKind::PluginInvalid, format!("the schema of its parameters: {error}"))
            })?;
        validator.fill_defaults(params);
        validator
            .validate(params)
            .map_err(|violations| invalid(ErrorKind::InvalidParameters, "parameters", &violations))
    }
}

/// The error that lists every violation.
pub(crate) fn invalid(kind: ErrorKind, what: &str, violations: &[Violation]) -> CallError {
    const SHOWN: usize = 5;
    let listed = violations.iter().take(SHOWN).map(ToString::to_string);
    let rest = violations.len().saturating_sub(SHOWN);
    let rest = (rest > 0).then(|| format!("and {rest} more"));
    let listed = listed.chain(rest).collect::<Vec<_>>().join("; ");
    let details =
        violations.iter().map(|violation| json!({"pointer": violation.pointer, "message": violation.message}));
    CallError::new(kind, format!("invalid {what}: {listed}")).with_details(details.collect())
}
