//! `apex dev`: builds a plugin whenever it changes, and lets the user's other shells run it meanwhile.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use apex_plugins::{
    meta::Document,
    trust::{KeyError, SigningKey, TrustStore},
};
use serde_json::json;

use crate::{
    capture::Capture, escape, exit::Exit, failure::Failure, interrupt::Interrupt, output::Tone, session::Session,
    settings, workshop::Workshop,
};

mod sources;

use sources::Sources;

const EXAMPLES: &str = "\
Examples:
  apex dev .
  apex run com.acme.hello greet -p name=Ada      # meanwhile, in another shell";

/// Build a plugin whenever it changes, and let other shells run it meanwhile
///
/// The plugin is signed with a key of this machine's own and laid out in target/apex-dev, which the trust store names as a
/// directory under development until this command ends: `apex list` and `apex run` see it, and it runs in a child process.
/// What does not build is told, and the last version that did stays. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The plugin's crate
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// Build in this cargo profile
    #[arg(long, value_name = "NAME", default_value = "dev")]
    profile: String,
}

/// How often the sources are looked at.
const PAUSE: Duration = Duration::from_millis(250);

pub(crate) async fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let settings = session.settings()?;
    let key = dev_key(&settings.dev_key_file()?)?;
    let interrupt = Interrupt::listen();
    let capture = Capture::start(&mut session.output, &session.stderr)?;
    let result = match Registration::make(&arguments.directory, settings.trust_file()?) {
        Ok(registration) => {
            let result = follow(arguments, &registration.directory, &key, &interrupt, session).await;
            registration.end().and(result)
        }
        Err(failure) => Err(failure),
    };
    capture.finish();
    result
}

/// Builds, and builds again after each change, until Ctrl-C.
async fn follow(
    arguments: &Arguments,
    out: &Path,
    key: &SigningKey,
    interrupt: &Interrupt,
    session: &mut Session,
) -> Result<Exit, Failure> {
    let workshop = Workshop::new(&arguments.directory, &arguments.profile)?;
    let sources = Sources::of(&arguments.directory);
    loop {
        // Looked at before the build, so that what changes meanwhile is not missed.
        let seen = sources.look();
        match workshop.package(out, Some(key)) {
            Ok(packaged) => tell(&packaged.document, session)?,
            // What is wrong with the crate is its author's to mend, and the next change may do so.
            Err(failure) => {
                session.stderr.failure(&failure);
                session.note("waiting for a change");
            }
        }
        loop {
            tokio::select! {
                () = interrupt.cancelled() => return Ok(Exit::Done),
                () = tokio::time::sleep(PAUSE) => {}
            }
            if sources.look() != seen {
                break;
            }
        }
    }
}

fn tell(document: &Document, session: &mut Session) -> Result<(), Failure> {
    let manifest = document.manifest();
    let actions: Vec<_> = manifest.actions.iter().map(|action| action.name.as_str()).collect();
    if session.output.is_json() {
        return session
            .output
            .json(&json!({"ready": {"id": manifest.id, "version": manifest.version, "actions": actions}}));
    }
    let ready = session.output.paint(Tone::Good, "ready");
    session.output.line(format!("{ready} {} {}: {}", manifest.id, manifest.version, escape::line(&actions.join(", "))))
}

/// The key of this machine's own, made when it is first needed.
fn dev_key(file: &Path) -> Result<SigningKey, Failure> {
    match SigningKey::read_pem(file) {
        Err(KeyError::Unreadable { .. }) if !file.exists() => {}
        read => return Ok(read?),
    }
    if let Some(parent) = file.parent() {
        settings::create_private(parent)?;
    }
    let key = SigningKey::generate()?;
    key.write_pem(file)?;
    Ok(key)
}

/// The entry of the trust store that lets other shells find the plugin.
struct Registration {
    directory: PathBuf,
    trust_file: PathBuf,
}

impl Registration {
    fn make(crate_directory: &Path, trust_file: PathBuf) -> Result<Self, Failure> {
        let made = crate_directory.join("target").join("apex-dev");
        let failed = |error| Failure::io("make", &made, &error);
        // What an earlier run left may be another version's.
        if made.exists() {
            fs::remove_dir_all(&made).map_err(failed)?;
        }
        fs::create_dir_all(&made).map_err(failed)?;
        let directory = fs::canonicalize(&made).map_err(failed)?;
        if let Some(parent) = trust_file.parent() {
            settings::create_private(parent)?;
        }
        TrustStore::update(&trust_file, |store| {
            // One that was killed may have left it there.
            store.remove_root(&directory);
            store.add_dev_root(&directory);
            Ok::<_, Failure>(())
        })?;
        Ok(Self { directory, trust_file })
    }

    fn end(&self) -> Result<(), Failure> {
        TrustStore::update(&self.trust_file, |store| {
            store.remove_root(&self.directory);
            Ok::<_, Failure>(())
        })
    }
}
