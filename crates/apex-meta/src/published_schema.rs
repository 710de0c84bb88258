//! The published schema, written from the types.

use std::{borrow::Cow, collections::BTreeMap};

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema, transform::RecursiveTransform,
};
use serde_json::Value;

use crate::{
    ActionName, Digest, EntryPoint, JsonLimits, Manifest, Permission, PluginId, PluginVersion, VersionSpecifier,
    schema_text::PLUGIN_METADATA_SCHEMA_ID,
};

/// Writes the published JSON Schema (2020-12) of `plugin.json` from the types, with its keys sorted.
///
/// [`PLUGIN_METADATA_SCHEMA`](crate::PLUGIN_METADATA_SCHEMA) is this value as committed.
pub fn plugin_metadata_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy)).into_generator();
    let mut schema = generator.into_root_schema_for::<Manifest>();
    schema.insert("$id".to_owned(), PLUGIN_METADATA_SCHEMA_ID.into());
    sorted(schema.to_value())
}

/// The list of permissions, with an example of each form.
///
/// The texts are free: a permission of a later release must not make a manifest invalid for this one.
pub(crate) fn permissions(_: &mut SchemaGenerator) -> Schema {
    let examples: Vec<_> = Permission::FORMS.iter().map(|form| form.example).collect();
    json_schema!({
        "type": "array",
        "items": { "type": "string", "examples": examples },
        "examples": [["fs.read:${workspace}", "net.connect:443"]],
    })
}

/// Takes out what schemars says of Rust and not of the file: an absent member is not `null`, and `uint64` is no format
/// of JSON Schema.
fn tidy(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.remove("anyOf") {
        let others: Vec<_> = choices.into_iter().filter(|choice| choice["type"] != "null").collect();
        match <[Value; 1]>::try_from(others) {
            Ok([Value::Object(only)]) => only.into_iter().for_each(|(key, value)| _ = schema.insert(key, value)),
            Ok([other]) => _ = schema.insert("anyOf".to_owned(), vec![other].into()),
            Err(others) => _ = schema.insert("anyOf".to_owned(), others.into()),
        }
    }
    if schema.get("format").is_some_and(|format| format == "uint64") {
        schema.remove("format");
        schema.insert("maximum".to_owned(), JsonLimits::MAX_NUMBER.into());
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}

/// The same whether or not another crate in the build makes serde_json keep the order of keys.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().map(|(key, member)| (key, sorted(member))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        scalar => scalar,
    }
}

macro_rules! text_schema {
    ($type:ty, $name:literal, $schema:tt) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text_schema!(PluginId, "PluginId", {
    "title": "Plugin id",
    "description": "Dot-separated labels of ASCII letters, digits, `_` and `-`, each starting with a letter or digit. Two ids that differ only in case are a conflict.",
    "type": "string",
    "minLength": 1,
    "maxLength": PluginId::MAX_BYTES,
    "pattern": r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*$",
    "examples": ["com.acme.greeter"],
});

text_schema!(PluginVersion, "PluginVersion", {
    "title": "Version",
    "description": "A version after SemVer 2.0.0, each of its three numbers at most 999999999. Versions that differ only in build metadata are the same version.",
    "type": "string",
    "maxLength": PluginVersion::MAX_BYTES,
    "pattern": r"^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$",
    "examples": ["1.2.3", "2.0.0-rc.1"],
});

text_schema!(EntryPoint, "EntryPoint", {
    "title": "Entry point",
    "description": "`crate_name::TypeName` for a native plugin, `package.module.Class` for a Python one.",
    "type": "string",
    "maxLength": EntryPoint::MAX_BYTES,
    "pattern": r"^[A-Za-z_][A-Za-z0-9_]*(::[A-Za-z_][A-Za-z0-9_]*|(\.[A-Za-z_][A-Za-z0-9_]*)+)$",
    "examples": ["greeter::Greeter", "email_manager.EmailManager"],
});

text_schema!(ActionName, "ActionName", {
    "title": "Action name",
    "description": "A letter, then up to 63 letters, digits, `_` or `-`; unique in the plugin.",
    "type": "string",
    "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$",
    "examples": ["send_email"],
});

text_schema!(VersionSpecifier, "VersionSpecifier", {
    "title": "Version specifier",
    "description": "Clauses separated by commas that must all hold: PEP 440's `==` `!=` `>=` `<=` `>` `<` `~=` `===`, and Cargo's `^` `~` `=`, wildcards and bare versions.",
    "type": "string",
    "maxLength": VersionSpecifier::MAX_BYTES,
    "examples": [">=1.2,<2.0", "~=1.2.3", "==1.2.*", "^1"],
});

text_schema!(Digest, "Digest", {
    "title": "Checksum",
    "description": "The tree digest over every file of the plugin but its plugin.json.",
    "type": "object",
    "properties": {
        "algorithm": {
            "description": "The hash function.",
            "type": "string",
            "enum": ["blake3", "sha256"],
        },
        "value": {
            "description": "The digest, 64 lower-case hexadecimal digits.",
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
        },
    },
    "required": ["algorithm", "value"],
    "additionalProperties": false,
});

#[cfg(test)]
mod tests;
