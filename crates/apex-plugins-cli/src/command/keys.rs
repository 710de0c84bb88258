//! `apex keys`: makes and shows signing keys.

use std::path::{Path, PathBuf};

use apex_plugins::trust::{KeyError, PublicKey, SigningKey};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    escape,
    exit::Exit,
    failure::Failure,
    session::Session,
    signing_key::{self, PassphraseOptions},
};

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
  apex keys generate acme.pem      # writes acme.pem and acme.pem.pub
  apex keys generate acme.pem --passphrase";

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

    /// Protect the private key with a passphrase, which is asked for
    #[arg(long)]
    passphrase: bool,

    #[command(flatten)]
    passphrase_file: PassphraseOptions,
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
        Command::Generate(arguments) => generate(arguments, session),
        Command::Show(arguments) => show(&arguments.file, session),
    }
}

fn generate(arguments: &GenerateArguments, session: &mut Session) -> Result<Exit, Failure> {
    let GenerateArguments { file, passphrase, passphrase_file } = arguments;
    let key = SigningKey::generate()?;
    let public_file = public_file(file);
    if public_file.exists() {
        // Before the private half is written, so that no half of a pair is left behind.
        return Err(KeyError::FileExists { path: public_file }.into());
    }
    match signing_key::choose(file, *passphrase, passphrase_file, session)? {
        Some(passphrase) => key.write_encrypted_pem(file, &passphrase)?,
        None => key.write_pem(file)?,
    }
    key.public_key().write(&public_file)?;
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
    let key = read_public(file)?;
    print(&describe(&key), session)?;
    Ok(Exit::Done)
}

/// Reads a public key, or the public half of a private one that is not behind a passphrase.
pub(crate) fn read_public(file: &Path) -> Result<PublicKey, Failure> {
    match PublicKey::read(file) {
        Err(error @ KeyError::NotPublic { .. }) => match SigningKey::read_pem(file) {
            // Nobody should have to type a passphrase for what lies beside it.
            Err(KeyError::EncryptedKey { .. }) => Err(error.into()),
            private => Ok(private?.public_key()),
        },
        result => Ok(result?),
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
