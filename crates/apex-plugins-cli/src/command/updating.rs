//! What `update`, `rollback` and `install` share: what would change, who agrees, and the switch.

use std::io::{self, IsTerminal as _};

use apex_plugins::{
    FileStateStore, PluginManager, UpdateError, UpdateOptions,
    install::{Consent, InstallError, Plan, Update},
};
use clap::Args;
use serde_json::json;

use crate::{
    command::{
        inspect::state_failure,
        workbench::{ChangeOptions, Workbench, confirm, remind, scratch, show},
    },
    escape,
    exit::Exit,
    failure::Failure,
    output::Tone,
    session::{Session, install_failure},
    settings::Settings,
};

/// What somebody agrees to without being asked.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConsentOptions {
    /// Agree to versions that may break what worked
    #[arg(long)]
    allow_major: bool,
    /// Agree to versions that ask for more permissions, without granting them
    #[arg(long)]
    allow_new_permissions: bool,
    /// Agree to actions that are gone, or say something else of themselves
    #[arg(long)]
    allow_changed_actions: bool,
    /// Agree to another publisher, or to none
    #[arg(long)]
    allow_changed_publisher: bool,
}

impl ConsentOptions {
    /// What these options agree to, and what the plan grants or finds granted.
    pub(crate) fn consent(&self, plan: &Plan) -> Consent {
        let consent = Consent {
            major: self.allow_major,
            permissions: self.allow_new_permissions,
            actions: self.allow_changed_actions,
            publisher: self.allow_changed_publisher,
            ..Consent::default()
        };
        consent.with_grants_of(plan)
    }
}

/// A manager that updates plugins with their states.
pub(crate) async fn manager(settings: &Settings, session: &Session) -> Result<PluginManager, Failure> {
    let states = FileStateStore::open(settings.state_dir()?).map_err(|error| state_failure(&error))?;
    session.acting_manager(settings, |builder| builder.state(states)).await
}

/// Shows what a plan changes, asks unless that is not needed, and carries it out: code and state together.
pub(crate) async fn carry_out(
    bench: &Workbench,
    manager: &PluginManager,
    plan: &Plan,
    change: &ChangeOptions,
    consent: Consent,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let updates = updates(bench, plan)?;
    if change.dry_run || plan.is_empty() {
        return report(plan, &updates, false, session);
    }
    if !session.output.is_json() {
        show_all(plan, &updates, session)?;
    }
    let consent = agree(&updates, consent, change, session)?;
    let options = UpdateOptions { consent, keep: change.keep, ..UpdateOptions::default() };
    let applied = manager.apply(plan, &options).await.map_err(|error| update_failure(&error))?;
    for leftover in &applied.leftovers {
        tracing::warn!("not all could be cleaned up, which the next change will try again: {leftover}");
    }
    if session.output.is_json() {
        return report(plan, &updates, true, session);
    }
    session.output.line(match applied.states {
        0 => "Done.".to_owned(),
        1 => "Done, with its state.".to_owned(),
        count => format!("Done, with {count} states."),
    })?;
    remind(plan, session);
    Ok(Exit::Done)
}

/// Carries out a plan of whoever installs: what takes the place of another version is agreed to as an update is, and if it has
/// a state, code and state change together.
pub(crate) async fn install(
    bench: &Workbench,
    plan: &Plan,
    change: &ChangeOptions,
    consent: Consent,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let updates = updates(bench, plan)?;
    if updates.is_empty() || change.dry_run {
        return bench.carry_out(plan, change, session);
    }
    let root = bench.settings.state_dir()?;
    if updates.iter().any(|update| root.join(update.plugin.as_str()).is_dir()) {
        let manager = manager(&bench.settings, session).await?;
        return carry_out(bench, &manager, plan, change, consent, session).await;
    }
    // Somebody at the terminal is asked when all of it was shown.
    if change.yes || !io::stdin().is_terminal() {
        consent.check(&updates).map_err(|error| unconfirmed(&error, &updates))?;
    } else {
        updates.iter().try_for_each(|update| show_update(update, session))?;
    }
    bench.carry_out(plan, change, session)
}

/// What a plan changes for those who use what is installed.
pub(crate) fn updates(bench: &Workbench, plan: &Plan) -> Result<Vec<Update>, Failure> {
    let scratch = scratch()?;
    plan.updates(&bench.store, &bench.ledger, scratch.path()).map_err(|error| install_failure(&error))
}

/// What the command line agrees to, or else somebody at the terminal, who has seen the whole of it.
pub(crate) fn agree(
    updates: &[Update],
    consent: Consent,
    change: &ChangeOptions,
    session: &Session,
) -> Result<Consent, Failure> {
    let checked = consent.check(updates);
    match checked {
        Err(error) if change.yes || !io::stdin().is_terminal() => Err(unconfirmed(&error, updates)),
        Ok(()) if change.yes => Ok(consent),
        checked => {
            confirm(session)?;
            Ok(if checked.is_err() { Consent::to_all() } else { consent })
        }
    }
}

fn unconfirmed(error: &InstallError, updates: &[Update]) -> Failure {
    install_failure(error).details(Some(json!({ "updates": updates })))
}

fn report(plan: &Plan, updates: &[Update], done: bool, session: &mut Session) -> Result<Exit, Failure> {
    if session.output.is_json() {
        session.output.json(&json!({ "plan": plan, "updates": updates, "done": done }))?;
    } else if plan.is_empty() {
        session.output.line("Everything is up to date.")?;
    } else {
        show_all(plan, updates, session)?;
    }
    Ok(Exit::Done)
}

fn show_all(plan: &Plan, updates: &[Update], session: &mut Session) -> Result<(), Failure> {
    show(plan, session)?;
    updates.iter().try_for_each(|update| show_update(update, session))
}

/// What an update changes, for people.
pub(crate) fn show_update(update: &Update, session: &mut Session) -> Result<(), Failure> {
    let Update { plugin, from, to, version_step, publisher, permissions, actions, bytes, concerns, .. } = update;
    session.output.line(format!("{plugin} {from} -> {to} ({version_step})"))?;
    let mut part = |name: &str, changes: Vec<String>| match changes.is_empty() {
        true => Ok(()),
        false => session.output.line(escape::line(&format!("  {name}: {}", changes.join(", ")))),
    };
    let signs = |sign: char, names: &[String]| names.iter().map(|name| format!("{sign} {name}")).collect::<Vec<_>>();
    part("asks for", [signs('+', &permissions.added), signs('-', &permissions.removed)].concat())?;
    let names = |sign, names: &[apex_plugins::meta::ActionName]| {
        signs(sign, &names.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let changed = actions.changed.iter().map(|action| {
        let parts: Vec<_> = action.parts.iter().map(|part| part.as_str()).collect();
        format!("~ {} ({})", action.name, parts.join(", "))
    });
    part("actions", [names('+', &actions.added), names('-', &actions.removed), changed.collect()].concat())?;
    if publisher.is_other() {
        let named = |name: &Option<String>| name.clone().unwrap_or_else(|| "nobody".to_owned());
        part("signed by", vec![format!("{} -> {}", named(&publisher.from), named(&publisher.to))])?;
    }
    part("bytes", vec![format!("{} -> {}", bytes.from, bytes.to)])?;
    if !concerns.is_empty() {
        let concerns: Vec<_> = concerns.iter().map(|concern| concern.as_str()).collect();
        let text = session.output.paint(Tone::Warning, &concerns.join(", "));
        session.output.line(format!("  to agree to: {text}"))?;
    }
    Ok(())
}

/// Why a plugin was not updated, and what to do.
pub(crate) fn update_failure(error: &UpdateError) -> Failure {
    match error {
        UpdateError::Install(error) => install_failure(error),
        error => Failure::of(error.code().to_owned(), error).hint_if(error.hint()),
    }
}
