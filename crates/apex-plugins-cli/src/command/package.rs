//! `apex package`: from a plugin's crate, anywhere, to its directory and its package.

use std::path::PathBuf;

use apex_package::Packaged;
use apex_plugins::meta::TARGET_TRIPLE;
use serde_json::json;

use crate::{
    capture::Capture,
    escape,
    exit::Exit,
    failure::Failure,
    session::Session,
    signing_key::{self, PassphraseOptions},
    workshop::Workshop,
};

const EXAMPLES: &str = "\
Examples:
  apex package .
  apex package greeter --sign acme.pem --out dist
  apex package greeter --lib aarch64-unknown-linux-gnu=arm/libgreeter.so";

/// Build a plugin's crate and pack it, signed if there is a key
///
/// The crate is a directory with Cargo.toml and src/lib.rs; what the plugin needs at run time lies in resources/.
/// plugin.json is made of code and Cargo.toml, see `apex manifest`. Checksum and signature are filled in. The same library, manifest, resources and key give the same bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin's crate
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Sign with the private key in this file
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,

    #[command(flatten)]
    passphrase: PassphraseOptions,

    /// Where ID/VERSION/ and ID-VERSION.apexpkg go; target/plugins in the crate by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Add the library for another platform, which was built there; repeat for more
    ///
    /// If the triple of this platform is among them, nothing is built here.
    #[arg(long, value_name = "TRIPLE=PATH", value_parser = library)]
    lib: Vec<(String, PathBuf)>,

    /// Build in this cargo profile
    #[arg(long, value_name = "NAME", default_value = "release")]
    profile: String,
}

fn library(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((triple, path)) if !triple.is_empty() && !path.is_empty() => Ok((triple.to_owned(), path.into())),
        _ => Err(format!("a target triple and a path are expected, such as {TARGET_TRIPLE}=libgreeter.so")),
    }
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let key =
        arguments.sign.as_ref().map(|file| signing_key::read(file, &arguments.passphrase, session)).transpose()?;
    let libraries = arguments.lib.iter().cloned().collect();
    let default = || arguments.directory.join("target").join("plugins");
    let out = arguments.out.clone().unwrap_or_else(default);
    let workshop = Workshop::new(&arguments.directory, &arguments.profile)?;
    // Cargo talks to people; for programs each of its lines becomes an object.
    let capture = Capture::start(&mut session.output, &session.stderr)?;
    let packaged = apex_package::package(&workshop.build(), &libraries, &out, key.as_ref());
    capture.finish();
    show(&packaged?, session)
}

fn show(packaged: &Packaged, session: &mut Session) -> Result<Exit, Failure> {
    let manifest = packaged.document.manifest();
    let key_id = manifest.signature.as_ref().map(|signature| &signature.key_id);
    let directory = packaged.directory.to_string_lossy();
    if session.output.is_json() {
        let archive = packaged.archive.to_string_lossy();
        session.output.json(&json!({
            "id": manifest.id, "version": manifest.version, "checksum": manifest.checksum, "key_id": key_id,
            "directory": directory, "archive": archive,
        }))?;
        return Ok(Exit::Done);
    }
    session.output.line(format!("packaged  {} {}", manifest.id, manifest.version))?;
    if let Some(checksum) = &manifest.checksum {
        session.output.line(format!("checksum  {checksum}"))?;
    }
    session.output.line(match key_id {
        Some(key_id) => format!("signed    by key {}", escape::line(key_id)),
        None => "signed    by nobody".to_owned(),
    })?;
    session.output.line(format!("wrote     {}", escape::line(&directory)))?;
    session.output.line(format!("          {}", escape::line(&packaged.archive.to_string_lossy())))?;
    if key_id.is_none() {
        session.note("Sign it with `apex sign`, or try it as it is: apex --dev-root DIR list");
    }
    Ok(Exit::Done)
}
