//! The file of a private key, in the clear or behind a passphrase (PKCS#8 in PBES2).

use std::{cell::OnceCell, fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use apex_trust::{DecryptionEffort, KeyError, Passphrase, SigningKey};
use tempfile::TempDir;

/// What the seeds that are behind a passphrase open with.
const PASSPHRASE: &str = "open sesame";

/// Small, or an input that asks for rounds on end would be all that is ever tried.
const EFFORT: DecryptionEffort = DecryptionEffort { pbkdf2_rounds: 256, scrypt_bytes: 1 << 20 };

/// What opens, opens to one and the same key; what is behind a passphrase is never opened without asking for it, and what
/// is not is never asked for one; a key that was read can be written and is read back as the same.
pub fn private_key(bytes: &[u8]) {
    thread_local!(static ROOM: OnceCell<TempDir> = const { OnceCell::new() });
    ROOM.with(|room| {
        let room = room.get_or_init(|| tempfile::tempdir().unwrap());
        let (path, copy) = (room.path().join("key.pem"), room.path().join("copy.pem"));
        write(&path, bytes);
        let (key, was_asked) = read(&path, PASSPHRASE);
        let plain = SigningKey::read_pem(&path);
        let key = match key {
            Ok(key) => key,
            Err(error) => {
                let expected = ["MalformedKey", "WrongPassphrase", "Unreadable"];
                assert!(expected.contains(&error.code()), "{error}: {}", error.code());
                let expected = if was_asked { "EncryptedKey" } else { error.code() };
                assert_eq!(plain.unwrap_err().code(), expected, "without a passphrase");
                return;
            }
        };
        let public = key.public_key();
        let (again, asked_again) = read(&path, PASSPHRASE);
        assert_eq!((again.unwrap().public_key(), asked_again), (public, was_asked));
        match plain {
            Ok(plain) => assert_eq!((plain.public_key(), was_asked), (public, false)),
            Err(error) => assert_eq!((error.code(), was_asked), ("EncryptedKey", true)),
        }
        if was_asked {
            let other = read(&path, "open says me").0;
            assert!(other.is_err_and(|error| ["MalformedKey", "WrongPassphrase"].contains(&error.code())));
        }
        // Left over only by a finding.
        let _ = fs::remove_file(&copy);
        key.write_pem(&copy).unwrap();
        assert_eq!(SigningKey::read_pem(&copy).unwrap().public_key(), public, "written and read back");
        fs::remove_file(&copy).unwrap();
    });
}

/// Reads the file, and says whether it was asked for the passphrase.
fn read(path: &Path, passphrase: &str) -> (Result<SigningKey, KeyError>, bool) {
    let mut was_asked = false;
    let ask = || {
        was_asked = true;
        Passphrase::new(passphrase.to_owned())
    };
    let key = SigningKey::read_pem_within(path, EFFORT, ask);
    (key, was_asked)
}

fn write(path: &Path, bytes: &[u8]) {
    let file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).unwrap();
}
