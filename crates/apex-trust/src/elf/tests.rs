//! Tests of the rules for libraries (attacks 41 and 43), on files that are put together by hand.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs::File,
    io::{self, Cursor},
};

use proptest::prelude::*;

use super::*;
use crate::minimal_elf::{DT_NEEDED, DT_STRTAB, MinimalElf, SEGMENT_HEADER, TABLE, TABLE_HEADER};

fn check(bytes: impl AsRef<[u8]>) -> Result<(), ElfError> {
    check_elf(Cursor::new(bytes))
}

fn refused(bytes: impl AsRef<[u8]>, code: &str) -> String {
    let error = check(bytes).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

/// A library that needs the C runtime, as real ones do.
fn ordinary() -> MinimalElf {
    SYSTEM_LIBRARIES.iter().fold(MinimalElf::new(), |elf, name| elf.naming(DT_NEEDED, name))
}

/// The file with other bytes at a place.
fn with(mut file: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn a_library_that_needs_the_c_runtime_alone_is_accepted() {
    check(MinimalElf::new().build()).unwrap();
    check(ordinary().build()).unwrap();
    check(MinimalElf::with_content(&[7; 100_000])).unwrap();
}

#[test]
fn the_libraries_that_this_very_process_runs_on_are_well_formed() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let is_library = |path: &&str| path.contains("/libc.so") || path.contains("/libgcc_s.so");
    let mut paths: Vec<_> = maps.lines().filter_map(|line| line.split_whitespace().last()).filter(is_library).collect();
    paths.dedup();
    for path in paths {
        check_elf(File::open(path).unwrap()).unwrap();
    }
}

#[test]
fn an_entry_that_leads_the_linker_astray_is_named() {
    for (tag, name) in FORBIDDEN_ENTRIES {
        let tag = u64::try_from(tag.0).unwrap();
        let text = refused(ordinary().naming(tag, "$ORIGIN/../lib").build(), "ElfPolicy");
        assert!(text.contains(name) && text.contains("$ORIGIN/../lib"), "{text}");
    }
}

#[test]
fn a_foreign_library_is_named_however_it_is_dressed_up() {
    for name in ["libevil.so", "./libc.so.6", "/lib/libc.so.6", "libc.so.6 ", "LIBC.SO.6", "", "libssl.so.3", "a\nb"] {
        let file = ordinary().naming(DT_NEEDED, name).naming(DT_NEEDED, "libm.so.6").build();
        let text = refused(file, "ElfPolicy");
        assert!(text.contains(&format!("`{}`", name.escape_debug())), "{text}");
        assert_eq!(text.lines().count(), 1);
    }
}

#[test]
fn what_is_no_library_of_this_machine_is_invalid() {
    let good = ordinary().build();
    let machine = if cfg!(target_arch = "x86_64") { 183_u16 } else { 62 };
    let rows: [(&str, Vec<u8>, &str); 8] = [
        ("empty", vec![], "no ELF file"),
        ("a text", b"#!/bin/sh\nexit 0\n".to_vec(), "no ELF file"),
        ("a linker script", b"/* GNU ld script */ GROUP ( libc.so.6 )".to_vec(), "no ELF file"),
        ("another machine", with(good.clone(), 18, &machine.to_ne_bytes()), &format!("machine {machine} with 64")),
        ("32 bits", with(good.clone(), 4, &[1]), "32 bits"),
        ("the other byte order", with(good.clone(), 5, &[3 - good[5]]), "another byte order"),
        ("a program", with(good.clone(), 16, &2_u16.to_ne_bytes()), "type 2"),
        ("an object file", with(good, 16, &1_u16.to_ne_bytes()), "type 1"),
    ];
    for (what, file, said) in rows {
        let text = refused(file, "ElfInvalid");
        assert!(text.contains(said), "{what}: {text}");
    }
}

#[test]
fn a_file_cut_short_anywhere_is_invalid() {
    let file = ordinary().build();
    for length in 0..file.len() {
        refused(&file[..length], "ElfInvalid");
    }
}

/// Everything here could show the check one thing and the linker another.
#[test]
fn what_can_be_read_in_two_ways_is_invalid() {
    let good = MinimalElf::new().naming(DT_NEEDED, "libc.so.6").build();
    let word = |at: usize, value: u64| with(good.clone(), at, &value.to_ne_bytes());
    let kind = |at: usize, value: u32| with(good.clone(), at, &value.to_ne_bytes());
    let rows: [(&str, Vec<u8>); 14] = [
        ("two lists of names", MinimalElf::new().entry(DT_STRTAB, 0).build()),
        ("no list of names", word(TABLE + 16, 99)),
        ("names outside of what is mapped", word(TABLE + 24, 1 << 40)),
        ("names whose address overflows", word(TABLE + 24, u64::MAX)),
        ("a name outside of the list", word(TABLE + 8, 1 << 30)),
        ("a table without an end", with(good.clone(), TABLE + 48, &1_u64.to_ne_bytes())),
        ("the table's address and offset differ", word(TABLE_HEADER + 8, TABLE as u64 + 16)),
        ("a table outside of what is mapped", word(TABLE_HEADER + 16, 1 << 40)),
        ("no table", kind(TABLE_HEADER, 4)),
        ("two tables", kind(SEGMENT_HEADER, 2)),
        ("a segment beyond the end", word(SEGMENT_HEADER + 32, u64::MAX)),
        ("a segment whose address overflows", word(SEGMENT_HEADER + 40, u64::MAX)),
        ("segments smaller than a page", word(SEGMENT_HEADER + 48, 1)),
        ("two segments in one page", kind(TABLE_HEADER, 1)),
    ];
    for (what, file) in rows {
        let error = check(file).expect_err(what);
        assert_eq!(error.code(), "ElfInvalid", "{what}");
    }
    let phnum = with(good.clone(), 56, &u16::MAX.to_ne_bytes());
    assert!(refused(phnum, "ElfInvalid").contains("too many segments"));
}

/// Tools that list a library's needs by its sections see none here; the linker does not look at sections.
#[test]
fn sections_are_not_asked() {
    let file = with(ordinary().naming(DT_NEEDED, "libevil.so").build(), 40, &u64::MAX.to_ne_bytes());
    refused(with(file, 60, &u16::MAX.to_ne_bytes()), "ElfPolicy");
}

#[test]
fn a_table_of_thousands_of_entries_is_refused() {
    let many = (0..2000).fold(MinimalElf::new(), |elf, _| elf.entry(21, 0));
    assert!(refused(many.build(), "ElfInvalid").contains("no end"));
}

#[test]
fn a_fault_of_the_system_is_not_blamed_on_the_library() {
    struct Broken(Cursor<Vec<u8>>);
    impl Read for Broken {
        fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    impl Seek for Broken {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            Seek::seek(&mut self.0, to)
        }
    }
    let error = check_elf(Broken(Cursor::new(ordinary().build()))).unwrap_err();
    assert_eq!(error.code(), "Unreadable");
    assert!(std::error::Error::source(&error).is_some());
}

proptest! {
    #[test]
    fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..2048), dressed: bool) {
        if dressed {
            let good = MinimalElf::new().build();
            let header = bytes.len().min(TABLE);
            bytes[..header].copy_from_slice(&good[..header]);
        }
        let _ = check(bytes);
    }

    #[test]
    fn a_mutated_library_never_panics(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..8),
        words in proptest::collection::vec((0_usize..40, prop_oneof![
            any::<u64>(), 0_u64..600, Just(u64::MAX), Just(i64::MAX as u64), Just(1 << 63),
        ]), 0..4),
    ) {
        let mut file = MinimalElf::new().naming(DT_NEEDED, "libevil.so").build();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        for (word, value) in words {
            if let Some(place) = file.get_mut(word * 8..word * 8 + 8) {
                place.copy_from_slice(&value.to_ne_bytes());
            }
        }
        let _ = check(file);
    }

    #[test]
    fn a_foreign_name_is_found_wherever_it_stands(before in 0_usize..30, after in 0_usize..30, name in "[a-z./$]{0,40}") {
        prop_assume!(!SYSTEM_LIBRARIES.contains(&name.as_str()));
        let fill = |elf: MinimalElf, count: usize| (0..count).fold(elf, |elf, _| elf.naming(DT_NEEDED, "libc.so.6"));
        let file = fill(fill(MinimalElf::new(), before).naming(DT_NEEDED, &name), after).build();
        let found = matches!(check(file), Err(ElfError::ForeignLibrary { name: found }) if found == name);
        prop_assert!(found);
    }
}
