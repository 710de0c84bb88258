//! Whether a plugin's library is where its entry point says.

use std::{ffi::OsStr, path::Path};

use apex_meta::{EntryPoint, Reason};

use crate::directory::{Directory, Kind, Refusal};

/// Whether a plugin's library is where its entry point says; a fact about files, not yet a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Library {
    /// It is there, or the entry point needs none.
    Present,
    /// At none of the places that the entry point allows.
    Missing,
    /// Something else stands in its place, or on the way.
    Refused(Reason),
}

/// Looks for the library in the places that the entry point allows, the preferred one first.
pub(crate) fn find_library(directory: &Directory, path: &Path, entry_point: &EntryPoint) -> Library {
    let places = entry_point.library_paths();
    if places.is_empty() {
        return Library::Present;
    }
    for place in places {
        match look(directory, path, &place) {
            Ok(true) => return Library::Present,
            Ok(false) => {}
            Err(reason) => return Library::Refused(reason),
        }
    }
    Library::Missing
}

fn look(directory: &Directory, path: &Path, place: &str) -> Result<bool, Reason> {
    let mut path = path.to_owned();
    let mut opened: Option<Directory> = None;
    let mut segments = place.split('/').peekable();
    while let Some(segment) = segments.next() {
        path.push(segment);
        let here = opened.as_ref().unwrap_or(directory);
        let name = OsStr::new(segment);
        if segments.peek().is_some() {
            match here.open(name) {
                Ok(next) => opened = Some(next),
                Err(Refusal::Missing | Refusal::NotDirectory) => return Ok(false),
                Err(refusal) => return Err(refusal.reason(&path)),
            }
            continue;
        }
        return match here.kind(name) {
            Ok(Kind::File) => Ok(true),
            Ok(Kind::Symlink) => Err(Refusal::Symlink.reason(&path)),
            Ok(Kind::Directory) => Err(Refusal::NotRegular("a directory").reason(&path)),
            Ok(Kind::Other(what)) => Err(Refusal::NotRegular(what).reason(&path)),
            Err(Refusal::Missing) => Ok(false),
            Err(refusal) => Err(refusal.reason(&path)),
        };
    }
    Ok(false)
}
