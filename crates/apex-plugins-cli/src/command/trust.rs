//! `apex trust`: the trust store, and the operator's decisions that go into it.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use apex_plugins::{
    AuditSink as _,
    audit_log::{Happening, Record},
    meta::{Digest, Placement},
    trust::{KeyId, Timestamp, TrustStore, TrustStoreError},
};
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    command::keys::read_public,
    escape,
    exit::Exit,
    failure::Failure,
    session::{Session, audit_sink},
    settings::{self, Settings},
};

mod show;

/// Say whose plugins may run, and which may not
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArguments),
    Add(AddArguments),
    Revoke(RevokeArguments),
    Deny(DenyArguments),
    Root(RootArguments),
    Remove(RemoveArguments),
}

/// Show the trust store
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex trust list")]
struct ListArguments {}

const ADD_EXAMPLES: &str = "\
Examples:
  apex trust add acme --key acme.pem.pub --prefix com.acme
  apex trust add acme --key acme.pem.pub --prefix com.acme --placement in-process";

/// Trust a publisher's key for ids that start with a prefix
///
/// For a publisher that is trusted already, key and prefixes are added to what it has.
#[derive(Debug, Args)]
#[command(after_help = ADD_EXAMPLES)]
struct AddArguments {
    /// A name of your choice for the publisher
    name: String,
    /// The publisher's public key: Base64, or PEM as OpenSSL writes it
    ///
    /// Of a private key, the public half is taken.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The ids that it may sign: this one and those below it; repeat for more
    #[arg(long, value_name = "ID")]
    prefix: Vec<String>,
    /// Where its plugins may run at most; `process` if nothing is said
    #[arg(long, value_name = "WHERE")]
    placement: Option<PlacementName>,
}

/// Where a publisher's plugins may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlacementName {
    /// In a child process of their own.
    Process,
    /// In the host's own process: for publishers whose code you trust like your own.
    InProcess,
}

impl From<PlacementName> for Placement {
    fn from(name: PlacementName) -> Self {
        match name {
            PlacementName::Process => Self::Process,
            PlacementName::InProcess => Self::InProcess,
        }
    }
}

/// Void every signature that a key ever made
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex trust revoke 9f0c…e1 --reason 'the laptop was stolen'")]
struct RevokeArguments {
    /// The key's id, as `apex trust list` shows it
    #[arg(value_name = "KEYID")]
    key: KeyId,
    /// Why, for those who meet a blocked plugin
    #[arg(long)]
    reason: String,
}

/// Deny a plugin by its digest, whoever signed it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex trust deny blake3:6437b3ac…85")]
struct DenyArguments {
    /// The digest, as `apex inspect` shows it
    digest: Digest,
    /// Allow it again
    #[arg(long)]
    remove: bool,
}

const ROOT_EXAMPLE: &str = "\
Example:
  apex trust root ./plugins        # of a project that you trust";

/// Search a directory for plugins from now on
#[derive(Debug, Args)]
#[command(after_help = ROOT_EXAMPLE)]
struct RootArguments {
    /// The directory
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Apply the lenient rules for plugins under development there
    #[arg(long, conflicts_with = "remove")]
    dev: bool,
    /// Search it no more
    #[arg(long)]
    remove: bool,
}

/// Forget a publisher with all its keys
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  apex trust remove acme")]
struct RemoveArguments {
    /// The publisher's name, as `apex trust list` shows it
    name: String,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let file = settings.trust_file()?;
    let done = match &arguments.command {
        Command::List(_) => {
            let store = settings.trust_store()?;
            show::store(&file, &store, &mut session.output)?;
            return Ok(Exit::Done);
        }
        Command::Add(arguments) => add(arguments, &file)?,
        Command::Revoke(arguments) => revoke(arguments, &file)?,
        Command::Deny(arguments) => deny(arguments, &file)?,
        Command::Root(arguments) => root(arguments, &file)?,
        Command::Remove(arguments) => remove(arguments, &file)?,
    };
    record(&settings)?;
    if session.output.is_json() {
        let store = settings.trust_store()?;
        session.output.json(&show::to_json(&file, &store))?;
    } else {
        session.output.line(escape::line(&done))?;
    }
    Ok(Exit::Done)
}

/// Records that the trust store is another one now; the change is made, so that a log that fails only earns a word.
fn record(settings: &Settings) -> Result<(), Failure> {
    let store_version = settings.trust_store()?.version();
    let record = Record { at: SystemTime::now(), happening: Happening::TrustChange { store_version } };
    if let Err(error) = audit_sink(settings)?.append(&record) {
        tracing::error!(error = &error as &dyn std::error::Error, "the change could not be recorded in the audit log");
    }
    Ok(())
}

/// What is wrong with the trust store, and what to do.
pub(crate) fn store_failure(error: &TrustStoreError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint())
}

impl From<TrustStoreError> for Failure {
    fn from(error: TrustStoreError) -> Self {
        store_failure(&error)
    }
}

fn add(arguments: &AddArguments, file: &Path) -> Result<String, Failure> {
    let key = read_public(&arguments.key)?;
    update(file, |store| {
        let known = store.publisher(&arguments.name);
        if known.is_none() && arguments.prefix.is_empty() {
            let message = format!("publisher `{}` needs a prefix: which ids may it sign?", arguments.name);
            return Err(Failure::usage(message).hint("add --prefix, such as --prefix com.acme"));
        }
        let placement = match (arguments.placement, known) {
            (Some(placement), _) => placement.into(),
            (None, Some(publisher)) => publisher.placement(),
            (None, None) => Placement::Process,
        };
        let prefixes: Vec<_> = arguments.prefix.iter().map(String::as_str).collect();
        store
            .add_publisher(&arguments.name, key, &prefixes, placement)
            // The store is sound; what the command line asks of it is not.
            .map_err(|error| store_failure(&error).exit_with(Exit::Usage))?;
        let covered = store.publisher(&arguments.name).map(show::prefixes).unwrap_or_default();
        let id = key.key_id();
        Ok(format!("{} is trusted with {covered}, placement {placement}, by key {id}", arguments.name))
    })
}

fn revoke(arguments: &RevokeArguments, file: &Path) -> Result<String, Failure> {
    let now = Timestamp::from_system_time(SystemTime::now());
    update(file, |store| {
        store.revoke(&arguments.key, now, &arguments.reason)?;
        Ok(format!("key {} is revoked; nothing that it signed will run", arguments.key))
    })
}

fn deny(arguments: &DenyArguments, file: &Path) -> Result<String, Failure> {
    let digest = arguments.digest;
    update(file, |store| {
        if !arguments.remove {
            store.deny(digest);
            return Ok(format!("{digest} is denied, whoever signed it"));
        }
        match store.allow(&digest) {
            true => Ok(format!("{digest} is no longer denied")),
            false => Err(not_listed(&format!("digest {digest} is not denied"))),
        }
    })
}

fn root(arguments: &RootArguments, file: &Path) -> Result<String, Failure> {
    if arguments.remove {
        return remove_root(&arguments.directory, file);
    }
    let directory = absolute(&arguments.directory)?;
    let shown = directory.display().to_string();
    update(file, |store| {
        if arguments.dev {
            store.add_dev_root(directory);
            return Ok(format!("{shown} is searched from now on, with the lenient rules for development"));
        }
        store.add_root(directory);
        Ok(format!("{shown} is searched from now on"))
    })
}

/// Forgets a root as it was stored, and also one whose directory is gone.
fn remove_root(given: &Path, file: &Path) -> Result<String, Failure> {
    let directory = absolute(given).unwrap_or_else(|_| given.to_owned());
    update(file, |store| match store.remove_root(&directory) {
        true => Ok(format!("{} is searched no more", directory.display())),
        false => Err(not_listed(&format!("{} is not a root of the trust store", directory.display()))),
    })
}

fn remove(arguments: &RemoveArguments, file: &Path) -> Result<String, Failure> {
    update(file, |store| {
        store.remove_publisher(&arguments.name)?;
        Ok(format!("{} is forgotten; plugins that it signed will not run", arguments.name))
    })
}

fn not_listed(message: &str) -> Failure {
    Failure::new("NotListed", message).hint("`apex trust list` shows what is there")
}

/// A directory with its full path, so that it means the same from everywhere.
fn absolute(directory: &Path) -> Result<PathBuf, Failure> {
    let absolute = fs::canonicalize(directory).map_err(|error| Failure::io("find", directory, &error))?;
    if absolute.is_dir() {
        return Ok(absolute);
    }
    let message = format!("{} is not a directory", directory.display());
    Err(Failure::usage(message).hint("name the directory that holds the plugins' directories"))
}

/// Changes the store under its lock; a file that is not there yet is made.
fn update(file: &Path, change: impl FnOnce(&mut TrustStore) -> Result<String, Failure>) -> Result<String, Failure> {
    if let Some(parent) = file.parent() {
        settings::create_private(parent)?;
    }
    TrustStore::update(file, change)
}
