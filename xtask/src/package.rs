//! `cargo xtask package`: from a plugin's crate to its directory and its package.

use std::path::{Path, PathBuf};

use crate::{explained::Explain as _, sign::signing_key, workspace};
use apex_package::Build;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The plugin's crate: a directory, or a name below `plugins/` or `tests/plugins/`.
    pub(crate) plugin: PathBuf,
    /// Sign with the private key in this file.
    #[arg(long, value_name = "KEY")]
    pub(crate) sign: Option<PathBuf>,
    /// Where to put `<id>/<version>/` and `<id>-<version>.apexpkg`; `target/plugins` by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The library for another platform, built there; repeat for more. With this platform's, nothing is built.
    #[arg(long, value_name = "TRIPLE=PATH", value_parser = library)]
    pub(crate) lib: Vec<(String, PathBuf)>,
    /// The file whose first line is the passphrase of the key.
    #[arg(long, value_name = "FILE", requires = "sign")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Build in this cargo profile.
    #[arg(long, value_name = "NAME", default_value = "release")]
    pub(crate) profile: String,
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { plugin, sign, out, lib, passphrase_file, profile } = arguments;
    let crate_directory = find_crate(&plugin);
    let key = sign.map(|file| signing_key(&file, passphrase_file.as_deref())).transpose()?;
    let libraries = lib.into_iter().collect();
    let out = out.unwrap_or_else(|| workspace::root().join("target").join("plugins"));
    let cargo = workspace::cargo();
    let describer = apex_package::this_program()?;
    let build = Build {
        cargo: &cargo,
        crate_directory: &crate_directory,
        profile: &profile,
        target_directory: None,
        describer: &describer,
    };
    let packaged = apex_package::package(&build, &libraries, &out, key.as_ref()).map_err(|error| error.explained())?;
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

fn library(text: &str) -> Result<(String, PathBuf), String> {
    let (triple, path) = text.split_once('=').ok_or("TRIPLE=PATH is expected")?;
    Ok((triple.to_owned(), path.into()))
}

/// A bare name that is no directory here is one of the repository's plugins.
fn find_crate(plugin: &Path) -> PathBuf {
    if plugin.components().count() != 1 || plugin.join("Cargo.toml").is_file() {
        return plugin.to_owned();
    }
    let [example, for_tests] = ["plugins", "tests/plugins"].map(|folder| workspace::root().join(folder).join(plugin));
    if for_tests.is_dir() { for_tests } else { example }
}
