//! `cargo xtask schema`: writes the published schema from the types.

use std::fs;

use anyhow::{Context as _, bail};

use crate::workspace;

const SCHEMA: &str = "crates/apex-meta/schema/plugin_metadata_schema.json";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail if a committed file is stale.
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut wanted = serde_json::to_string_pretty(&apex_meta::plugin_metadata_schema())?;
    wanted.push('\n');
    let path = workspace::root().join(SCHEMA);
    let present = fs::read_to_string(&path).unwrap_or_default();
    if present == wanted {
        println!("schema: {SCHEMA} is up to date");
    } else if arguments.check {
        bail!("{SCHEMA} is stale: run `cargo xtask schema` and commit it");
    } else {
        #[expect(clippy::disallowed_methods, reason = "a file in the sources, under version control")]
        fs::write(&path, wanted).with_context(|| format!("cannot write {SCHEMA}"))?;
        println!("schema: wrote {SCHEMA}");
    }
    Ok(())
}
