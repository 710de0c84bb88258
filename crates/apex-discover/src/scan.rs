//! The scan: every place in every root where a plugin stands or should stand.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use apex_meta::{PluginVersion, Reason};

use crate::{
    Options, Problem, Root,
    candidate::{Find, Layout, MANIFEST, Place, read},
    directory::{Directory, Kind, Refusal},
    exposure::{Guard, Part},
    parallel,
};

/// What a scan found, in the order of the roots, then of the paths.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) finds: Vec<Find>,
    pub(crate) problems: Vec<Problem>,
}

/// Looks through the roots.
pub(crate) fn scan(roots: &[Root], options: &Options) -> Scan {
    let guard = Guard::new();
    let mut problems = Vec::new();
    let mut resolved = HashSet::new();
    let mut opened = Vec::new();
    for (rank, root) in roots.iter().enumerate() {
        match open_root(root, rank, &guard, &mut resolved) {
            Ok(root) => {
                problems.extend(root.exposure.clone().map(|reason| Problem::new(&root.path, reason)));
                opened.push(root);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let mut places = Vec::new();
    for root in &opened {
        places.extend(list_root(root, options, &mut problems).into_iter().map(|(name, kind)| (root, name, kind)));
    }
    let looks = parallel::map(&places, options.threads, |(root, name, kind)| {
        Look { root, guard: &guard, limit: options.limits.directories_per_plugin, scan: Scan::default() }
            .look(name, *kind)
    });
    let mut seen = HashSet::new();
    let mut finds = Vec::new();
    for look in looks {
        problems.extend(look.problems);
        // Where one root lies within another, both see the same directories: the earlier root has them.
        finds.extend(look.finds.into_iter().filter(|find| seen.insert(find.place().directory.clone())));
    }
    if finds.len() > options.limits.finds {
        let place = finds[options.limits.finds].place().directory.clone();
        let message = format!("{} finds, at most {} are kept", finds.len(), options.limits.finds);
        problems.push(Problem::new(place, Reason::new("TooManyEntries", message)));
        finds.truncate(options.limits.finds);
    }
    Scan { finds, problems }
}

struct OpenRoot {
    root: Arc<Root>,
    rank: usize,
    /// Resolved: from here on, no link is followed.
    path: PathBuf,
    directory: Directory,
    /// Why nothing in this root can be relied on, if so.
    exposure: Option<Reason>,
}

fn open_root(root: &Root, rank: usize, guard: &Guard, resolved: &mut HashSet<PathBuf>) -> Result<OpenRoot, Problem> {
    let problem = |refusal: &Refusal| Problem::new(root.path(), root_reason(root.path(), refusal));
    let path = fs::canonicalize(root.path()).map_err(|error| problem(&Refusal::of(error)))?;
    if !resolved.insert(path.clone()) {
        let message = format!("{} is the same directory as an earlier root", root.path().display());
        let reason = Reason::new("DuplicateRoot", message).with_hint("name it once; the first of the two counts");
        return Err(Problem::new(root.path(), reason));
    }
    let directory = Directory::open_resolved(&path).map_err(|refusal| problem(&refusal))?;
    let exposure = root_exposure(&path, &directory, guard).map_err(|refusal| problem(&refusal))?;
    Ok(OpenRoot { root: Arc::new(root.clone()), rank, path, directory, exposure })
}

fn root_reason(path: &Path, refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::Missing => Reason::new("RootMissing", format!("root {} does not exist", path.display()))
            .with_hint("create the directory, or remove the root from the list"),
        Refusal::NotDirectory => Reason::new("RootNotDirectory", format!("root {} is not a directory", path.display()))
            .with_hint("name the directory that holds the plugins' directories"),
        other => other.reason(path),
    }
}

/// The root itself, then its parents from the nearest to the top.
fn root_exposure(path: &Path, directory: &Directory, guard: &Guard) -> Result<Option<Reason>, Refusal> {
    let Some(ownership) = directory.ownership()? else { return Ok(None) };
    if let Some(reason) = guard.exposure(path, ownership, Part::Own) {
        return Ok(Some(reason));
    }
    for parent in path.ancestors().skip(1) {
        let exposure = Directory::ownership_of(parent)?.and_then(|own| guard.exposure(parent, own, Part::Parent));
        if exposure.is_some() {
            return Ok(exposure);
        }
    }
    Ok(None)
}

fn list_root(root: &OpenRoot, options: &Options, problems: &mut Vec<Problem>) -> Vec<(OsString, Kind)> {
    if root.directory.kind(OsStr::new(MANIFEST)).is_ok() {
        let message = format!("root {} is itself a plugin, not a directory of plugins", root.path.display());
        let reason = Reason::new("RootIsPlugin", message).with_hint("name its parent directory as the root");
        problems.push(Problem::new(&root.path, reason));
    }
    let limit = options.limits.directories_per_root;
    match root.directory.children(limit) {
        Ok(children) => {
            problems.extend(children.truncated.then(|| too_many(&root.path, limit)));
            children.named
        }
        Err(refusal) => {
            problems.push(Problem::new(&root.path, root_reason(&root.path, &refusal)));
            Vec::new()
        }
    }
}

fn too_many(path: &Path, limit: usize) -> Problem {
    let message = format!("{} holds more than {limit} directories; the rest is not looked at", path.display());
    Problem::new(path, Reason::new("TooManyEntries", message).with_hint("spread the plugins over several roots"))
}

/// The look at one subdirectory of a root.
struct Look<'a> {
    root: &'a OpenRoot,
    guard: &'a Guard,
    limit: usize,
    scan: Scan,
}

impl Look<'_> {
    fn look(mut self, name: &OsStr, kind: Kind) -> Scan {
        let path = self.root.path.join(name);
        if let Some(directory) = self.open(&self.root.directory, name, kind, &path, Layout::Flat) {
            let exposure = self.exposure(&directory, &path, self.root.exposure.as_ref());
            let is_plugin = self.visit(&directory, &path, Layout::Flat, exposure.as_ref());
            self.look_for_versions(&directory, &path, is_plugin, exposure.as_ref());
        }
        self.scan
    }

    /// Looks one level deeper, where an installer lays the versions of a plugin.
    ///
    /// Inside a plugin, everything is the plugin's own, but for what carries a version's name: otherwise a stray
    /// `plugin.json` beside installed versions would hide them all.
    fn look_for_versions(&mut self, parent: &Directory, path: &Path, is_plugin: bool, exposure: Option<&Reason>) {
        let children = match parent.children(self.limit) {
            Ok(children) => children,
            // The plugin itself has been found and its tree is judged as a whole.
            Err(_) if is_plugin => return,
            Err(Refusal::Missing) => return,
            Err(refusal) => return self.refuse(path, Layout::Flat, path, &refusal),
        };
        self.scan.problems.extend(children.truncated.then(|| too_many(path, self.limit)));
        for (name, kind) in children.named {
            if is_plugin && !is_version(&name) {
                continue;
            }
            let path = path.join(&name);
            if let Some(directory) = self.open(parent, &name, kind, &path, Layout::Versioned) {
                let exposure = self.exposure(&directory, &path, exposure);
                self.visit(&directory, &path, Layout::Versioned, exposure.as_ref());
            }
        }
    }

    /// Opens a directory that may hold a plugin; what cannot be opened is a find of its own.
    fn open(&mut self, parent: &Directory, name: &OsStr, kind: Kind, path: &Path, layout: Layout) -> Option<Directory> {
        let hidden = name.as_encoded_bytes().starts_with(b".");
        let opened = if kind == Kind::Symlink { Err(Refusal::Symlink) } else { parent.open(name) };
        match opened {
            Ok(directory) if hidden => {
                self.report_hidden(&directory, path);
                None
            }
            Ok(directory) => Some(directory),
            // Gone since the listing, or hidden: there is no plugin to speak of.
            Err(Refusal::Missing | Refusal::NotDirectory) => None,
            Err(_) if hidden => None,
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
            self.scan.problems.push(Problem::new(path, reason));
        }
    }

    /// Reads the plugin in a directory, if there is one.
    fn visit(&mut self, directory: &Directory, path: &Path, layout: Layout, exposure: Option<&Reason>) -> bool {
        match directory.kind(OsStr::new(MANIFEST)) {
            Ok(_) => {
                let find = read(directory, self.place(path, layout), exposure.cloned(), self.guard);
                self.scan.finds.push(find);
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
        let place = self.place(directory, layout);
        self.scan.finds.push(Find::refused(place, path, refusal));
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
