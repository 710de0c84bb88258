//! `apex check`: metadata, layout, checksum and signature of plugins that are not in a root.

use std::{path::PathBuf, sync::Arc};

use apex_plugins::trust::{Policy, Verifier};
use serde_json::{Value, json};

use crate::{
    escape,
    exit::Exit,
    failure::Failure,
    output::{Output, Tone},
    session::Session,
    snippet,
};

mod examine;

use examine::{Finding, Trust};

const EXAMPLES: &str = "\
Examples:
  apex check ./greeter
  apex check ./greeter/plugin.json
  apex check greeter-1.0.0.apexpkg";

/// Check a plugin's files, loading nothing
///
/// Of a directory or package, metadata, layout, checksum and signature are checked; of a plugin.json, the metadata. The exit code is 5 for faults of
/// metadata, 4 if trust refuses a plugin.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A plugin's directory, its plugin.json, or an .apexpkg
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let trust = settings.trust_store()?;
    let verifier = Verifier::new(Arc::new(trust), Policy::from(settings.policy()));
    let mut exit = Exit::Done;
    for path in &arguments.paths {
        let finding = examine::path(path, &verifier)?;
        if session.output.is_json() {
            session.output.json(&to_json(&finding))?;
        } else {
            show(&finding, &mut session.output)?;
        }
        exit = exit.max(finding.exit());
    }
    Ok(exit)
}

impl Finding {
    /// Faults of metadata come before trust, which cannot be asked about a broken manifest.
    fn exit(&self) -> Exit {
        match (&self.faults[..], &self.trust) {
            ([], Trust::Refused(_)) => Exit::Blocked,
            ([], _) => Exit::Done,
            _ => Exit::Invalid,
        }
    }
}

fn to_json(finding: &Finding) -> Value {
    let mut faults: Vec<_> = finding.faults.iter().map(|fault| json!(fault)).collect();
    let mut json = json!({"path": finding.path.to_string_lossy(), "ok": finding.exit() == Exit::Done});
    match &finding.trust {
        Trust::NotAsked => {}
        Trust::Accepted(acceptance) => {
            json["trust"] = json!({
                "signer": acceptance.publisher,
                "key_id": acceptance.key_id.as_ref().map(ToString::to_string),
                "digest": acceptance.digest.as_ref().map(ToString::to_string),
                "placement": acceptance.placement,
                "warning": acceptance.warning,
            });
        }
        Trust::Refused(reason) => faults.push(json!({
            "severity": "error", "code": reason.code, "pointer": null, "line": null, "column": null,
            "message": reason.message, "hint": reason.hint,
        })),
    }
    json["faults"] = faults.into();
    json["warnings"] = json!(finding.warnings);
    json
}

fn show(finding: &Finding, output: &mut Output) -> Result<(), Failure> {
    let manifest = finding.manifest.display().to_string();
    for fault in finding.faults.iter().chain(&finding.warnings) {
        let drawn = snippet::draw(output, &manifest, &finding.text, fault);
        output.line(format!("{drawn}\n"))?;
    }
    let path = finding.path.display().to_string();
    if let Trust::Refused(reason) = &finding.trust {
        let title = output.paint(Tone::Bad, &format!("error[{}]", reason.code));
        output.line(format!("{title}: {}", escape::line(&reason.message)))?;
        output.line(format!("  --> {}", escape::line(&path)))?;
        if let Some(hint) = &reason.hint {
            output.line(format!("  = help: {}", escape::line(hint)))?;
        }
        output.line("")?;
    }
    if let Trust::Accepted(acceptance) = &finding.trust
        && let Some(warning) = &acceptance.warning
    {
        let title = output.paint(Tone::Warning, &format!("warning[{}]", warning.code));
        output.line(format!("{title}: {}\n", escape::line(&warning.message)))?;
    }
    let verdict = match (finding.exit(), counted(finding)) {
        (Exit::Done, found) if found.is_empty() => output.paint(Tone::Good, "ok"),
        (Exit::Done, found) => format!("{}, {}", output.paint(Tone::Good, "ok"), output.paint(Tone::Warning, &found)),
        (_, found) => output.paint(Tone::Bad, &found),
    };
    output.line(format!("{}: {verdict}{}", escape::line(&path), endorsement(finding)))
}

/// What there is to look at, such as `2 errors, 1 warning`.
fn counted(finding: &Finding) -> String {
    let is_refused = matches!(finding.trust, Trust::Refused(_));
    let is_warned = matches!(&finding.trust, Trust::Accepted(acceptance) if acceptance.warning.is_some());
    let errors = finding.faults.len() + usize::from(is_refused);
    let warnings = finding.warnings.len() + usize::from(is_warned);
    let counted = [(errors, "error"), (warnings, "warning")].into_iter().filter(|(count, _)| *count > 0);
    let words = counted.map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
    words.collect::<Vec<_>>().join(", ")
}

/// Who stands for a plugin that is accepted.
fn endorsement(finding: &Finding) -> String {
    match &finding.trust {
        Trust::Accepted(acceptance) => match &acceptance.publisher {
            Some(publisher) => format!(", signed by {publisher}"),
            None => ", not signed".to_owned(),
        },
        Trust::NotAsked if finding.faults.is_empty() => ", metadata only".to_owned(),
        _ => String::new(),
    }
}
