//! `docs/fault_codes.md`: what a check of metadata reports, each code with an example and what is said of it.

use std::fmt::Write as _;

use apex_meta::{FaultCode, Severity, check};

const HEAD: &str = "\
# Fault codes

<!-- Written by `cargo xtask docs` from crates/apex-meta/src/fault.rs; change it there and run the task again. -->

What `apex check` and `apex inspect` report of a `plugin.json`. Codes are stable: scripts compare them, and people search
for them. An error makes the plugin invalid; a warning leaves it usable. Where only some members are shown, the rest of
the file is in order.

";

pub(super) fn document() -> String {
    let mut text = HEAD.to_owned();
    let mut codes = FaultCode::ALL.to_vec();
    codes.sort_by_key(|code| code.as_str());
    for code in codes {
        entry(&mut text, code);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn entry(text: &mut String, code: FaultCode) {
    let example = code.example();
    let report = check(example.plugin_json().as_bytes());
    let Some(fault) = report.all().find(|fault| fault.code == code) else { return };
    let kind = match fault.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
    };
    _ = writeln!(text, "## {code}\n\n{kind}. {}\n", code.meaning());
    if example.is_shown_in_full() {
        _ = writeln!(text, "```json\n{}\n```\n", example.shown());
    } else {
        _ = writeln!(text, "Example: {}.\n", example.shown());
    }
    _ = writeln!(text, "> {}", fault.message);
    if let Some(hint) = &fault.hint {
        _ = writeln!(text, ">\n> help: {hint}");
    }
    text.push('\n');
}
