//! The look at one subdirectory of a root: what plugins stand in it, and by what a change of that would show.

use std::{ffi::OsStr, path::Path, sync::Arc, time::SystemTime};

use apex_meta::{PluginVersion, Reason};

use crate::{
    Assess, Problem,
    candidate::{Find, Invalid, Layout, MANIFEST, Place, Read, read},
    directory::{Directory, Kind, Refusal},
    exposure::{Guard, Part},
    open_root::OpenRoot,
    stamps::Stamps,
    unit::{Making, Unit},
};

/// The look at one subdirectory of a root.
pub(crate) struct Look<'a, A: Assess> {
    root: &'a OpenRoot,
    guard: &'a Guard,
    assess: &'a A,
    limit: usize,
    finds: Vec<Seen<A::Facts>>,
    problems: Vec<Problem>,
    stamps: Stamps,
}

/// A find with the text that it was read from, if it is a candidate.
struct Seen<F> {
    find: Find<F>,
    text: Vec<u8>,
}

/// What a look at one subdirectory of a root found.
pub(crate) struct Looked<F> {
    pub(crate) finds: Vec<Find<F>>,
    pub(crate) problems: Vec<Problem>,
    /// What is to be remembered of it; none if nothing is to be remembered.
    pub(crate) unit: Option<Unit>,
    /// When another look tells what may have been hidden from this one; none if nothing was.
    pub(crate) look_again_at: Option<SystemTime>,
}

impl<'a, A: Assess> Look<'a, A> {
    pub(crate) fn new(root: &'a OpenRoot, guard: &'a Guard, assess: &'a A, limit: usize) -> Self {
        Self { root, guard, assess, limit, finds: Vec::new(), problems: Vec::new(), stamps: Stamps::new() }
    }

    /// Looks, and says what is to be remembered if the time of the look is given.
    pub(crate) fn look(mut self, name: &OsStr, kind: Kind, remembered_at: Option<SystemTime>) -> Looked<A::Facts> {
        if remembered_at.is_none() || self.root.exposure.is_some() {
            self.stamps.void();
        }
        let path = self.root.path.join(name);
        if let Some(directory) = self.open(&self.root.directory, name, kind, &path, Layout::Flat) {
            self.stamps.directory(&directory, name.as_encoded_bytes());
            let exposure = self.exposure(&directory, &path, self.root.exposure.as_ref());
            let is_plugin = self.visit(&directory, &path, Layout::Flat, exposure.as_ref(), false);
            self.look_for_versions(&directory, &path, is_plugin, exposure.as_ref());
        }
        self.finish(name, kind, remembered_at)
    }

    fn finish(mut self, name: &OsStr, kind: Kind, remembered_at: Option<SystemTime>) -> Looked<A::Facts> {
        // What went wrong is told each time.
        if !self.problems.is_empty() {
            self.stamps.void();
        }
        let settle_at = self.stamps.settle_at();
        let stamps = std::mem::replace(&mut self.stamps, Stamps::new());
        let unit = remembered_at.map(|looked_at| {
            let stamps = stamps.finish(looked_at);
            let known = stamps.and_then(|stamps| self.known(name, stamps));
            known.unwrap_or_else(|| Unit::unknown(name, kind))
        });
        Looked {
            finds: self.finds.into_iter().map(|seen| seen.find).collect(),
            problems: self.problems,
            look_again_at: settle_at.filter(|settled| remembered_at.is_some_and(|looked_at| *settled >= looked_at)),
            unit,
        }
    }

    /// What is known of the subdirectory from now on, if all of it may be remembered.
    fn known(&self, name: &OsStr, stamps: (u32, Vec<u8>)) -> Option<Unit> {
        let facts = |seen: &Seen<A::Facts>| match &seen.find {
            Find::Candidate(candidate, facts) if candidate.exposure.is_none() => self.assess.store_facts(facts),
            // That something cannot be read or opened may end without a trace on it.
            Find::Invalid(invalid) if !invalid.faults.is_empty() => Some(Vec::new()),
            _ => None,
        };
        let facts: Vec<_> = self.finds.iter().map(facts).collect::<Option<_>>()?;
        let mut making = Making::default();
        for (Seen { find, text }, facts) in self.finds.iter().zip(&facts) {
            match find {
                Find::Candidate(candidate, _) => making.candidate(candidate, facts, text)?,
                Find::Invalid(invalid) => making.invalid(invalid),
            }
        }
        making.finish(name, stamps)
    }

    /// Looks one level deeper, where an installer lays the versions of a plugin.
    ///
    /// Inside a plugin, everything is the plugin's own, but for what carries a version's name: otherwise a stray
    /// `plugin.json` beside installed versions would hide them all.
    fn look_for_versions(&mut self, parent: &Directory, path: &Path, is_plugin: bool, exposure: Option<&Reason>) {
        let children = match parent.children(self.limit) {
            Ok(children) => children,
            // The plugin itself has been found and its tree is judged as a whole.
            Err(_) if is_plugin => return self.stamps.void(),
            Err(Refusal::Missing) => return self.stamps.void(),
            Err(refusal) => return self.refuse(path, Layout::Flat, path, &refusal),
        };
        self.problems.extend(children.truncated.then(|| too_many(path, self.limit)));
        for (name, kind) in children.named {
            if is_plugin && !is_version(&name) {
                continue;
            }
            let path = path.join(&name);
            if let Some(directory) = self.open(parent, &name, kind, &path, Layout::Versioned) {
                // All below a plugin has been stamped with it.
                if !is_plugin {
                    self.stamps.directory(&directory, &self.relative(&path));
                }
                let exposure = self.exposure(&directory, &path, exposure);
                self.visit(&directory, &path, Layout::Versioned, exposure.as_ref(), is_plugin);
            }
        }
    }

    /// Opens a directory that may hold a plugin; what cannot be opened is a find of its own.
    fn open(&mut self, parent: &Directory, name: &OsStr, kind: Kind, path: &Path, layout: Layout) -> Option<Directory> {
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let opened = if kind == Kind::Symlink { Err(Refusal::Symlink) } else { parent.open(name) };
        match opened {
            Ok(directory) if hidden => {
                self.stamps.directory(&directory, &self.relative(path));
                self.report_hidden(&directory, path);
                None
            }
            Ok(directory) => Some(directory),
            // Gone since the listing, or hidden: there is no plugin to speak of.
            Err(Refusal::Missing | Refusal::NotDirectory) => self.nothing(),
            Err(_) if hidden => self.nothing(),
            Err(refusal) => {
                self.refuse(path, layout, path, &refusal);
                None
            }
        }
    }

    /// Installers and editors stage in hidden directories: what lies there is not offered, but not passed over in
    /// silence either.
    fn report_hidden(&mut self, directory: &Directory, path: &Path) {
        if directory.kind(OsStr::new(MANIFEST)).is_ok() {
            let message = format!("{} holds a plugin, but hidden directories are not searched", path.display());
            let reason = Reason::new("HiddenPlugin", message).with_hint("rename the directory without the leading dot");
            self.problems.push(Problem::new(path, reason));
        }
    }

    /// That there was nothing to see is not for ever.
    fn nothing<T>(&mut self) -> Option<T> {
        self.stamps.void();
        None
    }

    /// Reads the plugin in a directory, if there is one.
    fn visit(
        &mut self,
        directory: &Directory,
        path: &Path,
        layout: Layout,
        exposure: Option<&Reason>,
        is_stamped: bool,
    ) -> bool {
        match directory.kind(OsStr::new(MANIFEST)) {
            Ok(_) => {
                if !is_stamped {
                    // Before anything is read, so that a change since then shows.
                    self.stamps.below(directory, &self.relative(path));
                }
                let seen = match read(directory, self.place(path, layout), exposure.cloned(), self.guard) {
                    Read::Candidate(candidate, document, text) => {
                        let facts = self.assess.examine(&candidate, &document);
                        Seen { find: Find::Candidate(candidate, facts), text }
                    }
                    Read::Invalid(invalid) => Seen { find: Find::Invalid(invalid), text: Vec::new() },
                };
                self.finds.push(seen);
                true
            }
            Err(Refusal::Missing) => false,
            Err(refusal) => {
                self.refuse(path, layout, &path.join(MANIFEST), &refusal);
                true
            }
        }
    }

    fn refuse(&mut self, directory: &Path, layout: Layout, path: &Path, refusal: &Refusal) {
        let invalid = Invalid::refused(self.place(directory, layout), path, refusal);
        self.finds.push(Seen { find: Find::Invalid(Arc::new(invalid)), text: Vec::new() });
    }

    /// The path below the root.
    fn relative(&self, path: &Path) -> Vec<u8> {
        let relative = path.strip_prefix(&self.root.path).unwrap_or(path);
        relative.as_os_str().as_encoded_bytes().to_vec()
    }

    fn place(&self, directory: &Path, layout: Layout) -> Place {
        Place { root: Arc::clone(&self.root.root), rank: self.root.rank, directory: directory.to_owned(), layout }
    }

    fn exposure(&self, directory: &Directory, path: &Path, inherited: Option<&Reason>) -> Option<Reason> {
        inherited.cloned().or_else(|| match directory.ownership() {
            Ok(ownership) => self.guard.exposure(path, ownership?, Part::Own),
            Err(refusal) => Some(refusal.reason(path)),
        })
    }
}

fn is_version(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.parse::<PluginVersion>().is_ok())
}

/// That a directory holds more than is looked at.
pub(crate) fn too_many(path: &Path, limit: usize) -> Problem {
    let message = format!("{} holds more than {limit} directories; the rest is not looked at", path.display());
    Problem::new(path, Reason::new("TooManyEntries", message).with_hint("spread the plugins over several roots"))
}
