//! `apex index`: makes a directory of packages a source.

use std::{fs, path::PathBuf};

use apex_plugins::install::{INDEX_FILE, Index};
use serde_json::json;

use crate::{
    command::workbench::scratch,
    exit::Exit,
    failure::Failure,
    session::{Session, install_failure},
};

/// Write the index.json of a directory of packages
///
/// Every package is unpacked and looked at; one that would be refused when it is installed is refused here. What an
/// earlier index says of yanked versions stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex index /srv/plugins")]
pub(crate) struct Arguments {
    /// The directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Take a version back, as ID@VERSION; repeat for more
    #[arg(long, value_name = "ID@VERSION", requires = "reason")]
    yank: Vec<String>,
    /// Why it is taken back
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let scratch = scratch()?;
    let failed = |error: apex_plugins::install::InstallError| install_failure(&error);
    let mut index = Index::of_directory(&arguments.directory, scratch.path()).map_err(failed)?;
    for yanked in &arguments.yank {
        let package = index.packages.iter_mut().find(|one| format!("{}@{}", one.id, one.version) == *yanked);
        let package = package.ok_or_else(|| {
            Failure::new("VersionNotFound", format!("there is no package of `{}`", yanked.escape_debug()))
                .hint("name it as ID@VERSION, as `apex search` shows it")
        })?;
        package.yanked = arguments.reason.clone();
    }
    let file = arguments.directory.join(INDEX_FILE);
    index.save(&file).map_err(failed)?;
    if session.output.is_json() {
        session.output.json(&json!({ "index": fs::canonicalize(&file).ok(), "packages": index.packages }))?;
    } else {
        let count = index.packages.len();
        session.output.line(format!("{count} package{} in {}", if count == 1 { "" } else { "s" }, file.display()))?;
    }
    Ok(Exit::Done)
}
