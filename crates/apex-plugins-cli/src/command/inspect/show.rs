//! A plugin for people: what it is, what it can do, and what became of it.

use apex_plugins::{
    Permission, Placement, PluginPermissions,
    discover::Entry,
    meta::{Action, Manifest},
};
use serde_json::Value;

use super::States;
use crate::{
    command::list,
    escape,
    failure::Failure,
    output::{Output, Tone},
};

/// Shows an entry section by section.
pub(super) fn entry(
    entry: &Entry,
    permissions: &PluginPermissions,
    states: &States,
    output: &mut Output,
) -> Result<(), Failure> {
    head(entry, output)?;
    show_permissions(entry, permissions, output)?;
    if let Some(reason) = entry.reason() {
        list::show_reason(&list::headline(entry.status().as_str(), entry), list::tone(entry.status()), reason, output)?;
    }
    for fault in entry.faults().iter().chain(entry.fault_warnings()) {
        output.line(format!("  {}", escape::line(&fault.to_string())))?;
    }
    for warning in entry.warnings() {
        list::show_reason(&list::headline("warning", entry), Tone::Warning, warning, output)?;
    }
    if let Some(manifest) = entry.manifest() {
        for action in &manifest.actions {
            show_action(action, output)?;
        }
    }
    show_states(states, output)
}

fn head(entry: &Entry, output: &mut Output) -> Result<(), Failure> {
    let id = entry.id().map_or("-", |id| id.as_str());
    let version = entry.version().map(ToString::to_string).unwrap_or_default();
    let title = format!("{id} {version}");
    output.line(output.paint(Tone::Strong, title.trim()))?;
    field("status", Some(entry.status()), output)?;
    field("name", entry.name(), output)?;
    if let Some(manifest) = entry.manifest() {
        about(manifest, output)?;
    }
    field("path", list::path(entry), output)?;
    field("signer", entry.signer(), output)?;
    field("digest", entry.digest(), output)?;
    field("placement", entry.placement(), output)
}

/// What it asks for, what of it is granted, and how far that is enforced.
fn show_permissions(entry: &Entry, permissions: &PluginPermissions, output: &mut Output) -> Result<(), Failure> {
    for text in entry.permissions() {
        let names = Permission::named(text).unwrap_or_default();
        let is_granted = |one: &Permission| permissions.in_effect.iter().any(|granted| granted.covers(one));
        let is_partly = |one: &Permission| permissions.in_effect.iter().any(|granted| one.covers(granted));
        let state = match names.as_slice() {
            [] => "unknown to this release, and never granted".to_owned(),
            names if names.iter().all(is_granted) => "granted".to_owned(),
            names if names.iter().any(|one| is_granted(one) || is_partly(one)) => "granted in part".to_owned(),
            _ => format!("not granted; `apex grant {} '{text}'` grants it", entry.id().map_or("ID", |id| id.as_str())),
        };
        let means = match names.as_slice() {
            [one] if one.to_string() != *text => format!(" (that is {one})"),
            _ => String::new(),
        };
        field("asks for", Some(format!("{text}{means}: {state}")), output)?;
    }
    let without_effect = |one: &&Permission| !permissions.in_effect.iter().any(|effective| one.covers(effective));
    for permission in permissions.granted.iter().filter(without_effect) {
        field("granted", Some(format!("{permission}, without effect: it does not ask for it")), output)?;
    }
    if permissions.granted_to_others {
        field("granted", Some("nothing: what is granted under this id is granted to another owner"), output)?;
    }
    if permissions.in_effect.iter().any(|one| matches!(one, Permission::Connect(_))) {
        field("note", Some("ports are enforced, hosts are not: it may connect to any"), output)?;
    }
    if entry.placement().is_some_and(|placement| placement != Placement::Process) {
        field("note", Some("it may run in the host's own process, where no permission is enforced"), output)?;
    }
    for gap in &permissions.gaps {
        field("not held", Some(gap), output)?;
    }
    Ok(())
}

fn about(manifest: &Manifest, output: &mut Output) -> Result<(), Failure> {
    field("about", Some(&manifest.description), output)?;
    field("author", Some(&manifest.author), output)?;
    field("licence", manifest.license.as_ref(), output)?;
    field("homepage", manifest.homepage.as_ref(), output)?;
    if !manifest.tags.is_empty() {
        field("tags", Some(manifest.tags.join(", ")), output)?;
    }
    field("entry point", Some(&manifest.entry_point), output)?;
    field("plugin API", manifest.api_version.as_ref(), output)?;
    for dependency in manifest.plugin_dependencies() {
        let specifier = dependency.version_specifier.as_ref().map(|specifier| format!("@{specifier}"));
        let optional = if dependency.optional { " (optional)" } else { "" };
        field("needs", Some(format!("{}{}{optional}", dependency.id, specifier.unwrap_or_default())), output)?;
    }
    Ok(())
}

fn field(name: &str, value: Option<impl ToString>, output: &mut Output) -> Result<(), Failure> {
    match value {
        Some(value) => output.line(format!("  {name:<12} {}", escape::line(&value.to_string()))),
        None => Ok(()),
    }
}

fn show_action(action: &Action, output: &mut Output) -> Result<(), Failure> {
    let mut marks = Vec::new();
    if action.returns_stream {
        marks.push("stream");
    }
    if action.supports_progress_reporting {
        marks.push("progress");
    }
    if action.blocking {
        marks.push("blocking");
    }
    let marks = if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) };
    let name = output.paint(Tone::Strong, action.name.as_str());
    output.line(format!("\naction {name}{marks}"))?;
    output.line(format!("  {}", escape::line(&action.description)))?;
    show_parameters(&action.parameters_object_schema(), output)
}

fn show_parameters(schema: &Value, output: &mut Output) -> Result<(), Failure> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    for (name, parameter) in schema["properties"].as_object().into_iter().flatten() {
        let kind = match &parameter["type"] {
            Value::String(kind) => kind.clone(),
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
            _ => "any".to_owned(),
        };
        let mut line = format!("{name}: {kind}");
        if let Some(default) = parameter.get("default") {
            line.push_str(&format!(", {default} if not given"));
        } else if !required(name) {
            line.push_str(", optional");
        }
        if let Some(description) = parameter["description"].as_str() {
            line.push_str(&format!(" - {description}"));
        }
        output.line(format!("    {}", escape::line(&line)))?;
    }
    Ok(())
}

fn show_states(states: &States, output: &mut Output) -> Result<(), Failure> {
    let directory = escape::line(&states.directory);
    if states.listing.entries.is_empty() && states.listing.unreadable.is_empty() {
        return output.line(format!("\nstate: none yet, would be in {directory}"));
    }
    output.line(format!("\nstate in {directory}"))?;
    for state in &states.listing.entries {
        let (scope, times) = (state.key.scope.to_string(), state.generation);
        let scope = escape::line(&scope);
        output.line(format!("  {} {scope}: {} bytes, saved {times} times", state.key.version, state.bytes))?;
    }
    for error in &states.listing.unreadable {
        output.line(format!("  {}", escape::line(&error.to_string())))?;
    }
    Ok(())
}
