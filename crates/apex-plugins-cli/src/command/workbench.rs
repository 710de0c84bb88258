//! What the commands that change the install store share: the planner, the question, and the deed.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    path::Path,
    sync::Arc,
};

use apex_plugins::{
    Grants, PluginManager, TrustStore,
    audit_log::AuditError,
    install::{Action, Index, Ledger, Plan, PlannedGrant, Planner, Source, Sources, Store},
    meta::{Permission, PluginId, Status},
    releases,
    resolve::Releases,
    trust::{Policy, Verifier},
};
use serde_json::json;

use crate::{
    command::grant,
    escape,
    exit::Exit,
    failure::Failure,
    output::{Cell, Tone},
    session::{Session, audit_sink, install_failure},
    settings::Settings,
};

/// Options of every command that changes the store.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ChangeOptions {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do it without asking
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// How many versions to keep beside the active one, those that were active last
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) keep: usize,
}

/// The install store with all that is needed to plan for it.
pub(crate) struct Workbench {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    pub(crate) trust: TrustStore,
    /// What the operator granted so far.
    pub(crate) grants: Grants,
    policy: Policy,
    /// Each source that can be read, with what it offers.
    pub(crate) offered: Vec<(Source, Index)>,
}

impl Workbench {
    /// The store of a session's settings, and the sources that it was told of.
    pub(crate) fn open(session: &Session) -> Result<Self, Failure> {
        let settings = session.settings()?;
        let sources = Sources::load(&settings.sources_file()?).map_err(|error| install_failure(&error))?;
        let offered = sources.iter().filter_map(|source| match source.index() {
            Ok(index) => Some((source.clone(), index)),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                tracing::warn!("source `{}` is passed over: {error}{cause}", source.name);
                None
            }
        });
        let offered = offered.collect();
        Self::with_sources(settings, offered)
    }

    /// The same with other sources.
    pub(crate) fn with_sources(settings: Settings, offered: Vec<(Source, Index)>) -> Result<Self, Failure> {
        let store =
            Store::new(std::path::absolute(settings.store()?).map_err(|error| {
                Failure::new("Io", "the path of the store cannot be made absolute").caused_by(&error)
            })?);
        let ledger = store.ledger().map_err(|error| install_failure(&error))?;
        let (trust, policy) = (settings.trust_store()?, settings.policy().into());
        let grants = Grants::load(&settings.grants_file()?).map_err(|error| grant::grants_failure(&error))?;
        Ok(Self { settings, store, ledger, trust, grants, policy, offered })
    }

    /// A planner that knows of the store and the sources.
    pub(crate) fn planner(&self) -> Planner<'_> {
        let planner = Planner::new(&self.store, &self.ledger, &self.trust, self.policy).granted(self.grants.clone());
        self.offered.iter().fold(planner, |planner, (source, index)| planner.source(source, index))
    }

    /// Shows a plan, asks unless that is not needed, and carries it out.
    pub(crate) fn carry_out(
        &self,
        plan: &Plan,
        options: &ChangeOptions,
        session: &mut Session,
    ) -> Result<Exit, Failure> {
        if options.dry_run || plan.is_empty() {
            return self.report(plan, false, session);
        }
        // That somebody asks for what is there already is noted without a question.
        let has_steps = !plan.steps.is_empty() || !plan.grants.is_empty();
        if has_steps && !session.output.is_json() {
            show(plan, session)?;
        }
        if has_steps && !options.yes {
            confirm(session)?;
        }
        let verifier = Verifier::new(Arc::new(self.trust.clone()), self.policy);
        let store = self.store.clone().with_audit(audit_sink(&self.settings)?);
        let done = store.apply(plan, &verifier, options.keep).map_err(|error| install_failure(&error))?;
        for leftover in &done.leftovers {
            tracing::warn!("not all could be cleaned up, which the next change will try again: {leftover}");
        }
        // Only what is there is granted anything; who dies in between has installed it without.
        grant::carry_out(plan, &self.settings)?;
        match session.output.is_json() || !has_steps {
            true => drop(self.report(plan, true, session)?),
            false => {
                session.output.line("Done.")?;
                remind(plan, session);
            }
        }
        recorded(&done.unrecorded).map(|()| Exit::Done)
    }

    fn report(&self, plan: &Plan, done: bool, session: &mut Session) -> Result<Exit, Failure> {
        if session.output.is_json() {
            session.output.json(&json!({ "plan": plan, "done": done }))?;
        } else if plan.steps.is_empty() && plan.grants.is_empty() {
            session.output.line("Nothing is to be done.")?;
        } else {
            show(plan, session)?;
        }
        Ok(Exit::Done)
    }
}

/// What stands in other roots than the store, and may serve as a dependency.
pub(crate) fn elsewhere(manager: &PluginManager) -> Releases {
    releases(&manager.catalogue(), |entry| {
        entry.status() == Status::Ready && entry.root().is_none_or(|root| !root.is_store())
    })
}

/// A plan as a table.
pub(crate) fn show(plan: &Plan, session: &mut Session) -> Result<(), Failure> {
    let rows: Vec<_> = plan
        .steps
        .iter()
        .map(|step| {
            let tone = match step.action {
                Action::Remove | Action::Downgrade => Tone::Warning,
                _ => Tone::Good,
            };
            vec![
                Cell::new(step.action.as_str()).tone(tone),
                Cell::new(&step.plugin).tone(Tone::Strong),
                Cell::or_dash(step.from.as_ref()),
                Cell::or_dash(step.to.as_ref()),
                Cell::or_dash(step.publisher.as_deref()),
                Cell::or_dash((!step.permissions.is_empty()).then(|| step.permissions.join(", "))),
                Cell::or_dash((!step.granted.is_empty()).then(|| joined(&step.granted))),
                Cell::new(&step.because),
            ]
        })
        .collect();
    if !rows.is_empty() {
        let head = ["ACTION", "PLUGIN", "FROM", "TO", "SIGNER", "ASKS FOR", "GRANTED", "BECAUSE"];
        session.output.table(&head, &rows)?;
    }
    for PlannedGrant { plugin, owner, permission, asked, .. } in &plan.grants {
        let effect = if *asked { "" } else { ", without effect: it does not ask for it" };
        session.output.line(escape::line(&format!("grant {permission} to {plugin} of {owner}{effect}")))?;
    }
    for (plugin, missing, _) in ungranted(plan) {
        session.output.line(escape::line(&format!("{plugin} is not granted {missing}, which it asks for")))?;
    }
    for left in &plan.left_out {
        session.output.line(format!("optional {} is left out: {}", left.plugin, escape::line(&left.because)))?;
    }
    Ok(())
}

/// What each plugin asks for and is not granted, with the command that would grant it.
fn ungranted(plan: &Plan) -> impl Iterator<Item = (&PluginId, String, String)> {
    let lacking = plan.steps.iter().filter(|step| !step.not_granted.is_empty());
    lacking.map(|step| {
        let words: String = step.not_granted.iter().map(|permission| format!(" '{permission}'")).collect();
        (&step.plugin, joined(&step.not_granted), format!("apex grant {}{words}", step.plugin))
    })
}

/// Says how to grant what was not granted.
pub(crate) fn remind(plan: &Plan, session: &Session) {
    for (plugin, missing, command) in ungranted(plan) {
        session.note(&format!("{plugin} runs without {missing}; `{command}` grants it"));
    }
}

fn joined(permissions: &[Permission]) -> String {
    permissions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A change that is not in the audit log is told of; it has happened all the same.
pub(crate) fn recorded(unrecorded: &[AuditError]) -> Result<(), Failure> {
    match unrecorded.first() {
        Some(error) => {
            let message = "the store is changed, but the audit log could not be written";
            Err(Failure::new(error.code(), message).caused_by(error).hint_if(error.hint()))
        }
        None => Ok(()),
    }
}

/// Asks at the terminal; where there is none, nobody has agreed.
pub(crate) fn confirm(session: &Session) -> Result<(), Failure> {
    let refused =
        |why: &str| Failure::new("NotConfirmed", why.to_owned()).hint("say --yes, or look at it with --dry-run");
    if !io::stdin().is_terminal() {
        return Err(refused("nobody is there to confirm the plan"));
    }
    session.stderr.line("Go on? [y/N]");
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::io("read", Path::new("the answer"), &error))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(refused("the plan was not confirmed")),
    }
}

/// A directory that packages are looked at in, gone when this is dropped.
pub(crate) fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|error| Failure::new("Io", "no temporary directory can be made").caused_by(&error))
}
