//! What a plugin said that its actions are: digests to compare with what a later version says.
//!
//! A model, and the person who watches it, chose an action by its name, description, schemas and effect hints. Where one
//! of these changes, the choice was about something else; so whoever updates a plugin compares these digests.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use apex_meta::{Action, ActionName, Digest, DigestAlgorithm, Manifest};
use serde_json::{Value, json};

/// The digests of a plugin's actions, and of the permissions that it asks for.
///
/// ```
/// use apex_meta::Document;
/// use apex_trust::Definitions;
/// let document = Document::from_value(serde_json::json!({
///     "name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0", "description": "Greets.", "author": "Acme",
///     "entry_point": "greeter::Greeter", "actions": [{"name": "greet", "description": "Greets."}],
/// }))
/// .unwrap();
/// let definitions = Definitions::of(document.manifest()).unwrap();
/// assert_eq!(definitions.actions.len(), 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definitions {
    /// For each action BLAKE3 over its name, description, schemas, stream and effect hints.
    ///
    /// Precisely over `apex-plugins/action/v1`, a zero byte, and the canonical JSON (RFC 8785) of an object with
    /// `name`, `description`, `parameters` (the schema of the object, whichever way the manifest writes it), `returns`,
    /// `returns_stream`, `stream_metadata`, `read_only`, `destructive`, `idempotent` and `open_world`; what the manifest
    /// does not say is `null` there. How an action runs (`blocking`, `timeout_ms`, progress) and its examples are no part of it.
    pub actions: BTreeMap<ActionName, Digest>,
    /// BLAKE3 over `apex-plugins/permissions/v1`, a zero byte, and the canonical JSON of `permissions_required`, sorted
    /// and each once.
    pub permissions: Digest,
}

impl Definitions {
    /// Takes the digests of a manifest.
    ///
    /// # Errors
    /// The manifest has no canonical form, which no manifest that was read strictly lacks.
    pub fn of(manifest: &Manifest) -> Result<Self, NotCanonical> {
        let named = |action: &Action| Ok((action.name.clone(), action_digest(action)?));
        let actions = manifest.actions.iter().map(named).collect::<Result<_, _>>()?;
        let permissions: BTreeSet<&str> = manifest.permissions_required.iter().map(String::as_str).collect();
        Ok(Self { actions, permissions: digest("apex-plugins/permissions/v1", &json!(permissions))? })
    }
}

fn action_digest(action: &Action) -> Result<Digest, NotCanonical> {
    let definition = json!({
        "name": action.name,
        "description": action.description,
        "parameters": action.parameters_object_schema(),
        "returns": action.returns_value_schema(),
        "returns_stream": action.returns_stream,
        "stream_metadata": action.stream_metadata,
        "read_only": action.read_only,
        "destructive": action.destructive,
        "idempotent": action.idempotent,
        "open_world": action.open_world,
    });
    digest("apex-plugins/action/v1", &definition)
}

fn digest(label: &str, value: &Value) -> Result<Digest, NotCanonical> {
    let canonical = serde_json_canonicalizer::to_vec(value).map_err(|source| NotCanonical(Arc::new(source)))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(label.as_bytes()).update(&[0]).update(&canonical);
    Ok(Digest::new(DigestAlgorithm::Blake3, hasher.finalize().into()))
}

/// A value has no canonical JSON form.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the manifest has no canonical JSON form")]
pub struct NotCanonical(#[source] Arc<serde_json::Error>);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn definitions(change: impl FnOnce(&mut Value)) -> Definitions {
        let mut manifest = json!({
            "name": "Greeter", "id": "com.acme.greeter", "version": "1.0.0", "description": "Greets.", "author": "Acme",
            "entry_point": "greeter::Greeter", "permissions_required": ["net.http", "fs.read"],
            "actions": [
                {"name": "greet", "description": "Greets.", "read_only": true, "returns": {"type": "string"}, "parameters":
                    [{"name": "who", "type": "string", "description": "Whom.", "required": true}]},
                {"name": "count", "description": "Counts."},
            ],
        });
        change(&mut manifest);
        Definitions::of(&serde_json::from_value(manifest).unwrap()).unwrap()
    }

    #[test]
    fn what_a_model_chose_an_action_by_is_pinned() {
        let pinned = definitions(|_| ());
        let greet: ActionName = "greet".parse().unwrap();
        for (member, value) in [
            ("description", json!("Greets, and deletes.")),
            ("returns", json!({"type": "integer"})),
            ("returns_stream", json!(true)),
            ("stream_metadata", json!({"content_type": "text/plain"})),
            ("read_only", json!(false)),
            ("destructive", json!(true)),
            ("idempotent", json!(true)),
            ("open_world", json!(true)),
            ("parameters", json!([{"name": "who", "type": "string", "description": "Whom.", "required": false}])),
            ("parameters", json!([{"name": "who", "type": "string", "description": "Whose.", "required": true}])),
        ] {
            let changed = definitions(|manifest| manifest["actions"][0][member] = value);
            assert_ne!(changed.actions[&greet], pinned.actions[&greet], "{member}");
            let count = "count".parse().unwrap();
            assert_eq!((changed.actions[&count], changed.permissions), (pinned.actions[&count], pinned.permissions));
        }
        let renamed = definitions(|manifest| manifest["actions"][0]["name"] = json!("welcome"));
        assert_ne!(renamed.actions.values().max(), pinned.actions.values().max());
        assert!(!renamed.actions.contains_key(&greet));
    }

    #[test]
    fn what_changes_nothing_for_the_caller_is_not() {
        let pinned = definitions(|_| ());
        let same = definitions(|manifest| {
            manifest["version"] = json!("2.0.0");
            manifest["actions"][0]["timeout_ms"] = json!(5000);
            manifest["actions"][0]["supports_progress_reporting"] = json!(true);
            manifest["actions"][0]["examples"] = json!([{"params": {"who": "Ada"}}]);
            manifest["permissions_required"] = json!(["fs.read", "net.http"]);
            manifest["actions"][0].as_object_mut().unwrap().remove("parameters");
            manifest["actions"][0]["parameters_schema"] = json!({
                "type": "object", "properties": {"who": {"type": "string", "description": "Whom."}}, "required": ["who"],
                "additionalProperties": false,
            });
        });
        assert_eq!(same, pinned);
        let more =
            definitions(|manifest| manifest["permissions_required"] = json!(["fs.read", "net.http", "fs.write"]));
        assert_ne!(more.permissions, pinned.permissions);
        assert_eq!(more.actions, pinned.actions);
    }

    /// The form is for ever: what is pinned today is compared with what a later release computes.
    #[test]
    fn the_digests_are_those_of_the_documented_form() {
        let definitions = definitions(|_| ());
        let text = concat!(
            r#"{"description":"Counts.","destructive":null,"idempotent":null,"name":"count","open_world":null,"#,
            r#""parameters":{"additionalProperties":false,"properties":{},"required":[],"type":"object"},"#,
            r#""read_only":null,"returns":null,"returns_stream":false,"stream_metadata":null}"#,
        );
        let expected = blake3::hash(format!("apex-plugins/action/v1\0{text}").as_bytes());
        let count = "count".parse().unwrap();
        assert_eq!(definitions.actions[&count].as_bytes(), expected.as_bytes());
        let expected = blake3::hash(b"apex-plugins/permissions/v1\0[\"fs.read\",\"net.http\"]");
        assert_eq!(definitions.permissions.as_bytes(), expected.as_bytes());
    }
}
