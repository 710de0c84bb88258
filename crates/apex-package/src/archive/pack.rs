//! Packing: from a plugin's directory to its one archive.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use apex_trust::{Tree, TreeFile};

use super::{Admission, ArchiveError, WINDOW_LOG, entries, header, padding};

/// Packs a plugin's directory into an archive, byte for byte the same whenever the files are.
///
/// An archive of this name is replaced at once when the new one is complete.
///
/// # Errors
/// The directory is not a plugin's tree, has no `plugin.json` or a file that no package may bring; or the archive
/// cannot be written.
pub fn pack(directory: &Path, archive: &Path) -> Result<(), ArchiveError> {
    let tree = Tree::open(directory).map_err(ArchiveError::Tree)?;
    if tree.manifest().is_none() {
        return Err(ArchiveError::ManifestMissing);
    }
    let unwritable = |source| ArchiveError::Unwritable { path: archive.to_owned(), source };
    let parent = archive.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".pack-").tempfile_in(parent).map_err(unwritable)?;
    compress(&tree, file.as_file_mut(), archive)?;
    set_public(file.as_file()).and_then(|()| file.as_file().sync_all()).map_err(unwritable)?;
    file.persist(archive).map_err(|error| unwritable(error.error))?;
    Ok(())
}

/// Enough for a library; higher levels take seconds more and save little.
const LEVEL: i32 = 9;

fn compress(tree: &Tree, file: &mut File, archive: &Path) -> Result<(), ArchiveError> {
    let unwritable = |source| ArchiveError::Unwritable { path: archive.to_owned(), source };
    let mut encoder = zstd::stream::write::Encoder::new(file, LEVEL).map_err(unwritable)?;
    encoder.window_log(WINDOW_LOG).and_then(|()| encoder.include_checksum(true)).map_err(unwritable)?;
    encoder.set_pledged_src_size(Some(tar_length(tree))).map_err(unwritable)?;
    write_tar(tree, &mut encoder, archive)?;
    encoder.finish().map_err(unwritable)?;
    Ok(())
}

fn tar_length(tree: &Tree) -> u64 {
    let block = header::BLOCK as u64;
    let files: u64 = entries(tree).iter().map(|file| block + file.size.next_multiple_of(block)).sum();
    files + 2 * block
}

/// Writes the tar bytes of a tree; `name` stands for the output in errors.
pub(super) fn write_tar(tree: &Tree, output: &mut impl Write, name: &Path) -> Result<(), ArchiveError> {
    let unwritable = |source| ArchiveError::Unwritable { path: name.to_owned(), source };
    let mut admission = Admission::default();
    for file in entries(tree) {
        admission.admit(&file.path, file.size)?;
        write_entry(tree, file, output, name)?;
    }
    output.write_all(&[0; 2 * header::BLOCK]).map_err(unwritable)
}

fn write_entry(tree: &Tree, file: &TreeFile, output: &mut impl Write, name: &Path) -> Result<(), ArchiveError> {
    let unwritable = |source| ArchiveError::Unwritable { path: name.to_owned(), source };
    let unreadable = |source| ArchiveError::Unreadable { path: tree.directory().join(file.path.as_str()), source };
    let opened = tree.open_file(&file.path).map_err(ArchiveError::Tree)?;
    let header = header::Header { path: file.path.clone(), size: file.size, executable: opened.executable };
    output.write_all(&header.to_block()).map_err(unwritable)?;
    let copied = io::copy(&mut opened.file.take(file.size + 1), output).map_err(unreadable)?;
    if copied != file.size {
        return Err(unreadable(io::Error::other("its length changed while it was packed")));
    }
    output.write_all(&[0; header::BLOCK][..padding(file.size)]).map_err(unwritable)
}

/// A package is for everybody to read, unlike other temporary files.
#[cfg(unix)]
fn set_public(file: &File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

#[cfg(not(unix))]
fn set_public(_file: &File) -> io::Result<()> {
    Ok(())
}
