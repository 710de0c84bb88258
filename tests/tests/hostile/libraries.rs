//! Attacks by libraries that their publisher signed (41, 43): none of their code may run.

use std::fs;

use apex_plugins_tests::minimal_elf::{DT_NEEDED, MinimalElf};

use crate::{Attack, Scene, withstands};

/// Entries of the dynamic table that a plugin may not have.
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_AUDIT: u64 = 0x6fff_fefc;
const DT_FILTER: u64 = 0x7fff_ffff;

/// Gives the plugin another library, and seals that.
fn ship(scene: &Scene, library: impl AsRef<[u8]>) {
    fs::write(scene.library(), library).unwrap();
    scene.seal();
}

fn ship_naming(scene: &Scene, tag: u64, name: &str) {
    ship(scene, MinimalElf::new().naming(DT_NEEDED, "libc.so.6").naming(tag, name).build());
}

/// Ships the real library with some bytes replaced by as many others.
fn ship_patched(scene: &Scene, from: &[u8], to: &[u8]) {
    let mut library = fs::read(scene.library()).unwrap();
    let at = library.windows(from.len()).position(|window| window == from).expect("the library holds the bytes");
    library[at..at + from.len()].copy_from_slice(to);
    ship(scene, library);
}

#[test]
fn libraries_that_bring_in_foreign_code_are_named() {
    let attacks: &[Attack] = &[
        (41, "a search path", |scene| ship_naming(scene, DT_RUNPATH, "$ORIGIN"), "ElfPolicy"),
        (41, "an old search path", |scene| ship_naming(scene, DT_RPATH, "/tmp"), "ElfPolicy"),
        (41, "an auditor", |scene| ship_naming(scene, DT_AUDIT, "libaudit.so"), "ElfPolicy"),
        (41, "a filter", |scene| ship_naming(scene, DT_FILTER, "libfilter.so"), "ElfPolicy"),
        (41, "a foreign library", |scene| ship_naming(scene, DT_NEEDED, "libevil.so"), "ElfPolicy"),
        (41, "a foreign library by path", |scene| ship_naming(scene, DT_NEEDED, "/tmp/libc.so.6"), "ElfPolicy"),
        (
            41,
            "a foreign library in real code",
            |scene| {
                ship_patched(scene, b"libgcc_s.so.1", b"libevil.so.99");
            },
            "ElfPolicy",
        ),
    ];
    withstands(attacks);
}

#[test]
fn libraries_that_are_none_are_named() {
    let attacks: &[Attack] = &[
        (43, "a text", |scene| ship(scene, "no library"), "ElfInvalid"),
        (43, "nothing", |scene| ship(scene, ""), "ElfInvalid"),
        (
            43,
            "the first pages of a library",
            |scene| {
                let library = fs::read(scene.library()).unwrap();
                ship(scene, &library[..16 << 10]);
            },
            "ElfInvalid",
        ),
        (
            43,
            "another machine's",
            |scene| {
                let mut library = fs::read(scene.library()).unwrap();
                library[18] ^= 0xff;
                ship(scene, library);
            },
            "ElfInvalid",
        ),
        (43, "a program", |scene| ship(scene, fs::read("/proc/self/exe").map(as_program).unwrap()), "ElfInvalid"),
    ];
    withstands(attacks);
}

/// Programs can be shared objects too, by their type; this one says what it is.
fn as_program(mut program: Vec<u8>) -> Vec<u8> {
    program.truncate(8192);
    program[16..18].copy_from_slice(&2_u16.to_ne_bytes());
    program
}
