//! `cargo xtask sign`: checksum and signature of a plugin that is laid out already.

use std::path::PathBuf;

use apex_package::{EXTENSION, pack, seal_directory};
use apex_trust::SigningKey;

use crate::explained::Explain as _;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The plugin's directory, with its `plugin.json`.
    directory: PathBuf,
    /// The file of the private key.
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Also pack the signed plugin into this archive.
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { directory, key, pack: archive } = arguments;
    let key = SigningKey::read_pem(&key).map_err(|error| error.explained())?;
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
