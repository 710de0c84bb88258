//! `cargo xtask sign`: checksum and signature of a plugin that is laid out already.

use std::path::{Path, PathBuf};

use apex_package::{EXTENSION, pack, seal_directory};
use apex_trust::{KeyError, Passphrase, SigningKey};

use crate::explained::Explain as _;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The plugin's directory, with its `plugin.json`.
    directory: PathBuf,
    /// The file of the private key.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// The file whose first line is the passphrase of the key.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Also pack the signed plugin into this archive.
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { directory, key, passphrase_file, pack: archive } = arguments;
    let key = signing_key(&key, passphrase_file.as_deref())?;
    let document = seal_directory(&directory, Some(&key)).map_err(|error| error.explained())?;
    println!("signed {} {} by key {}", document.id(), document.version(), key.public_key().key_id());
    match archive {
        Some(archive) => {
            pack(&directory, &archive).map_err(|error| error.explained())?;
            println!("packed {}", archive.display());
        }
        None => println!("an older .{EXTENSION} holds the old plugin.json: --pack FILE makes a new one"),
    }
    Ok(())
}

/// Reads a private key; one behind a passphrase needs the file with it.
pub(crate) fn signing_key(file: &Path, passphrase_file: Option<&Path>) -> anyhow::Result<SigningKey> {
    let encrypted = || KeyError::EncryptedKey { path: file.to_owned() };
    SigningKey::read_pem_with(file, || Passphrase::read(passphrase_file.ok_or_else(encrypted)?))
        .map_err(|error: KeyError| error.explained())
}
