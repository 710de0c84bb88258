//! The rules for libraries, against a second reader that maps segments into memory as the dynamic linker does.

use std::io::{Cursor, Read, Result, Seek, SeekFrom};

use apex_trust::check_elf;

/// The verdict does not depend on how the bytes arrive, and in what is accepted the linker finds nothing forbidden.
pub fn elf(bytes: &[u8]) {
    let whole = check_elf(Cursor::new(bytes));
    let dripping = check_elf(Dripping(Cursor::new(bytes)));
    let text = |outcome: &std::result::Result<(), apex_trust::ElfError>| {
        outcome.as_ref().map_err(|error| format!("{} {error}", error.code())).copied()
    };
    assert_eq!(text(&whole), text(&dripping), "the same bytes, read one by one");
    match whole {
        Ok(()) => {
            if cfg!(all(target_pointer_width = "64", target_endian = "little")) {
                linked(bytes);
            }
        }
        Err(error) => assert!(matches!(error.code(), "ElfInvalid" | "ElfPolicy"), "{error}"),
    }
}

/// Reads at most one byte at a time.
struct Dripping<R>(R);

impl<R: Read> Read for Dripping<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let length = buffer.len().min(1);
        self.0.read(&mut buffer[..length])
    }
}

impl<R: Seek> Seek for Dripping<R> {
    fn seek(&mut self, position: SeekFrom) -> Result<u64> {
        self.0.seek(position)
    }
}

/// What is larger in memory is not looked at again.
const MAX_MEMORY: usize = 1 << 20;
const PAGE: usize = 4096;

/// Maps the segments one over the other by whole pages, later ones winning, and walks the dynamic table in memory.
fn linked(file: &[u8]) {
    let word = |bytes: &[u8], at: usize| -> usize {
        let word = bytes.get(at..at + 8).expect("accepted, but a word is cut off");
        usize::try_from(u64::from_le_bytes(word.try_into().unwrap())).unwrap()
    };
    let half = |at: usize| usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let (table, size, count) = (word(file, 32), half(54), half(56));
    let headers = || {
        (0..count).map(|index| {
            let at = table + index * size;
            let kind = u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
            // Offset, address, length in the file, length in memory.
            (kind, word(file, at + 8), word(file, at + 16), word(file, at + 32), word(file, at + 40))
        })
    };
    let mut memory = Vec::new();
    for (_, offset, address, length, space) in headers().filter(|header| header.0 == 1) {
        let Some(end) = address.checked_add(space).filter(|end| *end <= MAX_MEMORY) else { return };
        memory.resize(memory.len().max(end.next_multiple_of(PAGE)), 0_u8);
        // Whole pages of the file come along, in front and behind; what lies behind in memory is cleared.
        let (from, to) = (offset - offset % PAGE, (offset + length).next_multiple_of(PAGE).min(file.len()));
        let start = address - address % PAGE;
        let room = memory.len().min(start + (to - from)) - start;
        memory[start..start + room].copy_from_slice(&file[from..from + room]);
        if space > length {
            memory[address + length..end.next_multiple_of(PAGE)].fill(0);
        }
    }
    let (_, _, dynamic, _, _) = headers().find(|header| header.0 == 2).expect("accepted without a dynamic table");
    let entries: Vec<_> = (0..)
        .map(|index| (word(&memory, dynamic + index * 16), word(&memory, dynamic + index * 16 + 8)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let names = entries.iter().find(|(tag, _)| *tag == 5).map(|(_, address)| *address);
    for (tag, value) in &entries {
        // DT_RPATH, DT_RUNPATH, DT_AUDIT, DT_DEPAUDIT, DT_FILTER, DT_AUXILIARY.
        let forbidden = [15, 29, 0x6fff_fefc, 0x6fff_fefb, 0x7fff_ffff, 0x7fff_fffd];
        assert!(!forbidden.contains(tag), "accepted with the forbidden entry {tag:#x}");
        if *tag == 1 {
            let name = &memory[names.expect("accepted without names") + value..];
            let name = name.split(|byte| *byte == 0).next().unwrap();
            let name = std::str::from_utf8(name).expect("accepted with a name that is no text");
            assert!(is_runtime(name), "accepted, though it needs {name:?}");
        }
    }
}

/// Every name of the C runtime is a plain file name that begins with one of these.
fn is_runtime(name: &str) -> bool {
    let families =
        ["libc.", "libm.so.", "libdl.so.", "libpthread.so.", "librt.so.", "libgcc_s.so.", "ld-linux", "ld64.so."];
    families.iter().any(|family| name.starts_with(family)) && !name.contains('/')
}
