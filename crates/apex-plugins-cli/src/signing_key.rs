//! The author's private key: read from its file, with its passphrase if it is behind one.

use std::path::{Path, PathBuf};

use apex_plugins::trust::{KeyError, Passphrase, SigningKey};

use crate::{failure::Failure, session::Session};

/// How a passphrase is given otherwise than in the terminal.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct PassphraseOptions {
    /// Take the key's passphrase from the first line of this file
    ///
    /// The file must be readable by you alone. Without it, the passphrase is asked for in the terminal.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Reads a private key; one behind a passphrase is opened with it.
pub(crate) fn read(file: &Path, options: &PassphraseOptions, session: &Session) -> Result<SigningKey, Failure> {
    SigningKey::read_pem_with(file, || match &options.passphrase_file {
        Some(passphrase) => Ok(Passphrase::read(passphrase)?),
        None => ask(&format!("Passphrase of {}: ", file.display()), file, session),
    })
}

/// The passphrase for a new key: from a file, asked for twice, or none.
pub(crate) fn choose(
    file: &Path,
    wanted: bool,
    options: &PassphraseOptions,
    session: &Session,
) -> Result<Option<Passphrase>, Failure> {
    if let Some(passphrase) = &options.passphrase_file {
        return Ok(Some(Passphrase::read(passphrase)?));
    }
    if !wanted {
        return Ok(None);
    }
    let first = ask(&format!("Passphrase for {}: ", file.display()), file, session)?;
    let again = ask("The same again: ", file, session)?;
    match first == again {
        true => Ok(Some(first)),
        false => Err(Failure::usage("the two passphrases are not the same").hint("run the command again")),
    }
}

/// Asks in the terminal, which does not show what is typed.
fn ask(prompt: &str, file: &Path, session: &Session) -> Result<Passphrase, Failure> {
    let nobody_there = || Failure::from(KeyError::EncryptedKey { path: file.to_owned() });
    if session.output.is_json() {
        // A program is at the other end.
        return Err(nobody_there());
    }
    let text = rpassword::prompt_password(prompt).map_err(|error| nobody_there().caused_by(&error))?;
    Ok(Passphrase::new(text)?)
}
