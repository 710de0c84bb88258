//! `docs/plugin_metadata_schema_docs.md`: every member of `plugin.json`, from the published schema.

use std::fmt::Write as _;

use serde_json::Value;

use super::{in_one_line, json};

const HEAD: &str = "\
# `plugin.json`

<!-- Written by `cargo xtask docs` from the published schema; change the types in crates/apex-meta and run it again. -->

Every plugin has a `plugin.json` in its directory, in strict JSON: UTF-8 without a byte order mark, no comments, no key
twice in one object, at most 1 MiB and 64 levels, integers within ±(2^53 - 1); [JSON](#json) has the rest. Its form is that
of [`plugin_metadata_schema.json`](../crates/apex-meta/schema/plugin_metadata_schema.json), a JSON Schema 2020-12. Editors
that know JSON Schema complete and check the file if its `$schema` names that file or its `$id`:

```json
";

const RULES: &str = "\
`apex check plugin.json` reports every fault at once, each with its place and remedy; [fault_codes.md](fault_codes.md)
lists them, with the rules that no schema can state among them. Members that no table names are kept but reported as
unknown, unless their name starts with `x-`: such extensions are yours. An absent member is left out, never `null`.

";

/// The objects of the format, each after the one that holds it.
const OBJECTS: [&str; 9] =
    ["", "Action", "Parameter", "Example", "Dependencies", "PluginDependency", "PythonLibrary", "Digest", "Signature"];

/// Texts of a form of their own.
const FORMS: [&str; 5] = ["PluginId", "PluginVersion", "EntryPoint", "ActionName", "VersionSpecifier"];

pub(super) fn document() -> String {
    let schema = apex_meta::plugin_metadata_schema();
    let mut text = HEAD.to_owned();
    _ = writeln!(text, "{}\n```\n", smallest(&schema));
    text += RULES;
    for name in OBJECTS {
        let object = if name.is_empty() { &schema } else { &schema["$defs"][name] };
        section(&mut text, name, object, &schema);
    }
    text += "## Texts\n";
    for name in FORMS {
        form(&mut text, &schema["$defs"][name]);
    }
    text.push('\n');
    json::section(&mut text);
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The smallest manifest, of the schema's own examples.
fn smallest(schema: &Value) -> String {
    let mut members = vec![format!("  \"$schema\": {}", schema["$id"])];
    for member in ["id", "name", "version", "description", "author", "entry_point", "actions"] {
        let property = &schema["properties"][member];
        members.push(format!("  \"{member}\": {}", example(property, schema).unwrap_or_default()));
    }
    format!("{{\n{}\n}}", members.join(",\n"))
}

fn section(text: &mut String, name: &str, object: &Value, schema: &Value) {
    _ = writeln!(text, "## {}\n\n{}\n", string(object, "title"), string(object, "description"));
    if name == "Parameter" {
        text.push_str("Any other keyword of JSON Schema stands beside these, such as `items`, `enum`, `default` or `minimum`.\n\n");
    }
    if object["additionalProperties"] == false {
        text.push_str("Other members are an error here.\n\n");
    }
    text.push_str("| Member | Type | Required | Description | Constraints | Example |\n|---|---|---|---|---|---|\n");
    let required: Vec<_> = object["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = object["properties"].as_object().into_iter().flatten();
    let mut properties: Vec<_> = properties.collect();
    // What must be there comes first.
    properties.sort_by_key(|(name, _)| !required.contains(&name.as_str()));
    for (name, property) in properties {
        let is_required = if required.contains(&name.as_str()) { "yes" } else { "no" };
        let example = example(property, schema).map_or_else(String::new, |example| code(&example));
        _ = writeln!(
            text,
            "| `{name}` | {} | {is_required} | {} | {} | {example} |",
            kind(property, schema),
            cell(string(property, "description")),
            constraints(property),
        );
    }
    text.push('\n');
}

fn form(text: &mut String, form: &Value) {
    let anchor = string(form, "title");
    _ = writeln!(text, "\n### {anchor}\n\n{}\n", string(form, "description"));
    for (key, words) in [("minLength", "At least this many characters"), ("maxLength", "At most this many characters")]
    {
        if let Some(limit) = form.get(key) {
            _ = writeln!(text, "- {words}: {limit}");
        }
    }
    if let Some(pattern) = form["pattern"].as_str() {
        _ = writeln!(text, "- Pattern: `{pattern}`");
    }
    let examples = form["examples"].as_array().into_iter().flatten().map(|example| code(&example.to_string()));
    _ = writeln!(text, "- Examples: {}", examples.collect::<Vec<_>>().join(", "));
}

/// The type in words, with a link where a section describes it.
fn kind(property: &Value, schema: &Value) -> String {
    if let Some(name) = property["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/$defs/")) {
        let title = string(&schema["$defs"][name], "title");
        return format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"));
    }
    match (property["type"].as_str(), property.get("items")) {
        (Some("array"), Some(items)) => format!("list of {}", kind(items, schema)),
        (Some("boolean"), _) => "true or false".to_owned(),
        (Some(name), _) => name.to_owned(),
        (None, _) => "any".to_owned(),
    }
}

fn constraints(property: &Value) -> String {
    let mut found = Vec::new();
    for (keyword, words) in [
        ("minLength", "min. length"),
        ("maxLength", "max. length"),
        ("minimum", "at least"),
        ("maximum", "at most"),
        ("pattern", "matches"),
        ("default", "default"),
    ] {
        if let Some(limit) = property.get(keyword) {
            let limit = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
            found.push(format!("{words} {}", code(&limit)));
        }
    }
    if let Some(choices) = property["enum"].as_array() {
        let choices: Vec<_> = choices.iter().map(|choice| code(&choice.to_string())).collect();
        found.push(format!("one of {}", choices.join(", ")));
    }
    found.join("; ")
}

fn example(property: &Value, schema: &Value) -> Option<String> {
    let target = property["$ref"].as_str().and_then(|reference| schema.pointer(reference.strip_prefix('#')?));
    let examples = property.get("examples").or_else(|| target?.get("examples"))?;
    Some(in_one_line(examples.get(0)?))
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn code(text: &str) -> String {
    format!("`{}`", cell(text))
}
