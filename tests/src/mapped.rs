//! Loading a library as the host does, and looking at what the dynamic linker has mapped.
#![expect(unsafe_code, reason = "loading a library runs it")]

use std::{
    ffi::c_int,
    fs::{self, File},
    ops::Range,
    os::unix::fs::FileExt as _,
    path::Path,
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

const FLAGS: c_int = RTLD_NOW | RTLD_LOCAL;

/// Opens a library for as long as the process lives.
///
/// # Errors
/// What the dynamic linker says.
pub fn open(path: &Path) -> Result<(), String> {
    // SAFETY: the callers' libraries are either without code or plugins of this repository, whose constructors do
    // nothing that a test program must fear.
    let library = unsafe { Library::open(Some(path), FLAGS) }.map_err(|error| error.to_string())?;
    std::mem::forget(library);
    Ok(())
}

/// Opens a library by a path in `/proc/self/fd`, and gives a part of what is then mapped of it.
///
/// # Errors
/// It cannot be opened, or nothing is mapped of it.
pub fn open_and_read(path: &Path, part: Range<usize>) -> Result<Vec<u8>, String> {
    use std::os::unix::fs::MetadataExt as _;
    open(path)?;
    let inode = fs::metadata(path).map_err(|error| error.to_string())?.ino();
    let start = mapped_at(inode)?;
    let memory = File::open("/proc/self/mem").map_err(|error| error.to_string())?;
    let mut bytes = vec![0; part.len()];
    memory.read_exact_at(&mut bytes, start + part.start as u64).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// The first address at which a file in memory is mapped; such files share one device.
fn mapped_at(inode: u64) -> Result<u64, String> {
    let maps = fs::read_to_string("/proc/self/maps").map_err(|error| error.to_string())?;
    for line in maps.lines().filter(|line| line.contains("/memfd:")) {
        let mut fields = line.split_whitespace();
        let (range, inode_field) = (fields.next().unwrap_or_default(), fields.nth(3).unwrap_or_default());
        if inode_field == inode.to_string() {
            let start = range.split('-').next().unwrap_or_default();
            return u64::from_str_radix(start, 16).map_err(|error| error.to_string());
        }
    }
    Err(format!("nothing of inode {inode} is mapped"))
}
