//! `apex keys`: makes and shows signing keys.

use std::path::{Path, PathBuf};

use apex_plugins::trust::{KeyError, PublicKey, SigningKey};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{escape, exit::Exit, failure::Failure, session::Session};

/// Make and show signing keys
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(GenerateArguments),
    Show(ShowArguments),
}

const GENERATE_EXAMPLE: &str = "\
Example:
  apex keys generate acme.pem      # writes acme.pem and acme.pem.pub";

/// Make a key pair for signing plugins
///
/// The private key goes to FILE (PKCS#8 PEM, readable by you alone), its public half to FILE.pub. Keep the private key
/// secret; give the public one to those who shall trust your plugins.
#[derive(Debug, Args)]
#[command(after_help = GENERATE_EXAMPLE)]
struct GenerateArguments {
    /// Where the private key goes; the file must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

const SHOW_EXAMPLE: &str = "\
Example:
  apex keys show acme.pem.pub";

/// Show the id and the public half of a key
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLE)]
struct ShowArguments {
    /// A private key, or its public half
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Generate(arguments) => generate(&arguments.file, session),
        Command::Show(arguments) => show(&arguments.file, session),
    }
}

fn generate(file: &Path, session: &mut Session) -> Result<Exit, Failure> {
    let key = SigningKey::generate().map_err(|error| key_failure(&error))?;
    let public_file = public_file(file);
    if public_file.exists() {
        // Before the private half is written, so that no half of a pair is left behind.
        return Err(key_failure(&KeyError::FileExists { path: public_file }));
    }
    key.write_pem(file).map_err(|error| key_failure(&error))?;
    key.public_key().write(&public_file).map_err(|error| key_failure(&error))?;
    let mut shown = describe(&key.public_key());
    shown["file"] = file.to_string_lossy().into();
    shown["public_file"] = public_file.to_string_lossy().into();
    print(&shown, session)?;
    session.note(&format!(
        "Keep the first file secret. Whoever shall trust your plugins runs:\n  apex trust add NAME --key {} --prefix ID",
        escape::line(&public_file.display().to_string())
    ));
    Ok(Exit::Done)
}

fn show(file: &Path, session: &mut Session) -> Result<Exit, Failure> {
    let key = read_public(file).map_err(|error| key_failure(&error))?;
    print(&describe(&key), session)?;
    Ok(Exit::Done)
}

/// Reads a public key, or the public half of a private one.
pub(crate) fn read_public(file: &Path) -> Result<PublicKey, KeyError> {
    match PublicKey::read(file) {
        Err(KeyError::NotPublic { .. }) => Ok(SigningKey::read_pem(file)?.public_key()),
        result => result,
    }
}

/// `acme.pem` has its public half in `acme.pem.pub`.
fn public_file(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn describe(key: &PublicKey) -> Value {
    json!({"key_id": key.key_id().to_string(), "public": key.to_base64()})
}

fn print(key: &Value, session: &mut Session) -> Result<(), Failure> {
    if session.output.is_json() {
        return session.output.json(key);
    }
    let rows =
        [("private key", "file"), ("public key in", "public_file"), ("key id", "key_id"), ("public key", "public")];
    for (title, member) in rows {
        if let Some(text) = key[member].as_str() {
            session.output.line(format!("{title:<14} {}", escape::line(text)))?;
        }
    }
    Ok(())
}

/// What is wrong with a key, and what to do.
pub(crate) fn key_failure(error: &KeyError) -> Failure {
    Failure::of(error.code(), error).hint_if(error.hint())
}
