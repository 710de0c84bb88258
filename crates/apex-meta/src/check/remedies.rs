//! Remedies for members of the wrong shape or under another system's name: what to write in their place.

use serde_json::{Map, Value, json};

use super::suggest::closest;
use crate::{EntryPoint, finding::At};

/// The longest piece of JSON that a hint proposes.
const LONGEST: usize = 200;

/// What to write for a value of the wrong type, where what was written shows what was meant.
pub(super) fn of_type(pointer: &str, value: &Value) -> Option<String> {
    let (parent, member) = pointer.rsplit_once('/')?;
    let known = match (parent, member, value) {
        (_, _, Value::Null) => "leave the member out where there is no value",
        ("", "dependencies", Value::Array(items)) => return Some(dependencies(items)),
        ("", "dependencies", _) => "list them as `{\"plugins\": [...], \"python_libraries\": [...]}`",
        ("/dependencies", "plugins" | "python_libraries", Value::Object(named)) => return Some(listed(member, named)),
        ("/dependencies/plugins", _, Value::String(text)) => return entry("id", text),
        ("/dependencies/python_libraries", _, Value::String(text)) => return entry("name", text),
        ("", "checksum" | "signature", _) => "packaging and signing write this member; remove what was written by hand",
        ("", "version" | "api_version", Value::Number(_)) => "write versions as strings, such as \"1.2.0\"",
        ("", "tags" | "permissions_required", Value::String(_)) => "write a list, such as [\"one\", \"two\"]",
        (_, _, Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            "write true and false without quotes"
        }
        (_, "parameters", Value::Object(members)) if members.contains_key("properties") => {
            "a whole JSON Schema goes into `parameters_schema`; rename this member"
        }
        (_, "returns" | "returns_schema" | "configuration_schema" | "parameters_schema", Value::String(text)) => {
            let meant = closest(text, crate::member::JSON_TYPES.into_iter())?;
            return Some(format!("write a JSON Schema: `{{\"type\": \"{meant}\"}}`"));
        }
        (_, "type", Value::Array(_)) => "a parameter has one type; for more, describe all in `parameters_schema`",
        _ => return None,
    };
    Some(known.to_owned())
}

/// Where a plain list stands that other systems keep their dependencies in.
fn dependencies(items: &[Value]) -> String {
    let form = "an object, `{\"plugins\": [...], \"python_libraries\": [...]}`";
    if items.is_empty() {
        return format!("remove the empty list; dependencies are {form}");
    }
    let libraries: Option<Vec<_>> = items.iter().map(|item| named("name", item.as_str()?)).collect();
    let proposal = libraries.map(|libraries| in_one_line(&json!({"python_libraries": libraries})));
    match proposal.filter(|proposal| proposal.len() <= LONGEST) {
        Some(proposal) => {
            format!("write `\"dependencies\": {proposal}`; other plugins are listed under `plugins`, by `id`")
        }
        None => format!("write {form}; the first with an `id` each, the second with a `name`"),
    }
}

/// Where an object from names to specifiers stands in place of a list.
fn listed(list: &str, named: &Map<String, Value>) -> String {
    if named.is_empty() {
        return format!("write `\"{list}\": []`, or remove the member");
    }
    let key = if list == "plugins" { "id" } else { "name" };
    let items: Option<Vec<_>> =
        named.iter().map(|(name, specifier)| dependency(key, name, specifier.as_str()?)).collect();
    match items.map(|items| in_one_line(&items.into())).filter(|proposal| proposal.len() <= LONGEST) {
        Some(proposal) => format!("write a list: `\"{list}\": {proposal}`"),
        None => format!("write a list of objects that have `{key}` and, if it matters, `version_specifier`"),
    }
}

fn entry(key: &str, text: &str) -> Option<String> {
    Some(format!("write an object: `{}`", in_one_line(&named(key, text)?)))
}

/// `name` or `name==1.2`, as one writes for pip.
fn named(key: &str, text: &str) -> Option<Value> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))).unwrap_or(text.len());
    dependency(key, &text[..end], text[end..].trim())
}

fn dependency(key: &str, name: &str, specifier: &str) -> Option<Value> {
    let is_printable = |text: &str| text.len() <= 80 && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if name.is_empty() || !is_printable(name) || !is_printable(specifier) {
        return None;
    }
    Some(match specifier {
        "" | "*" => json!({key: name}),
        specifier => json!({key: name, "version_specifier": specifier}),
    })
}

/// The entry point that other systems' members amount to, and which members these are.
pub(super) fn entry_point(manifest: &At<'_, '_>) -> Option<String> {
    let text = |names: &[&'static str]| {
        names.iter().find_map(|&name| Some((name, manifest.member(name)?.text().filter(|text| text.len() <= 100)?)))
    };
    let (file_member, file) = text(&["main_module", "main", "module", "module_path"])?;
    let module = file.strip_suffix(".py").unwrap_or(file).trim_start_matches("./").replace('/', ".").replace('-', "_");
    let class = text(&["class_name", "class", "plugin_class", "main_class"]);
    let (entry_point, replaced, rest) = match class {
        Some((class_member, class)) => {
            (format!("{module}.{class}"), format!("`{file_member}` and `{class_member}`"), "")
        }
        None => {
            let rest = ", with the name of the plugin's class for `ClassName`";
            (format!("{module}.ClassName"), format!("`{file_member}`"), rest)
        }
    };
    entry_point.parse::<EntryPoint>().ok()?;
    Some(format!("write `\"entry_point\": \"{entry_point}\"` in place of {replaced}{rest}"))
}

/// What became of members that others know and this format does not have.
pub(super) fn unknown(name: &str) -> Option<&'static str> {
    Some(match name {
        "required_api_keys" | "api_keys" => {
            "this format does not list keys: describe them in `configuration_schema` and remove this, or start its \
             name with `x-` to keep it"
        }
        "schema_version" | "manifest_version" => "remove it: the schema is named by `$schema`",
        _ => return None,
    })
}

/// JSON as people write it, with a space after each comma and colon.
pub(super) fn in_one_line(value: &Value) -> String {
    let list = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Array(items) => format!("[{}]", list(items.iter().map(in_one_line).collect())),
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), in_one_line(value));
            format!("{{{}}}", list(members.iter().map(member).collect()))
        }
        scalar => scalar.to_string(),
    }
}
