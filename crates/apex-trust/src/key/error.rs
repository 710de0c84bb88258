//! What can be wrong with a key or its file.

use std::{io, path::PathBuf};

/// Why a key cannot be used, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a key, or not in its one canonical encoding.
    #[error("malformed key: {fault}")]
    MalformedKey {
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A point of small order, under which one signature fits many messages.
    #[error("weak key: the point is of small order")]
    WeakKey,
    /// Not 64 lower-case hexadecimal digits.
    #[error("`{}` is not a key id: 64 lower-case hexadecimal digits are expected", text.escape_debug())]
    MalformedKeyId {
        /// The text, cut after 80 characters.
        text: String,
    },
    /// Group or others may read or write the file of a private key.
    #[error("{} has mode {mode:o}; a private key is for its owner alone (0600)", path.display())]
    InsecureKeyFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file of a private key belongs to somebody else.
    #[error("{} belongs to user {owner}, neither to root nor to this user", path.display())]
    ForeignKeyFile {
        /// The file.
        path: PathBuf,
        /// The numeric user id of its owner.
        owner: u32,
    },
    /// A private key where a public one is expected.
    #[error("{} holds a private key where a public one is expected", path.display())]
    NotPublic {
        /// The file.
        path: PathBuf,
    },
    /// A private key behind a passphrase.
    #[error("{} is protected by a passphrase, and none was given", path.display())]
    EncryptedKey {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase that does not open the private key; a damaged file looks the same.
    #[error("the passphrase does not open {}", path.display())]
    WrongPassphrase {
        /// The file of the key.
        path: PathBuf,
    },
    /// A passphrase of no length.
    #[error("an empty passphrase protects nothing")]
    EmptyPassphrase,
    /// A key is never written over another file.
    #[error("{} exists already; a key never replaces a file", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the key file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the key file {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The operating system has no randomness to give.
    #[error("the system has no randomness for a new key")]
    NoRandomness {
        /// What the system says.
        source: getrandom::Error,
    },
}

impl KeyError {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::MalformedKey { .. } | Self::MalformedKeyId { .. } | Self::NotPublic { .. } => "MalformedKey",
            Self::WeakKey => "WeakKey",
            Self::InsecureKeyFile { .. } | Self::ForeignKeyFile { .. } => "InsecureKeyFile",
            Self::EncryptedKey { .. } => "EncryptedKey",
            Self::WrongPassphrase { .. } | Self::EmptyPassphrase => "WrongPassphrase",
            Self::FileExists { .. } => "FileExists",
            Self::Unreadable { .. } => "Unreadable",
            Self::Unwritable { .. } => "Unwritable",
            Self::NoRandomness { .. } => "NoRandomness",
        }
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::InsecureKeyFile { path, .. } => {
                format!("chmod 600 {}; if others may have read it, make a new key and revoke this one", path.display())
            }
            Self::ForeignKeyFile { path, .. } => format!("chown \"$(id -u)\" {}", path.display()),
            Self::NotPublic { path } => format!("give its public half, usually {}.pub", path.display()),
            Self::EncryptedKey { .. } => {
                "run it in a terminal, which asks for it, or name a file with --passphrase-file FILE".into()
            }
            Self::WrongPassphrase { .. } => "try again; if you are sure of it, the file is damaged: use a copy".into(),
            Self::EmptyPassphrase => "choose several words, or make the key without a passphrase".into(),
            Self::FileExists { .. } => "choose another name, or move the old file away".into(),
            Self::MalformedKey { .. } | Self::WeakKey => "make a key with: apex keys generate FILE".into(),
            Self::MalformedKeyId { .. } => "list the ids of trusted keys with: apex trust list".into(),
            Self::Unreadable { .. } | Self::Unwritable { .. } | Self::NoRandomness { .. } => return None,
        })
    }
}
