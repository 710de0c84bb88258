//! `cargo xtask keygen`: a publisher's signing key.

use std::path::PathBuf;

use apex_trust::{Passphrase, SigningKey};

use crate::explained::Explain as _;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Where to write the private key, which must not exist yet; the public one goes to FILE.pub.
    pub(crate) file: PathBuf,
    /// Protect the private key with the passphrase in the first line of this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { file, passphrase_file } = arguments;
    let passphrase =
        passphrase_file.map(|file| Passphrase::read(&file)).transpose().map_err(|error| error.explained())?;
    let public_file = {
        let mut name = file.clone().into_os_string();
        name.push(".pub");
        PathBuf::from(name)
    };
    let key = SigningKey::generate().map_err(|error| error.explained())?;
    // The public half first: should the private one fail, nothing secret lies about.
    key.public_key().write(&public_file).map_err(|error| error.explained())?;
    let written = match &passphrase {
        Some(passphrase) => key.write_encrypted_pem(&file, passphrase),
        None => key.write_pem(&file),
    };
    if let Err(error) = written {
        std::fs::remove_file(&public_file)?;
        return Err(error.explained());
    }
    println!("key id      {}", key.public_key().key_id());
    println!("public key  {}", key.public_key().to_base64());
    println!("wrote       {} (keep it to yourself) and {}", file.display(), public_file.display());
    Ok(())
}
