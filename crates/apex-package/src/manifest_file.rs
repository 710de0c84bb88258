//! `plugin.json` on disk: read as part of a tree, written in one stable form.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use apex_meta::{Document, JsonLimits, Signature};
use apex_trust::{SigningKey, Tree, tree_digest};
use serde_json::Value;

use crate::LayoutError;

pub(crate) const NAME: &str = "plugin.json";

/// Reads the `plugin.json` of a plugin's directory.
///
/// # Errors
/// The directory is not a plugin's tree, has no `plugin.json`, or the file is not a manifest.
pub fn read_document(directory: &Path) -> Result<Document, LayoutError> {
    let path = directory.join(NAME);
    let tree = Tree::open(directory).map_err(LayoutError::Tree)?;
    let Some(file) = tree.manifest() else {
        return Err(LayoutError::unreadable(&path, io::ErrorKind::NotFound.into()));
    };
    let opened = tree.open_file(&file.path).map_err(LayoutError::Tree)?;
    parse(&path, opened.file)
}

/// Reads a manifest that lies in a directory of its author's, who is trusted with its links.
pub(crate) fn read_plain(path: &Path) -> Result<Document, LayoutError> {
    parse(path, File::open(path).map_err(|source| LayoutError::unreadable(path, source))?)
}

/// Reads a manifest from an open file, no further than a manifest may be long.
pub(crate) fn parse(path: &Path, file: File) -> Result<Document, LayoutError> {
    let mut bytes = Vec::new();
    file.take(JsonLimits::METADATA.max_bytes as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| LayoutError::unreadable(path, source))?;
    Document::parse(&bytes).map_err(|source| LayoutError::Manifest { path: path.to_owned(), source })
}

/// Signs the plugin in a directory, with the checksum taken anew, and writes its `plugin.json`.
///
/// Without a key the checksum alone is filled in, and a signature that stood there is dropped, since it covered the old
/// one.
///
/// # Errors
/// The directory is not a plugin's tree, its `plugin.json` is not a manifest, or it cannot be written.
pub fn seal_directory(directory: &Path, key: Option<&SigningKey>) -> Result<Document, LayoutError> {
    let document = read_document(directory)?;
    let algorithm = document.manifest().checksum.map(|checksum| checksum.algorithm()).unwrap_or_default();
    let digest = tree_digest(directory, algorithm).map_err(LayoutError::Tree)?;
    let sealed = fill_in(&document, digest, key)?;
    write(&directory.join(NAME), &sealed)?;
    Ok(sealed)
}

fn fill_in(document: &Document, digest: apex_meta::Digest, key: Option<&SigningKey>) -> Result<Document, LayoutError> {
    let checksum = serde_json::json!({"algorithm": digest.algorithm().as_str(), "value": digest.to_hex()});
    let bare = with_member(document.value(), "signature", None);
    let document = rebuild(with_member(&bare, "checksum", Some(checksum)))?;
    match key {
        Some(key) => with_signature(&document, &key.sign(&document).map_err(LayoutError::Signature)?),
        None => Ok(document),
    }
}

/// The manifest with this signature in the place of another.
pub(crate) fn with_signature(document: &Document, signature: &Signature) -> Result<Document, LayoutError> {
    let signature =
        serde_json::json!({"method": signature.method, "key_id": signature.key_id, "value": signature.value});
    rebuild(with_member(document.value(), "signature", Some(signature)))
}

fn with_member(value: &Value, name: &str, member: Option<Value>) -> Value {
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.remove(name);
        members.extend(member.map(|member| (name.to_owned(), member)));
    }
    value
}

fn rebuild(value: Value) -> Result<Document, LayoutError> {
    Document::from_value(value).map_err(|source| LayoutError::Manifest { path: NAME.into(), source })
}

/// Replaces a `plugin.json` at once: indented, members sorted, so that the same manifest gives the same bytes.
pub(crate) fn write(path: &Path, document: &Document) -> Result<(), LayoutError> {
    let unwritable = |source| LayoutError::unwritable(path, source);
    let mut value = document.value().clone();
    // Only needed where some other crate switches serde_json's `preserve_order` on.
    value.sort_all_objects();
    let mut bytes = serde_json::to_vec_pretty(&value).map_err(|error| unwritable(error.into()))?;
    bytes.push(b'\n');
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".plugin-").tempfile_in(parent).map_err(unwritable)?;
    file.write_all(&bytes).map_err(unwritable)?;
    crate::layout::set_mode(file.as_file(), false).and_then(|()| file.as_file().sync_all()).map_err(unwritable)?;
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}
