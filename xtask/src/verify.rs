//! `cargo xtask verify`: do a plugin's files match its checksum, and did the key sign it?

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use apex_package::{Checked, SignatureCheck, check_directory, unpack};
use apex_trust::PublicKey;

use crate::explained::Explain as _;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A plugin's directory or a package.
    path: PathBuf,
    /// The public key that must have signed it: a file made by `cargo xtask keygen` or OpenSSL.
    #[arg(long, value_name = "PUBFILE")]
    key: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { path, key } = arguments;
    let key = key.map(|file| PublicKey::read(&file)).transpose().map_err(|error| error.explained())?;
    let checked = if path.is_dir() { check(&path, key.as_ref())? } else { check_package(&path, key.as_ref())? };
    println!("plugin    {} {}", checked.document.id(), checked.document.version());
    println!("checksum  {} holds", checked.digest);
    match checked.signature {
        SignatureCheck::Holds { key_id } => println!("signature by key {key_id} holds"),
        SignatureCheck::NotChecked { key_id } => {
            println!("signature said to be by key {key_id}, not checked: give its public key with --key PUBFILE");
        }
        SignatureCheck::Unsigned => println!("signature none"),
    }
    Ok(())
}

fn check(directory: &Path, key: Option<&PublicKey>) -> anyhow::Result<Checked> {
    check_directory(directory, key).map_err(|error| error.explained())
}

fn check_package(archive: &Path, key: Option<&PublicKey>) -> anyhow::Result<Checked> {
    let fresh = tempfile::tempdir().context("cannot make a directory to unpack into")?;
    let directory = fresh.path().join("plugin");
    unpack(archive, &directory).map_err(|error| error.explained())?;
    check(&directory, key)
}
