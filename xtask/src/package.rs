//! `cargo xtask package`: from a plugin's crate to its directory and its package.

use std::path::{Path, PathBuf};

use apex_package::Build;
use apex_trust::SigningKey;

use crate::{explained::Explain as _, workspace};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The plugin's crate: a directory, or a name below `plugins/`.
    pub(crate) plugin: PathBuf,
    /// Sign with the private key in this file.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
    /// Where to put `<id>/<version>/` and `<id>-<version>.apexpkg`; `target/plugins` by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Build in this cargo profile.
    #[arg(long, value_name = "NAME", default_value = "release")]
    pub(crate) profile: String,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { plugin, sign, out, profile } = arguments;
    let crate_directory = find_crate(&plugin);
    let key = sign.map(|file| SigningKey::read_pem(&file)).transpose().map_err(|error| error.explained())?;
    let out = out.unwrap_or_else(|| workspace::root().join("target").join("plugins"));
    let cargo = workspace::cargo();
    let build = Build { cargo: &cargo, crate_directory: &crate_directory, profile: &profile, target_directory: None };
    let packaged = apex_package::package(&build, &out, key.as_ref()).map_err(|error| error.explained())?;
    let manifest = packaged.document.manifest();
    println!("packaged  {} {}", manifest.id, manifest.version);
    if let Some(checksum) = &manifest.checksum {
        println!("checksum  {checksum}");
    }
    match &manifest.signature {
        Some(signature) => println!("signed    by key {}", signature.key_id),
        None => println!("unsigned  sign it with: cargo xtask sign {} --key KEY", packaged.directory.display()),
    }
    println!("wrote     {}", packaged.directory.display());
    println!("          {}", packaged.archive.display());
    Ok(())
}

/// A bare name that is no directory here is one of the repository's plugins.
fn find_crate(plugin: &Path) -> PathBuf {
    let below = workspace::root().join("plugins").join(plugin);
    if plugin.components().count() == 1 && !plugin.join("Cargo.toml").is_file() { below } else { plugin.to_owned() }
}
