//! Tests of keys and their files (R8.2, attacks 23, 25, 78).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{fs, process::Command};

use super::*;

fn generate() -> SigningKey {
    SigningKey::generate().unwrap()
}

#[test]
fn a_key_id_is_the_labelled_hash_of_the_key() {
    // The key of RFC 8032, section 7.1, test 1; the id was computed with another program.
    let key = PublicKey::from_base64("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").unwrap();
    assert_eq!(key.key_id().to_string(), "c6ddca9c67d8aa4d2994b536f080de1b833f50a2d8e48381736f46cd254f00cd");
    assert_eq!(key.key_id().to_string().parse::<KeyId>().unwrap(), key.key_id());
}

#[test]
fn key_ids_are_64_lower_case_digits() {
    let id = generate().public_key().key_id().to_string();
    for text in [
        String::new(),
        id[1..].to_owned(),
        format!("{id}0"),
        id.replace(|_: char| true, "A"),
        id.replacen(|_: char| true, "g", 1),
    ] {
        assert_eq!(text.parse::<KeyId>().unwrap_err().code(), "MalformedKey", "{text}");
    }
}

#[test]
fn a_public_key_survives_base64_which_is_strict() {
    let key = generate().public_key();
    let text = key.to_base64();
    assert_eq!(PublicKey::from_base64(&text).unwrap(), key);
    for loose in [
        text.trim_end_matches('=').to_owned(),
        format!(" {text}"),
        format!("{text}="),
        text[..40].to_owned(),
        String::new(),
    ] {
        assert_eq!(PublicKey::from_base64(&loose).unwrap_err().code(), "MalformedKey", "{loose:?}");
    }
}

#[test]
fn every_point_of_small_order_is_weak() {
    for hex in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ] {
        let bytes: Vec<u8> = (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        assert_eq!(PublicKey::from_bytes(&bytes.try_into().unwrap()).unwrap_err().code(), "WeakKey", "{hex}");
    }
}

#[test]
fn no_encoding_but_the_canonical_one_is_taken() {
    let mut refused_for_form = 0;
    for low in 0xed..=0xff {
        for high in [0x7f, 0xff] {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (low, high);
            match PublicKey::from_bytes(&bytes) {
                Err(KeyError::MalformedKey { fault: "the encoding is not canonical" }) => refused_for_form += 1,
                Err(_) => {}
                Ok(key) => panic!("{key:?}"),
            }
        }
    }
    assert!(refused_for_form > 0, "some of these are points of the curve and not weak");
    // Zero x with its sign bit set: the identity and the point of order two.
    for (low, rest, high) in [(1, 0, 0x80), (0xec, 0xff, 0xff)] {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (low, high);
        assert!(PublicKey::from_bytes(&bytes).is_err());
    }
}

#[test]
fn a_private_key_survives_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let (path, key) = (directory.path().join("key.pem"), generate());
    key.write_pem(&path).unwrap();
    assert_eq!(SigningKey::read_pem(&path).unwrap().public_key(), key.public_key());
    let pem = fs::read_to_string(&path).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{pem}");
    assert!(!format!("{key:?}").contains(&BASE64_STANDARD.encode(key.0.to_bytes())));
}

#[test]
fn a_key_never_replaces_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.pem");
    let first = generate();
    first.write_pem(&path).unwrap();
    assert_eq!(generate().write_pem(&path).unwrap_err().code(), "FileExists");
    assert_eq!(SigningKey::read_pem(&path).unwrap().public_key(), first.public_key());
}

#[cfg(unix)]
#[test]
fn a_private_key_that_others_may_read_is_insecure() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("key.pem");
    generate().write_pem(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620, 0o610, 0o644] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = SigningKey::read_pem(&path).unwrap_err();
        assert_eq!(error.code(), "InsecureKeyFile", "{mode:o}");
        assert!(error.hint().unwrap().contains("chmod 600"));
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    SigningKey::read_pem(&path).unwrap();
}

#[test]
fn public_keys_are_read_in_base64_and_pem_and_private_ones_are_not_mistaken_for_them() {
    let directory = tempfile::tempdir().unwrap();
    let key = generate();
    let (private, public) = (directory.path().join("key"), directory.path().join("key.pub"));
    key.write_pem(&private).unwrap();
    key.public_key().write(&public).unwrap();
    assert_eq!(PublicKey::read(&public).unwrap(), key.public_key());
    assert_eq!(key.public_key().write(&public).unwrap_err().code(), "FileExists");
    let error = PublicKey::read(&private).unwrap_err();
    assert!(matches!(error, KeyError::NotPublic { .. }), "{error}");
    assert_eq!(PublicKey::read(&directory.path().join("absent")).unwrap_err().code(), "Unreadable");
}

#[cfg(unix)]
fn write_private(path: &Path, content: &[u8]) {
    file::create(path, 0o600, content).unwrap();
}

#[cfg(unix)]
#[test]
fn hostile_key_files_are_refused_with_a_word() {
    let directory = tempfile::tempdir().unwrap();
    let rsa = "-----BEGIN PRIVATE KEY-----\nMBACAQAwCwYJKoZIhvcNAQEB\n-----END PRIVATE KEY-----\n";
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let huge = "A".repeat(20 << 10);
    for (name, content, code) in [
        ("empty", "", "MalformedKey"),
        ("text", "hello", "MalformedKey"),
        ("rsa", rsa, "MalformedKey"),
        ("encrypted", encrypted, "EncryptedKey"),
        ("huge", &huge, "Unreadable"),
    ] {
        let path = directory.path().join(name);
        write_private(&path, content.as_bytes());
        assert_eq!(SigningKey::read_pem(&path).unwrap_err().code(), code, "{name}");
    }
    let path = directory.path().join("binary");
    write_private(&path, &[0xff; 64]);
    assert_eq!(SigningKey::read_pem(&path).unwrap_err().code(), "Unreadable");
}

/// Runs OpenSSL, or says why the test has nothing to compare with.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
#[cfg(unix)]
fn openssl(arguments: &[&str]) -> Option<Vec<u8>> {
    match Command::new("openssl").args(arguments).output() {
        Err(error) => {
            eprintln!("skipped: openssl cannot be run here: {error}");
            None
        }
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            Some(output.stdout)
        }
    }
}

#[cfg(unix)]
#[test]
fn openssl_reads_our_keys_and_we_read_its() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let key = generate();
    key.write_pem(Path::new(&path("ours"))).unwrap();
    let Some(public) = openssl(&["pkey", "-in", &path("ours"), "-pubout"]) else { return };
    write_private(Path::new(&path("ours.pub")), &public);
    assert_eq!(PublicKey::read(Path::new(&path("ours.pub"))).unwrap(), key.public_key());

    let Some(theirs) = openssl(&["genpkey", "-algorithm", "ed25519"]) else { return };
    write_private(Path::new(&path("theirs")), &theirs);
    let theirs = SigningKey::read_pem(Path::new(&path("theirs"))).unwrap();
    let Some(public) = openssl(&["pkey", "-in", &path("theirs"), "-pubout", "-outform", "DER"]) else { return };
    assert_eq!(&public[public.len() - 32..], theirs.public_key().as_bytes());
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text.to_owned()).unwrap()
}

fn read_with(path: &Path, text: &str) -> Result<SigningKey, KeyError> {
    SigningKey::read_pem_with(path, || Passphrase::new(text.to_owned()))
}

#[cfg(unix)]
#[test]
fn a_key_behind_a_passphrase_opens_with_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (path, key) = (directory.path().join("key.pem"), generate());
    key.write_encrypted_pem(&path, &passphrase("four words of Größe")).unwrap();
    let pem = fs::read_to_string(&path).unwrap();
    assert!(pem.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"), "{pem}");
    assert!(!pem.contains(&BASE64_STANDARD.encode(key.0.to_bytes())));
    assert_eq!(read_with(&path, "four words of Größe").unwrap().public_key(), key.public_key());
    assert_eq!(read_with(&path, "four words of Grösse").unwrap_err().code(), "WrongPassphrase");
    assert_eq!(SigningKey::read_pem(&path).unwrap_err().code(), "EncryptedKey");
    assert!(matches!(PublicKey::read(&path).unwrap_err(), KeyError::NotPublic { .. }));
    // One that is not behind a passphrase asks for none.
    let plain = directory.path().join("plain.pem");
    key.write_pem(&plain).unwrap();
    let asked = || -> Result<Passphrase, KeyError> { panic!("nobody needs a passphrase") };
    assert_eq!(SigningKey::read_pem_with(&plain, asked).unwrap().public_key(), key.public_key());
}

#[cfg(unix)]
#[test]
fn a_passphrase_is_the_first_line_of_a_file_that_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("passphrase");
    write_private(&path, b"open sesame\nand more\n");
    assert_eq!(Passphrase::read(&path).unwrap().as_bytes(), b"open sesame");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(Passphrase::read(&path).unwrap_err().code(), "InsecureKeyFile");
    let empty = directory.path().join("empty");
    write_private(&empty, b"\n");
    assert_eq!(Passphrase::read(&empty).unwrap_err().code(), "WrongPassphrase");
}

#[cfg(unix)]
#[test]
fn openssl_opens_our_encrypted_keys_and_we_open_its() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let key = generate();
    key.write_encrypted_pem(Path::new(&path("ours")), &passphrase("sesame")).unwrap();
    let Some(public) = openssl(&["pkey", "-in", &path("ours"), "-passin", "pass:sesame", "-pubout"]) else { return };
    write_private(Path::new(&path("ours.pub")), &public);
    assert_eq!(PublicKey::read(Path::new(&path("ours.pub"))).unwrap(), key.public_key());

    let genpkey = ["genpkey", "-algorithm", "ed25519", "-aes-256-cbc", "-pass", "pass:sesame"];
    let Some(theirs) = openssl(&genpkey) else { return };
    write_private(Path::new(&path("theirs")), &theirs);
    let opened = read_with(Path::new(&path("theirs")), "sesame").unwrap();
    let public = ["pkey", "-in", &path("theirs"), "-passin", "pass:sesame", "-pubout", "-outform", "DER"];
    let Some(public) = openssl(&public) else { return };
    assert_eq!(&public[public.len() - 32..], opened.public_key().as_bytes());
}

/// An encrypted key whose parameters are these, as PEM.
#[cfg(unix)]
fn encrypted_with(kdf: pkcs8::pkcs5::pbes2::Kdf) -> String {
    use pkcs8::{
        EncryptedPrivateKeyInfoOwned, SecretDocument,
        der::asn1::OctetString,
        pkcs5::pbes2::{EncryptionScheme, Parameters},
    };
    let parameters = Parameters { kdf, encryption: EncryptionScheme::Aes256Cbc { iv: [0; 16] } };
    let encrypted_data = OctetString::new(vec![0; 64]).unwrap();
    let info = EncryptedPrivateKeyInfoOwned { encryption_algorithm: parameters.into(), encrypted_data };
    let document = SecretDocument::try_from(info).unwrap();
    document.to_pem("ENCRYPTED PRIVATE KEY", pkcs8::der::pem::LineEnding::LF).unwrap().to_string()
}

#[cfg(unix)]
#[test]
fn encrypted_keys_that_would_keep_the_program_busy_are_refused() {
    use pkcs8::pkcs5::pbes2::{Pbkdf2Params, Salt, ScryptParams};
    let salt = || Salt::new([0; 16]).unwrap();
    let rounds = Pbkdf2Params { iteration_count: u32::MAX, ..Pbkdf2Params::hmac_sha256(1, &[0; 16]).unwrap() };
    let scrypt = |cost_parameter, block_size, parallelization| ScryptParams {
        salt: salt(),
        cost_parameter,
        block_size,
        parallelization,
        key_length: None,
    };
    let directory = tempfile::tempdir().unwrap();
    for (name, kdf) in [
        ("rounds", rounds.into()),
        ("cost", scrypt(1 << 40, 8, 1).into()),
        ("blocks", scrypt(1 << 14, u16::MAX, 1).into()),
        ("lanes", scrypt(1 << 14, 8, u16::MAX).into()),
    ] {
        let path = directory.path().join(name);
        write_private(&path, encrypted_with(kdf).as_bytes());
        let error = read_with(&path, "sesame").unwrap_err();
        assert!(error.to_string().contains("more time or memory"), "{name}: {error}");
    }
}
