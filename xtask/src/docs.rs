//! `cargo xtask docs`: writes the documentation that follows from the code: of `plugin.json`, and of what a check reports.

use std::fs;

use anyhow::{Context as _, bail};

use crate::workspace;

mod fault_codes;
mod json;
mod metadata;

/// What writes a document.
type Writer = fn() -> String;

/// Every generated document.
const DOCUMENTS: [(&str, Writer); 2] =
    [("docs/plugin_metadata_schema_docs.md", metadata::document), ("docs/fault_codes.md", fault_codes::document)];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail if a committed file is stale.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for (name, write) in DOCUMENTS {
        let path = workspace::root().join(name);
        let wanted = write();
        if fs::read_to_string(&path).is_ok_and(|present| present == wanted) {
            println!("docs: {name} is up to date");
        } else if arguments.check {
            stale.push(name);
        } else {
            #[expect(clippy::disallowed_methods, reason = "a file in the sources, under version control")]
            fs::write(&path, wanted).with_context(|| format!("cannot write {name}"))?;
            println!("docs: wrote {name}");
        }
    }
    if !stale.is_empty() {
        bail!("{} stale: run `cargo xtask docs` and commit the result", stale.join(", "));
    }
    Ok(())
}

/// JSON as people write it, with a space after each comma and colon.
fn in_one_line(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(in_one_line).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| format!("{}: {}", Value::from(key.as_str()), in_one_line(value));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}
