//! The circumstances under which something was established, and outside of which it says nothing.

use apex_meta::{HOST_API_VERSION, PLUGIN_METADATA_SCHEMA, TARGET_TRIPLE};

use crate::Limits;

/// What everything in a cache depends on besides the files it stamps: program, schema, platform, user and limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Epoch(pub(super) [u8; 32]);

impl Epoch {
    /// The circumstances of this process.
    pub(crate) fn of_this_process(limits: &Limits) -> Self {
        let Limits { directories_per_root, directories_per_plugin, finds } = limits;
        let mut hasher = blake3::Hasher::new();
        let mut add = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        add(env!("CARGO_PKG_VERSION").as_bytes());
        add(PLUGIN_METADATA_SCHEMA.as_bytes());
        add(HOST_API_VERSION.to_string().as_bytes());
        add(TARGET_TRIPLE.as_bytes());
        for limit in [directories_per_root, directories_per_plugin, finds] {
            add(&(*limit as u64).to_le_bytes());
        }
        of_the_user(&mut add);
        Self(*hasher.finalize().as_bytes())
    }
}

/// Who may read what, and whose groups are private, is told by these.
#[cfg(unix)]
fn of_the_user(add: &mut impl FnMut(&[u8])) {
    add(&rustix::process::geteuid().as_raw().to_le_bytes());
    add(&rustix::process::getegid().as_raw().to_le_bytes());
    for group in rustix::process::getgroups().unwrap_or_default() {
        add(&group.as_raw().to_le_bytes());
    }
    let stamp = |name: &str| apex_files::Directory::open("/etc".as_ref()).ok()?.stamp_of(name).ok();
    for name in ["passwd", "group"] {
        add(stamp(name).as_ref().map_or(&[], |stamp| stamp.as_bytes().as_slice()));
    }
}

#[cfg(not(unix))]
fn of_the_user(_add: &mut impl FnMut(&[u8])) {}
