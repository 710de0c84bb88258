//! Many plugins at once, for measurements: each with a checksum that holds and a library that is none of the worst.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use apex_plugins::{
    meta::{DigestAlgorithm, EntryPoint},
    trust::tree_digest,
};

use crate::minimal_elf::MinimalElf;

/// Plants so many plugins below a root, as an installer lays them, and gives all their files.
///
/// Each has a `plugin.json`, a library, and so many further files that there are `files` besides the first; each of these
/// has `bytes` bytes or, for a library, a few more.
pub fn plant(root: &Path, plugins: usize, files: usize, bytes: usize) -> Vec<PathBuf> {
    (0..plugins).flat_map(|number| plant_one(root, number, files, bytes)).collect()
}

/// Plants the plugin of a number; what was there before gives way.
pub fn plant_one(root: &Path, number: usize, files: usize, bytes: usize) -> Vec<PathBuf> {
    let directory = root.join(format!("com.acme.plugin{number}/1.0.0"));
    fs::create_dir_all(&directory).expect("the root can be written");
    let library = "things::Things".parse::<EntryPoint>().ok().and_then(|entry| entry.library_file_name());
    let mut planted = vec![directory.join(library.expect("a native entry point has a library"))];
    let content = format!("{number:08}").into_bytes().repeat(bytes / 8);
    write(&planted[0], &MinimalElf::with_content(&content));
    for further in 1..files {
        planted.push(directory.join(format!("data{further}.bin")));
        write(&planted[further], &content);
    }
    let digest = tree_digest(&directory, DigestAlgorithm::Blake3).expect("what was planted can be hashed");
    planted.push(directory.join("plugin.json"));
    write(&planted[files], manifest(number, &digest.to_hex()).as_bytes());
    planted
}

fn write(path: &Path, content: &[u8]) {
    let file = File::options().write(true).create(true).truncate(true).open(path);
    file.and_then(|mut file| file.write_all(content)).expect("the root can be written");
}

/// The `plugin.json` of the plugin of a number, with this digest of its files.
pub fn manifest(number: usize, checksum: &str) -> String {
    format!(
        r#"{{
  "name": "Plugin {number}",
  "id": "com.acme.plugin{number}",
  "version": "1.0.0",
  "description": "Does things, as many as it is asked for.",
  "author": "Acme",
  "entry_point": "things::Things",
  "tags": ["things", "measured"],
  "permissions_required": ["network"],
  "checksum": {{"algorithm": "blake3", "value": "{checksum}"}},
  "actions": [
    {{"name": "act", "description": "Acts.", "parameters": [
      {{"name": "what", "type": "string", "description": "On what.", "required": true}},
      {{"name": "times", "type": "integer", "minimum": 1, "default": 1}}
    ]}},
    {{"name": "watch", "description": "Watches.", "returns_stream": true,
      "stream_metadata": {{"content_type": "text/plain"}}}}
  ]
}}
"#
    )
}
