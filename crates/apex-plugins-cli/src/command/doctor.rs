//! `apex doctor`: what is wrong with this set-up, and how to mend it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use apex_plugins::{
    Status,
    discover::{Cache, Catalogue},
    install::{Severity, Store, StoreFinding, examine},
    meta::Reason,
};
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    output::Tone,
    session::Session,
    settings::{SearchRoot, Settings},
};

mod directory;

const EXAMPLES: &str = "\
Examples:
  apex doctor
  apex doctor --json | jq '.findings[] | select(.ok | not)'";

/// Look for what is wrong with this set-up, and say how to mend it
///
/// Looks at the roots, the discovery cache, the directories for state and store, their permissions, at every installed
/// file, and at what interrupted programs left behind. Changes nothing. The exit code is 0 whatever is found.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

/// One thing that was looked at.
pub(crate) struct Finding {
    /// What was looked at, as one word.
    pub(crate) check: &'static str,
    pub(crate) path: Option<PathBuf>,
    /// What is fine about it, or what is wrong.
    pub(crate) outcome: Result<String, Reason>,
}

impl Finding {
    fn fine(check: &'static str, path: &Path, what: impl Into<String>) -> Self {
        Self { check, path: Some(path.to_owned()), outcome: Ok(what.into()) }
    }

    fn wrong(check: &'static str, path: &Path, reason: Reason) -> Self {
        Self { check, path: Some(path.to_owned()), outcome: Err(reason) }
    }
}

pub(crate) async fn run(_arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let mut findings = Vec::new();
    // First of all: the scan writes a cache that may be missing now.
    cache(&settings, &mut findings);
    let store = Store::new(
        std::path::absolute(settings.store()?)
            .map_err(|error| Failure::new("Io", "the path of the store cannot be made absolute").caused_by(&error))?,
    );
    // Without its ledger nothing can be searched; what is wrong with it is found below.
    if store.ledger().is_ok() {
        let manager = session.manager(&settings).await?;
        roots(&settings, &manager.catalogue(), &mut findings)?;
    }
    for (check, path) in [("store", settings.store()?), ("state", settings.state_dir()?)] {
        findings.push(directory::look(check, &path));
        leftovers(&path, &mut findings);
    }
    installed(&store, &mut findings);
    if let Some(parent) = settings.trust_file()?.parent() {
        leftovers(parent, &mut findings);
    }
    show(&findings, session)
}

/// The roots, by what the scan made of them.
fn roots(settings: &Settings, catalogue: &Catalogue, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let trust = settings.trust_store()?;
    let roots = settings.roots(&trust);
    if roots.is_empty() {
        let reason = Reason::new("NoRoot", "no directory is searched for plugins")
            .with_hint("name one with --root DIR, or in the variable APEX_PLUGIN_PATH");
        findings.push(Finding { check: "root", path: None, outcome: Err(reason) });
    }
    for problem in catalogue.problems() {
        findings.push(Finding::wrong("root", problem.path(), problem.reason().clone()));
    }
    for SearchRoot { path, .. } in roots {
        let resolved = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let is_wrong =
            |problem: &&apex_plugins::discover::Problem| [&path, &resolved].contains(&&problem.path().to_owned());
        if catalogue.problems().iter().any(|problem| is_wrong(&problem)) {
            continue;
        }
        let here = catalogue.entries().iter().filter(|entry| entry.root().is_some_and(|root| root.path() == path));
        let (count, ready) = here
            .fold((0, 0), |(count, ready), entry| (count + 1, ready + usize::from(entry.status() == Status::Ready)));
        findings.push(Finding::fine("root", &path, format!("{count} plugins, {ready} of them ready")));
    }
    Ok(())
}

/// What is installed, byte by byte, and what lies beside it.
fn installed(store: &Store, findings: &mut Vec<Finding>) {
    let found = examine(store);
    let is_sound = |found: &StoreFinding| found.severity == Severity::Leftover;
    if found.iter().all(is_sound)
        && let Ok(ledger) = store.ledger()
    {
        let count = ledger.plugins().map(|(_, record)| record.installed.len()).sum::<usize>();
        let plural = if count == 1 { "" } else { "s" };
        findings.extend((count > 0).then(|| {
            Finding::fine("installed", &store.plugins(), format!("{count} version{plural}, each as installed"))
        }));
    }
    findings.extend(found.into_iter().map(|found| {
        let check = if is_sound(&found) { "leftover" } else { "installed" };
        Finding::wrong(check, &found.path, found.reason)
    }));
}

fn cache(settings: &Settings, findings: &mut Vec<Finding>) {
    let Some(directory) = settings.cache_dir() else {
        let outcome = Ok("none is kept, so each start reads and checks every plugin".to_owned());
        findings.push(Finding { check: "cache", path: None, outcome });
        return;
    };
    findings.push(directory::look("cache", &directory));
    let files = match Cache::new(&directory).files() {
        Ok(files) => files,
        Err(error) => {
            let reason = Reason::new("Unreadable", format!("{} cannot be listed: {error}", directory.display()));
            findings.push(Finding::wrong("cache", &directory, reason));
            return;
        }
    };
    for file in files {
        findings.push(match (file.root, file.fault) {
            (Some(root), _) if root.is_dir() => {
                Finding::fine("cache", &file.path, format!("{} bytes about {}", file.bytes, root.display()))
            }
            (Some(root), _) => {
                let message = format!("it is about {}, which is not there any more", root.display());
                Finding::wrong("cache", &file.path, Reason::new("Leftover", message).with_hint("remove the file"))
            }
            (None, fault) => {
                let message = format!("it cannot be used: {}", fault.unwrap_or_default());
                let hint = "remove the file; the next scan writes a new one";
                Finding::wrong("cache", &file.path, Reason::new("CacheUnusable", message).with_hint(hint))
            }
        });
    }
    leftovers(&directory, findings);
}

/// Files that a program was about to put in the place of others when it was interrupted.
fn leftovers(directory: &Path, findings: &mut Vec<Finding>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(".new") {
            let reason = Reason::new("Leftover", "a program that wrote it was interrupted")
                .with_hint("remove the file if no program writes it right now; the next writer removes it too");
            findings.push(Finding::wrong("leftover", &path, reason));
        }
    }
}

fn show(findings: &[Finding], session: &mut Session) -> Result<Exit, Failure> {
    let output = &mut session.output;
    if output.is_json() {
        let findings: Vec<_> = findings.iter().map(to_json).collect();
        output.json(&json!({ "findings": findings }))?;
        return Ok(Exit::Done);
    }
    for Finding { check, path, outcome } in findings {
        let place = path.as_ref().map_or_else(String::new, |path| format!(" {}", path.display()));
        let (word, tone, text) = match outcome {
            Ok(what) => ("fine", Tone::Good, what.clone()),
            Err(reason) => ("wrong", Tone::Bad, reason.to_string()),
        };
        let line = format!(
            "{}  {}",
            output.paint(tone, &format!("{word:5}")),
            output.paint(Tone::Plain, &format!("{check}{place}: {text}"))
        );
        output.line(line)?;
        if let Err(Reason { hint: Some(hint), .. }) = outcome {
            let line = output.paint(Tone::Faint, &format!("       help: {hint}"));
            output.line(line)?;
        }
    }
    Ok(Exit::Done)
}

fn to_json(Finding { check, path, outcome }: &Finding) -> serde_json::Value {
    let path = path.as_ref().map(|path| path.to_string_lossy());
    match outcome {
        Ok(message) => {
            json!({"check": check, "path": path, "ok": true, "code": null, "message": message, "hint": null})
        }
        Err(Reason { code, message, hint }) => {
            json!({"check": check, "path": path, "ok": false, "code": code, "message": message, "hint": hint})
        }
    }
}
