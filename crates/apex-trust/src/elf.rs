//! What a library may be and may ask of the dynamic linker, whose doing runs before any code could be checked.

use std::io::{self, Read, Seek, SeekFrom};

use object::{
    NativeEndian,
    elf::{self, DynamicTag},
    read::{ReadCache, ReadCacheOps, ReadRef, elf::Dyn as _},
};

mod error;
mod image;
#[cfg(all(test, target_os = "linux", target_pointer_width = "64"))]
mod tests;

pub use error::ElfError;
use image::Image;

/// The libraries that a plugin may need: those of the C runtime, which each process that can load plugins has mapped.
///
/// Whatever else a plugin needs is to be linked into it. The linker would look for it along paths that the environment
/// and the system's configuration rule, and nobody would have verified what it finds.
const SYSTEM_LIBRARIES: &[&str] = &[
    // glibc, with the parts that were libraries of their own before 2.34, and the unwinder of GCC.
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libgcc_s.so.1",
    // Its dynamic linker, under the name of each architecture.
    "ld-linux-x86-64.so.2",
    "ld-linux-x32.so.2",
    "ld-linux.so.2",
    "ld-linux-aarch64.so.1",
    "ld-linux-armhf.so.3",
    "ld-linux.so.3",
    "ld-linux-riscv64-lp64d.so.1",
    "ld-linux-riscv64-lp64.so.1",
    "ld-linux-loongarch-lp64d.so.1",
    "ld64.so.1",
    "ld64.so.2",
    // musl, which is C runtime and dynamic linker in one.
    "libc.so",
    "libc.musl-x86_64.so.1",
    "libc.musl-aarch64.so.1",
    "libc.musl-x86.so.1",
    "libc.musl-armv7.so.1",
    "libc.musl-armhf.so.1",
    "libc.musl-riscv64.so.1",
    "libc.musl-loongarch64.so.1",
    "libc.musl-ppc64le.so.1",
    "libc.musl-s390x.so.1",
];

/// The entries that have the dynamic linker search elsewhere or bring in code beside what is needed.
const FORBIDDEN_ENTRIES: &[(DynamicTag, &str)] = &[
    (elf::DT_RPATH, "DT_RPATH"),
    (elf::DT_RUNPATH, "DT_RUNPATH"),
    (elf::DT_AUDIT, "DT_AUDIT"),
    (elf::DT_DEPAUDIT, "DT_DEPAUDIT"),
    (elf::DT_FILTER, "DT_FILTER"),
    (elf::DT_AUXILIARY, "DT_AUXILIARY"),
];

/// Checks that a library is an ELF shared object of this program's platform that brings in no code but its own and
/// the C runtime's.
///
/// The dynamic linker maps what a library needs and runs the constructors of all of it before the first question about
/// an interface could be asked, so that this is asked of the bytes. Allowed in `DT_NEEDED` are the names of glibc, musl,
/// libgcc and their dynamic linkers, without a directory; refused are `DT_RPATH`, `DT_RUNPATH`, `DT_AUDIT`,
/// `DT_DEPAUDIT`, `DT_FILTER` and `DT_AUXILIARY`. Entries and names are looked up by address in the loaded segments, as
/// the dynamic linker does, and never by the section table or by file offsets, which may say something else. What could
/// be read in two ways is damaged: segments that are out of order or share a page, a second table, a second list of
/// names.
///
/// It reads a few thousand bytes, wherever they are.
///
/// ```
/// use std::io::Cursor;
///
/// let error = apex_trust::check_elf(Cursor::new(b"#!/bin/sh")).unwrap_err();
/// assert_eq!(error.code(), "ElfInvalid");
/// ```
///
/// # Errors
/// [`ElfError`] says what was found and what its author can do.
pub fn check_elf(library: impl Read + Seek) -> Result<(), ElfError> {
    let cache = ReadCache::new(Source { library, fault: None });
    let checked = check_image(&cache);
    match cache.into_inner().fault {
        // Bytes that could not be read say nothing about the library.
        Some(fault) => Err(ElfError::unreadable(fault)),
        None => checked,
    }
}

fn check_image<'data>(data: impl ReadRef<'data>) -> Result<(), ElfError> {
    let image = Image::open(data)?;
    let mut names = None;
    for entry in image.entries() {
        if entry.tag(NativeEndian) == elf::DT_STRTAB && names.replace(entry.val(NativeEndian)).is_some() {
            return Err(ElfError::Damaged { what: "it has two lists of names" });
        }
    }
    let name = |offset: u64| {
        let address = names.and_then(|names| names.checked_add(offset));
        image.string(address.ok_or(ElfError::Damaged { what: "it has no list of names" })?)
    };
    for entry in image.entries() {
        let (tag, value) = (entry.tag(NativeEndian), entry.val(NativeEndian));
        if let Some((_, entry)) = FORBIDDEN_ENTRIES.iter().find(|(forbidden, _)| *forbidden == tag) {
            return Err(ElfError::ForbiddenEntry { entry, value: name(value)? });
        }
        if tag == elf::DT_NEEDED {
            let name = name(value)?;
            if !SYSTEM_LIBRARIES.contains(&name.as_str()) {
                return Err(ElfError::ForeignLibrary { name });
            }
        }
    }
    Ok(())
}

/// The library's bytes, read where they are asked for; the first error of the system is kept.
struct Source<R> {
    library: R,
    fault: Option<io::Error>,
}

impl<R> Source<R> {
    fn keep<T>(&mut self, outcome: io::Result<T>) -> Result<T, ()> {
        outcome.map_err(|fault| {
            self.fault.get_or_insert(fault);
        })
    }
}

impl<R: Read + Seek> ReadCacheOps for Source<R> {
    fn len(&mut self) -> Result<u64, ()> {
        let outcome = self.library.seek(SeekFrom::End(0));
        self.keep(outcome)
    }

    fn seek(&mut self, position: u64) -> Result<u64, ()> {
        let outcome = self.library.seek(SeekFrom::Start(position));
        self.keep(outcome)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        loop {
            match self.library.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return self.keep(outcome),
            }
        }
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ()> {
        let outcome = self.library.read_exact(buffer);
        self.keep(outcome)
    }
}
