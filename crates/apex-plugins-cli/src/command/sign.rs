//! `apex sign`: checksum and signature of a plugin that is laid out already, also with a key that lives elsewhere.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use apex_package::{attach_signature, pack, seal_directory, signing_payload, unpack};
use apex_plugins::meta::Document;
use serde_json::json;
use tempfile::TempDir;

use crate::{
    command::keys,
    escape,
    exit::Exit,
    failure::Failure,
    session::Session,
    signing_key::{self, PassphraseOptions},
};

const EXAMPLES: &str = "\
Examples:
  apex sign target/plugins/com.acme.greeter/1.0.0 --key acme.pem
  apex sign greeter.apexpkg --key acme.pem
With a key that a key management service keeps (AWS KMS here):
  apex sign greeter.apexpkg --payload-out payload
  aws kms sign --key-id alias/acme --signing-algorithm ED25519_SHA_512 \\
    --message-type RAW --message fileb://payload \\
    --query Signature --output text > signature
  apex sign greeter.apexpkg --attach signature --public acme.pub";

/// Sign a plugin's directory or package
///
/// The checksum is taken anew, so that the signature covers the files as they are. A package is replaced by the signed
/// one.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A plugin's directory, or an .apexpkg
    #[arg(value_name = "PATH")]
    path: PathBuf,

    #[command(flatten)]
    how: How,

    #[command(flatten)]
    passphrase: PassphraseOptions,

    /// The public half of the key that made the signature
    #[arg(long, value_name = "FILE", requires = "attach", conflicts_with_all = ["key", "payload_out"])]
    public: Option<PathBuf>,

    /// Also pack the plugin into this package
    #[arg(long, value_name = "FILE", conflicts_with = "payload_out")]
    pack: Option<PathBuf>,
}

/// Where the signature comes from.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct How {
    /// Sign with the private key in this file
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,

    /// Fill in the checksum, and write the bytes that are to be signed elsewhere to this file
    ///
    /// All of them are to be signed by plain Ed25519 (RFC 8032), neither prehashed nor with a context.
    #[arg(long, value_name = "FILE")]
    payload_out: Option<PathBuf>,

    /// Put in the signature in this file, 64 bytes or their Base64, which was made over that payload
    #[arg(long, value_name = "FILE", requires = "public")]
    attach: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let plugin = Plugin::open(&arguments.path)?;
    let directory = plugin.directory();
    let document = match (&arguments.how, &arguments.public) {
        (How { key: Some(key), .. }, _) => {
            let key = signing_key::read(key, &arguments.passphrase, session)?;
            seal_directory(&directory, Some(&key))?
        }
        (How { attach: Some(signature), .. }, Some(public)) => {
            let key = keys::read_public(public)?;
            attach_signature(&directory, &key, &read_signature(signature)?)?
        }
        (How { payload_out: Some(file), .. }, _) => {
            let (document, payload) = signing_payload(&directory)?;
            write(file, &payload)?;
            document
        }
        // The parser lets nothing else through.
        _ => return Err(Failure::usage("one of --key, --payload-out and --attach is needed")),
    };
    plugin.close(arguments.pack.as_deref())?;
    show(&document, arguments, session)?;
    if document.manifest().signature.is_some() && matches!(plugin, Plugin::Directory(_)) && arguments.pack.is_none() {
        session.note("A package that was made before holds the old plugin.json: --pack FILE makes a new one.");
    }
    Ok(Exit::Done)
}

/// A plugin's directory: the one that was named, or the one that a package was unpacked to.
enum Plugin<'a> {
    Directory(&'a Path),
    Package { archive: &'a Path, unpacked: TempDir },
}

impl<'a> Plugin<'a> {
    /// A package that is not what it should be is refused here, as by `apex check`.
    fn open(path: &'a Path) -> Result<Self, Failure> {
        let metadata = fs::metadata(path).map_err(|error| Failure::io("sign", path, &error))?;
        if metadata.is_dir() {
            return Ok(Self::Directory(path));
        }
        let unpacked = tempfile::Builder::new()
            .prefix("apex-sign-")
            .tempdir()
            .map_err(|error| Failure::new("Io", "cannot make a temporary directory to unpack to").caused_by(&error))?;
        unpack(path, &unpacked.path().join("plugin"))?;
        Ok(Self::Package { archive: path, unpacked })
    }

    fn directory(&self) -> PathBuf {
        match self {
            Self::Directory(path) => path.to_path_buf(),
            Self::Package { unpacked, .. } => unpacked.path().join("plugin"),
        }
    }

    /// Packs what was changed: a package in its own place, and whatever it is into another.
    fn close(&self, other: Option<&Path>) -> Result<(), Failure> {
        let own = match self {
            Self::Directory(_) => None,
            Self::Package { archive, .. } => Some(*archive),
        };
        for archive in own.into_iter().chain(other) {
            pack(&self.directory(), archive)?;
        }
        Ok(())
    }
}

/// More than any form of a signature takes, in bytes.
const LONGEST_SIGNATURE: u64 = 4096;

fn read_signature(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::io("read", path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(unreadable)?.take(LONGEST_SIGNATURE).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes));
    written.map_err(|error| Failure::io("write", path, &error))
}

fn show(document: &Document, arguments: &Arguments, session: &mut Session) -> Result<(), Failure> {
    let manifest = document.manifest();
    let key_id = manifest.signature.as_ref().map(|signature| &signature.key_id);
    if session.output.is_json() {
        return session.output.json(&json!({
            "id": manifest.id, "version": manifest.version, "checksum": manifest.checksum, "key_id": key_id,
        }));
    }
    session.output.line(match key_id {
        Some(key_id) => format!("signed {} {} by key {}", manifest.id, manifest.version, escape::line(key_id)),
        None => format!("checksum of {} {} filled in; not signed yet", manifest.id, manifest.version),
    })?;
    if key_id.is_none() {
        let path = arguments.path.to_string_lossy();
        let path = escape::line(&path);
        session.note(&format!("Put the signature in with: apex sign {path} --attach SIGNATURE --public KEY.pub"));
    }
    Ok(())
}
