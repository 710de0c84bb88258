//! The disk of the operating system.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read as _},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use apex_files::{ReplaceError, SoleWriter};
use apex_package::ArchiveError;

use super::{Disk, Lock};
use crate::InstallError;

/// The real thing.
#[derive(Debug)]
pub(crate) struct OsDisk;

impl Lock for SoleWriter {
    fn replace(&self, content: &[u8]) -> io::Result<()> {
        Self::replace(self, content).map_err(into_io)
    }
}

impl Disk for OsDisk {
    fn lock(&self, path: &Path, patience: Duration) -> io::Result<Option<Box<dyn Lock>>> {
        // Waiting in the kernel has no limit, and a process that hangs with the lock must not hang all others.
        let (start, mut pause) = (Instant::now(), Duration::from_millis(1));
        loop {
            if let Some(writer) = SoleWriter::try_lock(path).map_err(into_io)? {
                return Ok(Some(Box::new(writer)));
            }
            if start.elapsed() >= patience {
                return Ok(None);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(100));
        }
    }

    fn read(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, InstallError> {
        let Some(file) = open_guarded(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(InstallError::io("read", path))?;
        Ok(Some(bytes))
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut names = Vec::new();
        for entry in entries {
            // What is no text is none of ours, and is shown as well as it can be.
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_directory(path) => return Ok(()),
            created => created?,
        }
        let parent = path.parent().unwrap_or(path);
        self.sync_directory(if parent == Path::new("") { Path::new(".") } else { parent })
    }

    fn unpack(&self, archive: &Path, directory: &Path) -> Result<(), ArchiveError> {
        apex_package::unpack(archive, directory)
    }

    fn seal(&self, directory: &Path) -> io::Result<()> {
        let mut open = vec![directory.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory)? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                if metadata.is_dir() {
                    open.push(entry.path());
                    continue;
                }
                let mut permissions = metadata.permissions();
                permissions.set_readonly(true);
                fs::set_permissions(entry.path(), permissions)?;
            }
        }
        // The tree's own directory was made for the unpacking user alone; others may read it like the rest.
        #[cfg(unix)]
        fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the wrapper: a transaction syncs the directories around it")]
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        // Only where directories can be opened as files is there such a thing.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => fs::remove_file(path),
            removed => removed,
        }
    }

    fn remove_if_empty(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::DirectoryNotEmpty) => Ok(()),
            removed => removed,
        }
    }
}

fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

fn into_io(error: ReplaceError) -> io::Error {
    io::Error::new(error.source.kind(), error)
}

/// Opens a regular file that neither it nor a directory above it could be changed by others.
#[cfg(unix)]
fn open_guarded(path: &Path) -> Result<Option<File>, InstallError> {
    use apex_files::{Directory, GuardedError, Ownership, Part, StrictModes};

    let unreadable = |source| InstallError::Io { action: "read", path: path.to_owned(), source };
    let insecure = |path: std::path::PathBuf, ownership: Ownership| InstallError::Insecure {
        path,
        owner: ownership.uid,
        mode: ownership.permissions(),
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(unreadable(io::ErrorKind::IsADirectory.into()));
    };
    let real = match parent.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        real => real.map_err(unreadable)?,
    };
    let guard = StrictModes::of_this_process();
    let directory = match Directory::open_guarded(&real, Part::Own, &guard) {
        Ok(directory) => directory,
        Err(GuardedError::Open { source, .. }) => return Err(unreadable(source.into_io())),
        Err(GuardedError::Exposed { path, ownership, .. }) => return Err(insecure(path, ownership)),
        Err(other) => return Err(unreadable(io::Error::other(other))),
    };
    let (file, facts) = match directory.file(Path::new(name)).map_err(apex_files::OpenError::into_io) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(unreadable)?,
    };
    match guard.exposure(facts.ownership, Part::Own) {
        Some(_) => Err(insecure(real.join(name), facts.ownership)),
        None => Ok(Some(file)),
    }
}

#[cfg(not(unix))]
fn open_guarded(path: &Path) -> Result<Option<File>, InstallError> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some).map_err(InstallError::io("read", path)),
    }
}
