//! `apex why`: what became of every candidate of a plugin, and why; and what the chosen one needs in turn.

mod closure;

use apex_plugins::{
    PluginSpec,
    discover::Entry,
    resolve::{Explanation, NoCandidate, Verdict},
};
use serde_json::{Value, json};

use self::closure::{Need, closure};
use crate::{
    command::list,
    escape,
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::Session,
};

const EXAMPLES: &str = "\
Examples:
  apex why com.acme.greeter
  apex why 'com.acme.greeter@>=1.2,<2' --json";

/// Explain which version is chosen, and why no other
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin, and perhaps which versions will do
    #[arg(value_name = "ID[@SPEC]")]
    plugin: PluginSpec,
}

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let manager = session.manager(&settings).await?;
    let result = manager.select(&arguments.plugin);
    let explanation = match &result {
        Ok(selection) => &selection.explanation,
        Err(error @ NoCandidate::NotFound { .. }) => return Err(not_chosen(error)),
        Err(error) => error.explanation(),
    };
    let catalogue = manager.catalogue();
    let entries = catalogue.versions(&arguments.plugin.id);
    let chosen = result.as_ref().ok().and_then(|selection| entries[selection.index].manifest());
    let needs = chosen.map_or_else(Vec::new, |manifest| closure(&manager, manifest));
    if session.output.is_json() {
        session.output.json(&to_json(explanation, entries, &needs))?;
    } else {
        show(explanation, entries, session)?;
        show_needs(&needs, session)?;
    }
    Ok(Exit::Done)
}

/// That no candidate can serve a request, with what became of each as details.
pub(crate) fn not_chosen(error: &NoCandidate) -> Failure {
    let details = serde_json::to_value(error.explanation()).ok();
    Failure::of(error.code(), error).hint_if(error.hint()).details(details)
}

fn to_json(explanation: &Explanation, entries: &[Entry], needs: &[Need]) -> Value {
    let mut json = json!(explanation);
    json["dependencies"] = needs.iter().map(Need::to_json).collect();
    for (shown, considered) in json["considered"].as_array_mut().into_iter().flatten().zip(&explanation.considered) {
        shown["path"] = entries.get(considered.index).and_then(list::path).into();
    }
    json
}

fn show(explanation: &Explanation, entries: &[Entry], session: &mut Session) -> Result<(), Failure> {
    let rows = explanation.considered.iter().map(|considered| {
        vec![
            Cell::or_dash(considered.version.as_ref()).tone(Tone::Strong),
            Cell::new(&considered.verdict).tone(tone(considered.verdict)),
            Cell::new(&considered.because),
        ]
    });
    session.output.table(&["VERSION", "VERDICT", "BECAUSE"], &rows.collect::<Vec<_>>())?;
    for considered in &explanation.considered {
        let place = entries.get(considered.index).and_then(list::path);
        let version = considered.version.as_ref().map_or_else(|| "no version".to_owned(), ToString::to_string);
        let place = place.unwrap_or_else(|| "linked into the host".to_owned());
        session.output.line(format!("\n{version} in {}", escape::line(&place)))?;
        if let Some(hint) = considered.reason.as_ref().and_then(|reason| reason.hint.as_deref()) {
            session.output.line(format!("  help: {}", escape::line(hint)))?;
        }
    }
    Ok(())
}

fn show_needs(needs: &[Need], session: &mut Session) -> Result<(), Failure> {
    if needs.is_empty() {
        return Ok(());
    }
    session.output.line(String::new())?;
    let rows = needs.iter().map(|need| {
        let tone = if need.chosen.is_some() || need.is_optional { Tone::Good } else { Tone::Bad };
        let because = if need.is_optional { format!("optional; {}", need.because) } else { need.because.clone() };
        vec![
            Cell::new(&need.spec).tone(Tone::Strong),
            Cell::new(&need.wanted_by),
            Cell::or_dash(need.chosen.as_ref()).tone(tone),
            Cell::new(&because),
        ]
    });
    session.output.table(&["DEPENDENCY", "WANTED BY", "VERSION", "BECAUSE"], &rows.collect::<Vec<_>>())
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Chosen => Tone::Good,
        Verdict::Blocked | Verdict::Invalid => Tone::Bad,
        _ => Tone::Faint,
    }
}
