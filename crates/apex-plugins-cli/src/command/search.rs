//! `apex search`: what the sources offer.

use apex_plugins::install::{Announced, Source};
use serde_json::json;

use crate::{
    command::workbench::Workbench,
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::Session,
};

/// Search the sources for plugins
///
/// Words are looked for in id, name, description and tags; a plugin is shown if all of them are found.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  apex search mail")]
pub(crate) struct Arguments {
    /// What to look for; everything, if nothing is given
    #[arg(value_name = "WORD")]
    words: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let bench = Workbench::open(session)?;
    let words: Vec<_> = arguments.words.iter().map(|word| word.to_lowercase()).collect();
    let all = bench.offered.iter().flat_map(|(source, index)| index.packages.iter().map(move |one| (source, one)));
    let mut found: Vec<(&Source, &Announced)> = all.filter(|(_, package)| matches(package, &words)).collect();
    found.sort_by(|(_, a), (_, b)| a.id.cmp(&b.id).then_with(|| b.version.cmp(&a.version)));
    if session.output.is_json() {
        let found: Vec<_> = found.iter().map(|(source, package)| to_json(source, package)).collect();
        session.output.json(&json!({ "packages": found }))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<_> = found
        .iter()
        .map(|(source, package)| {
            vec![
                Cell::new(&package.id).tone(Tone::Strong),
                Cell::new(&package.version),
                Cell::new(&source.name),
                Cell::new(if package.yanked.is_some() { "yanked" } else { "" }).tone(Tone::Warning),
                Cell::new(&package.description),
            ]
        })
        .collect();
    session.output.table(&["ID", "VERSION", "SOURCE", "", "DESCRIPTION"], &rows)?;
    Ok(Exit::Done)
}

fn matches(package: &Announced, words: &[String]) -> bool {
    let texts = [package.id.as_str(), &package.name, &package.description];
    let text = texts.into_iter().chain(package.tags.iter().map(String::as_str)).collect::<Vec<_>>().join("\n");
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

fn to_json(source: &Source, package: &Announced) -> serde_json::Value {
    let mut value = json!(package);
    value["source"] = source.name.clone().into();
    value
}
