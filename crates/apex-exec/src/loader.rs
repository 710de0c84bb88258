//! Loading verified plugins, each library once a process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use apex_abi::{LoadError, PluginModule, load_module};
use apex_meta::{Digest, Document, ErrorKind, Placement, PluginId, PluginVersion, Runtime};
use apex_trust::Verified;

#[cfg(target_os = "linux")]
use crate::ChildProgram;
use crate::{CallError, actions::Actions, configuration::Configuration, subject::Subject};

/// Loads verified plugins.
///
/// What was loaded stays in the process for good, and is known process-wide by plugin, version and tree digest: loading
/// the same again, also with another loader, gives the same code.
#[derive(Debug, Clone, Default)]
pub struct Loader {
    #[cfg(target_os = "linux")]
    child_program: Option<ChildProgram>,
    loosest: Option<Placement>,
}

/// A plugin whose code is in this process, ready to be started any number of times; clones share it.
#[derive(Clone)]
pub struct Loaded(pub(crate) Arc<LoadedParts>);

pub(crate) struct LoadedParts {
    pub(crate) document: Document,
    pub(crate) subject: Arc<Subject>,
    pub(crate) actions: Arc<Actions>,
    pub(crate) configuration: Configuration,
    pub(crate) code: Code,
    pub(crate) placement: Placement,
    pub(crate) verified: Option<Verified>,
}

/// Where a plugin's code is.
pub(crate) enum Code {
    /// In this process.
    Here(PluginModule),
    /// In a child process, each time that one is started.
    #[cfg(target_os = "linux")]
    Child(ChildProgram),
}

/// By what a loaded library is known.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    id: PluginId,
    version: PluginVersion,
    digest: Digest,
}

static LIBRARIES: Mutex<Option<HashMap<Key, PluginModule>>> = Mutex::new(None);

impl Loader {
    /// A loader.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the program that plugins run in which do not run in this process.
    #[cfg(target_os = "linux")]
    #[must_use]
    pub fn with_child_program(mut self, program: ChildProgram) -> Self {
        self.child_program = Some(program);
        self
    }

    /// Tightens where plugins run: with [`Placement::Process`], none that is loaded runs in this process.
    #[must_use]
    pub fn with_loosest(mut self, loosest: Placement) -> Self {
        self.loosest = Some(loosest);
        self
    }

    /// Loads a plugin from the very bytes that were verified.
    ///
    /// This runs the library's constructors and blocks for about a millisecond.
    ///
    /// # Errors
    /// `ChildHostMissing` for a plugin that may run in a child process only without a program for it, `UnsupportedRuntime` for one that is not
    /// native, `AbiMismatch` for a library that does not fit this host, `LoadFailed` where it cannot be opened, and
    /// `UnsupportedPlatform` elsewhere than on Linux.
    pub fn load(&self, verified: Verified) -> Result<Loaded, CallError> {
        let document = verified.document().clone();
        let subject = Subject::of(&document);
        let entry_point = &verified.manifest().entry_point;
        if entry_point.runtime() != Runtime::Native {
            let message = format!("its entry point `{entry_point}` needs a runtime that this host does not have");
            return Err(subject.error(ErrorKind::UnsupportedRuntime, message));
        }
        let placement = self.loosest.map_or(verified.placement(), |loosest| verified.placement().min(loosest));
        if placement == Placement::Process {
            return self.in_child(&subject, document, verified);
        }
        let module = module_of(&verified).map_err(|error| explain(&subject, &error))?;
        check_type(&subject, &document, module)?;
        Ok(Loaded::new(document, Code::Here(module), placement, Some(verified)))
    }

    #[cfg(target_os = "linux")]
    fn in_child(&self, subject: &Subject, document: Document, verified: Verified) -> Result<Loaded, CallError> {
        let program = self.child_program.clone().ok_or_else(|| no_child_program(subject))?;
        Ok(Loaded::new(document, Code::Child(program), Placement::Process, Some(verified)))
    }

    #[cfg(not(target_os = "linux"))]
    fn in_child(&self, subject: &Subject, _: Document, _: Verified) -> Result<Loaded, CallError> {
        Err(no_child_program(subject))
    }
}

impl Loaded {
    /// A plugin that is linked into this program; `module` is what the SDK's `linked` gives.
    pub fn linked(document: Document, module: PluginModule) -> Self {
        Self::new(document, Code::Here(module), Placement::Linked, None)
    }

    fn new(document: Document, code: Code, placement: Placement, verified: Option<Verified>) -> Self {
        let is_believed = matches!(&code, Code::Here(module) if module.is_made_by_host());
        let subject = Subject { is_believed, ..Subject::of(&document) };
        let (subject, actions) = (Arc::new(subject), Arc::new(Actions::of(&document)));
        let configuration = Configuration::of(&document);
        Self(Arc::new(LoadedParts { document, subject, actions, configuration, code, placement, verified }))
    }

    /// The plugin's id.
    pub fn id(&self) -> &PluginId {
        &self.0.subject.id
    }

    /// The plugin's version.
    pub fn version(&self) -> &PluginVersion {
        &self.0.subject.version
    }

    /// The plugin's manifest.
    pub fn document(&self) -> &Document {
        &self.0.document
    }

    /// The proof that it was verified; none for a plugin that is linked in.
    pub fn verified(&self) -> Option<&Verified> {
        self.0.verified.as_ref()
    }

    /// Where its code runs.
    pub fn placement(&self) -> Placement {
        self.0.placement
    }
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loaded({} {}, {})", self.id(), self.version(), self.placement())
    }
}

/// The module of a verified library, which is opened at the first time.
fn module_of(verified: &Verified) -> Result<PluginModule, LoadError> {
    let open = || {
        let path = verified.library().path();
        // SAFETY: `Verified` says that policy lets these bytes run in this process, they are sealed against change, and
        // their path stays theirs for as long as the process lives.
        #[expect(unsafe_code, reason = "the one place where a plugin's code enters the process")]
        unsafe {
            load_module(&path)
        }
    };
    let Some(digest) = verified.digest().copied() else {
        return open();
    };
    let key = Key { id: verified.id().clone(), version: verified.version().clone(), digest };
    // Held while the library is opened: two threads must not open the same one twice. The dynamic loader has a lock of
    // its own for that time anyway.
    let mut libraries = LIBRARIES.lock().unwrap_or_else(PoisonError::into_inner);
    let libraries = libraries.get_or_insert_default();
    if let Some(module) = libraries.get(&key) {
        return Ok(*module);
    }
    let module = open()?;
    libraries.insert(key, module);
    Ok(module)
}

/// The manifest names the type that the library exports, so that an entry point never means other code than it says.
fn check_type(subject: &Subject, document: &Document, module: PluginModule) -> Result<(), CallError> {
    let entry_point = &document.manifest().entry_point;
    let named = entry_point.as_str().rsplit("::").next().unwrap_or_default();
    match module.type_name() {
        found if found == named => Ok(()),
        found => {
            let message =
                format!("its entry point is `{entry_point}`, but its library exports `{}`", found.escape_debug());
            Err(subject
                .error(ErrorKind::LoadFailed, message)
                .with_hint("correct `entry_point` in plugin.json: crate name, `::`, name of the exported type"))
        }
    }
}

/// Nothing is silently weaker: without a program to host it, it does not run.
fn no_child_program(subject: &Subject) -> CallError {
    let message = "it may run in a child process only, and there is no program that could host it";
    subject.error(ErrorKind::ChildHostMissing, message).with_hint(
        "call `run_if_child()` first thing in `main`, put `apex-host` beside the program, or name it with `child_program`",
    )
}

fn explain(subject: &Subject, error: &LoadError) -> CallError {
    if let Some(dump) = error.dump() {
        tracing::debug!(plugin = %subject.id, version = %subject.version, "layouts differ: {dump}");
    }
    // The path of the sealed copy would tell nobody anything: the plugin is named instead.
    let message = match error {
        LoadError::Open { source, .. } => format!("its library cannot be opened: {source}"),
        LoadError::Mismatch { mismatch, .. } => format!("its library does not fit this host: {mismatch}"),
        other => other.to_string(),
    };
    let explained = subject.error(error.kind(), message);
    match error.hint() {
        Some(hint) => explained.with_hint(hint),
        None => explained,
    }
}
