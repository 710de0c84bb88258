//! `apex audit`: what was decided about plugins, and whether the log of it is whole.

use std::{path::Path, str::FromStr};

use apex_plugins::{
    audit_log::{AuditError, Broken, Chain, Head, Line, Summary, verify_chain, verify_chain_against},
    trust::Timestamp,
};
use serde_json::{Value, json};

use crate::{escape, exit::Exit, failure::Failure, output::Tone, session::Session};

const EXAMPLES: &str = "\
Examples:
  apex audit
  apex audit --json | jq 'select(.kind == \"block\")'
  apex audit --verify
  apex audit --verify --head 12:6437b3ac…85     # as printed by an earlier --verify";

/// Show what was decided about plugins, and check that the log of it is whole
///
/// Recorded in `audit.jsonl` in the install store are what was verified, loaded, blocked and stopped, what was installed
/// and removed, what was granted, and that the trust store was changed. Each line is bound to the one before it, so that
/// a change is found. Lines cut off the end are found with --head alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Check the log and show what it comes to, not its lines
    #[arg(long)]
    verify: bool,
    /// The end that the log had earlier, which must still be in it
    #[arg(long, value_name = "LINE:HASH", requires = "verify")]
    head: Option<KnownHead>,
}

/// A head as `--verify` prints it.
#[derive(Debug, Clone)]
struct KnownHead(Head);

impl FromStr for KnownHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash)));
        let is_hash =
            |hash: &str| hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match parsed {
            Some((seq, hash)) if is_hash(hash) => Ok(Self(Head { seq, hash: hash.to_owned() })),
            _ => {
                Err("expected a number, a colon and 64 hexadecimal digits, as `apex audit --verify` prints them".into())
            }
        }
    }
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let file = session.settings()?.audit_file()?;
    if !file.exists() && arguments.head.is_none() && !arguments.verify {
        session.note("Nothing has been recorded yet.");
        return Ok(Exit::Done);
    }
    match arguments.verify {
        true => verify(arguments.head.as_ref(), &file, session),
        false => show(&file, session),
    }
}

fn verify(known: Option<&KnownHead>, file: &Path, session: &mut Session) -> Result<Exit, Failure> {
    // A log that is not there is one without lines.
    let summary = match (file.exists(), known) {
        (true, Some(KnownHead(head))) => verify_chain_against(open(file)?, head),
        (true, None) => verify_chain(open(file)?),
        (false, Some(KnownHead(head))) => verify_chain_against(std::io::empty(), head),
        (false, None) => verify_chain(std::io::empty()),
    };
    let summary = summary.map_err(|broken| broken_log(file, &broken))?;
    if session.output.is_json() {
        session.output.json(&summary_to_json(&summary))?;
        return Ok(Exit::Done);
    }
    let Head { seq, hash } = &summary.head;
    session.output.line(format!("{} lines, each as it was written and in its place", summary.lines))?;
    session.output.line(format!("head {seq}:{hash}"))?;
    session.note("Keep the head where nobody who can write to the log can write; give it to --head next time.");
    Ok(Exit::Done)
}

fn open(file: &Path) -> Result<impl std::io::Read + use<>, Failure> {
    apex_plugins::FileSink::read(file).map_err(|error| audit_failure(&error))
}

fn summary_to_json(summary: &Summary) -> Value {
    let time = |at: Option<std::time::SystemTime>| at.map(|at| Timestamp::from_system_time(at).to_string());
    json!({
        "ok": true,
        "lines": summary.lines,
        "first_at": time(summary.first_at),
        "last_at": time(summary.last_at),
        "head": {"seq": summary.head.seq, "hash": summary.head.hash},
    })
}

/// Shows line by line, so that what is sound before a broken line is seen.
fn show(file: &Path, session: &mut Session) -> Result<Exit, Failure> {
    for line in Chain::new(open(file)?) {
        let line = line.map_err(|broken| broken_log(file, &broken))?;
        if session.output.is_json() {
            session.output.json(&to_json(line))?;
        } else {
            let text = to_text(&line, |kind| session.output.paint(tone(kind), &format!("{kind:<8}")));
            session.output.line(text)?;
        }
    }
    Ok(Exit::Done)
}

fn to_json(line: Line) -> Value {
    let mut members = line.members;
    members.insert("seq".into(), line.seq.into());
    members.insert("at".into(), Timestamp::from_system_time(line.at).to_string().into());
    members.insert("kind".into(), line.kind.into());
    members.into()
}

fn tone(kind: &str) -> Tone {
    match kind {
        "block" | "stop" | "torn" | "trust_unreadable" => Tone::Bad,
        "verify" | "load" | "install" | "update" => Tone::Good,
        _ => Tone::Plain,
    }
}

fn to_text(line: &Line, paint: impl Fn(&str) -> String) -> String {
    let at = Timestamp::from_system_time(line.at);
    let mut members = line.members.clone();
    let mut what = Vec::new();
    for name in ["plugin", "version", "code", "message"] {
        what.extend(members.remove(name).map(|value| plain(&value)));
    }
    what.extend(
        members.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("{name}={}", plain(value))),
    );
    format!("{at} {} {}", paint(&line.kind), escape::line(&what.join(" ")))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn broken_log(file: &Path, broken: &Broken) -> Failure {
    let failure = Failure::of(Broken::CODE, broken).hint(broken.hint());
    failure.details(Some(json!({"file": file.to_string_lossy(), "line": broken.line()})))
}

/// What is wrong with the log, and what to do.
fn audit_failure(error: &AuditError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint())
}
