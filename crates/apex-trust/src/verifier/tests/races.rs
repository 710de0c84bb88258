//! Attacks while a plugin is being read, and files that are not what they seem (attacks 35, 39 and 40).

use std::os::unix::fs::FileExt;

use super::*;

#[test]
fn a_file_that_is_written_lengthened_and_cut_while_it_is_hashed_never_passes_as_it_was() {
    let acme = Acme::new();
    let plant = Plant::new();
    // Large enough for several reads.
    plant.write("data/large.bin", &vec![b'g'; 1 << 20]);
    let plant = plant.signed(&acme.key);
    let file = fs::OpenOptions::new().write(true).open(plant.path("data/large.bin")).unwrap();
    let stop = AtomicBool::new(false);
    let mut refused = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                file.write_all_at(b"e", 700_000).unwrap();
                file.set_len(1 << 19).unwrap();
                file.set_len(5 << 20).unwrap();
                file.write_all_at(&[b'g'; 1 << 19], 1 << 19).unwrap();
                file.set_len(1 << 20).unwrap();
            }
        });
        let (start, mut rounds) = (Instant::now(), 0);
        while rounds < 100 || (refused == 0 && start.elapsed() < PATIENCE) {
            rounds += 1;
            match acme.standard().verify(&plant.directory(), &plant.document(), false, false) {
                Ok(verified) => assert_eq!(verified.digest(), verified.manifest().checksum.as_ref()),
                Err(error) => {
                    assert_eq!(error.code(), "ChecksumMismatch", "{error}");
                    refused += 1;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(refused > 0, "the attacker never got in between");
    assert!(acme.standard().verify(&plant.directory(), &plant.document(), false, false).is_ok());
    file.write_all_at(b"e", 700_000).unwrap();
    assert_eq!(code(&acme.standard(), &plant), "ChecksumMismatch");
}

#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn a_device_among_the_files_or_in_place_of_the_library_is_no_regular_file() {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    let acme = Acme::new();
    for path in ["data/null".to_owned(), Plant::new().library()] {
        let plant = Plant::new().signed(&acme.key);
        // Gone only if it is the library.
        let _ = fs::remove_file(plant.path(&path));
        // The null device: harmless should it be opened after all.
        let made = mknodat(CWD, plant.path(&path), FileType::CharacterDevice, Mode::RUSR | Mode::WUSR, makedev(1, 3));
        if made.is_err() {
            eprintln!("skipped: this user may not make devices");
            return;
        }
        assert_eq!(code(&acme.standard(), &plant), "NotRegularFile", "{path}");
    }
}

#[test]
fn a_number_that_was_freed_by_one_plugin_is_never_the_path_of_two() {
    let acme = Acme::new();
    let mut paths = std::collections::BTreeMap::new();
    for round in 0..20_u8 {
        let plant = Plant::new();
        let library = MinimalElf::with_content(&[round; 64]);
        plant.write(&plant.library(), &library);
        let plant = plant.signed(&acme.key);
        let verify = || acme.standard().verify(&plant.directory(), &plant.document(), false, false).unwrap();
        // One that nobody loads frees its number; one that may be loaded keeps it, though it is dropped.
        drop(verify());
        let path = verify().library().path();
        assert!(paths.insert(path, library).is_none(), "a number was given twice");
    }
    for (path, library) in paths {
        assert_eq!(fs::read(path).unwrap(), library);
    }
}
