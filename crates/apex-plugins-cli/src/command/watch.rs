//! `apex watch`: what changes in the registry, as it changes.

use apex_plugins::{
    Change, Event,
    discover::Catalogue,
    install::{Change as What, Happening},
    meta::{PluginId, PluginVersion, Reason},
};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::{
    escape,
    exit::Exit,
    failure::Failure,
    interrupt::Interrupt,
    output::{Output, Tone},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  apex watch
  apex watch --json | jq 'select(.event == \"status_changed\")'";

/// Show plugins as they are added, changed, updated or removed, one line an event
///
/// Ends with an interrupt. The first line says that it watches from now on. What other programs do to the install store
/// is told once it counts: installed, updated, rolled_back, uninstalled.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

pub(crate) async fn run(_arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    // From the start and all the time: one that comes while an event is shown counts as well.
    let interrupt = Interrupt::listen();
    let settings = session.settings()?;
    let trust = settings.trust_file()?;
    let manager = session.manager_with(&settings, |builder| builder.trust_file(trust).watch()).await?;
    let mut events = manager.events();
    watching(&manager.catalogue(), &mut session.output)?;
    loop {
        tokio::select! {
            () = interrupt.cancelled() => return Ok(Exit::Interrupted),
            event = events.next() => match event {
                Some(event) => show(&event, &mut session.output)?,
                None => return Ok(Exit::Done),
            },
        }
    }
}

fn watching(catalogue: &Catalogue, output: &mut Output) -> Result<(), Failure> {
    let count = catalogue.entries().len();
    if output.is_json() {
        return output.json(&json!({"event": "watching", "plugins": count}));
    }
    let line = output.paint(Tone::Faint, &format!("watching; {count} plugins are there now"));
    output.line(line)
}

fn show(event: &Event, output: &mut Output) -> Result<(), Failure> {
    match event {
        Event::Registry(change) if output.is_json() => output.json(&to_json(change)),
        Event::Registry(change) => {
            let line = describe(change, output);
            output.line(line)
        }
        Event::StoreChanged { plugin, happening } if output.is_json() => {
            output.json(&switch_to_json(plugin, happening))
        }
        Event::StoreChanged { plugin, happening } => {
            let line = describe_switch(plugin, happening, output);
            output.line(line)
        }
        Event::TrustChanged { version } => told(output, "trust_changed", &json!({"version": version})),
        Event::TrustUnreadable { reason } => told(output, "trust_unreadable", &json!({"reason": reason})),
        Event::Missed(count) => told(output, "missed", &json!({"count": count})),
        // Nothing runs here, and the whole catalogue is no news.
        _ => Ok(()),
    }
}

fn told(output: &mut Output, name: &str, details: &Value) -> Result<(), Failure> {
    if output.is_json() {
        let mut object = json!({"event": name});
        if let (Some(object), Some(details)) = (object.as_object_mut(), details.as_object()) {
            object.extend(details.clone());
        }
        return output.json(&object);
    }
    let line = output.paint(Tone::Warning, &format!("{name} {details}"));
    output.line(line)
}

fn to_json(change: &Change) -> Value {
    let Change { kind, entry, before, reason, .. } = change;
    let Reason { code, message, hint } = reason;
    json!({
        "event": kind.as_str(),
        "id": entry.id(),
        "version": entry.version(),
        "path": super::list::path(entry),
        "status": entry.status(),
        "before": before,
        "reason": {"code": code, "message": message, "hint": hint},
    })
}

fn describe(change: &Change, output: &Output) -> String {
    let Change { kind, entry, reason, .. } = change;
    let id = entry.id().map_or_else(|| super::list::path(entry).unwrap_or_default(), ToString::to_string);
    let version = entry.version().map_or_else(String::new, |version| format!(" {version}"));
    let status = super::list::tone(entry.status());
    format!(
        "{} {}{} {} {}",
        output.paint(Tone::Strong, kind.as_str()),
        output.paint(Tone::Plain, &id),
        output.paint(Tone::Plain, &version),
        output.paint(status, entry.status().as_str()),
        output.paint(Tone::Faint, &reason.to_string()),
    )
}

/// What happened in the install store, apart from what becomes of its directories.
const fn switched(what: What) -> &'static str {
    match what {
        What::Install => "installed",
        What::Update => "updated",
        What::Rollback => "rolled_back",
        What::Remove => "uninstalled",
        _ => "switched",
    }
}

fn switch_to_json(plugin: &PluginId, happening: &Happening) -> Value {
    let Happening { at, what, from, to, because, .. } = happening;
    json!({"event": switched(*what), "id": plugin, "from": from, "to": to, "because": because, "at": at})
}

fn describe_switch(plugin: &PluginId, happening: &Happening, output: &Output) -> String {
    let Happening { what, from, to, because, .. } = happening;
    let version =
        |version: &Option<PluginVersion>| version.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let tone = if matches!(what, What::Install | What::Update) { Tone::Good } else { Tone::Warning };
    let versions = output.paint(tone, &format!("{} -> {}", version(from), version(to)));
    let because = because.as_ref().map(|because| output.paint(Tone::Faint, &format!(" {}", escape::line(because))));
    let (event, id) = (output.paint(Tone::Strong, switched(*what)), output.paint(Tone::Plain, &plugin.to_string()));
    format!("{event} {id} {versions}{}", because.unwrap_or_default())
}
