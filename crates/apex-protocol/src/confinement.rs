//! What the process of a plugin is held to: told by its host before there is any conversation.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The tag of the form in which it is told.
const FORMAT: &str = "apex-confinement/1";

/// What the process of a plugin is held to.
///
/// A host hands it over as a sealed file in memory, the child's descriptor 5, in JSON. The child applies all of it
/// before it has a second thread and before it opens the plugin's library, or answers `Start` with a failure.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confinement {
    format: String,
    /// The version of Landlock's interface to use for files, TCP ports and signals; 0 for none.
    pub landlock: u32,
    /// Whether system calls are filtered.
    pub filter: bool,
    /// What may be done with which files, and nothing else with any.
    pub paths: Vec<PathRule>,
    /// The TCP ports that may be connected to.
    pub connect: Vec<u16>,
    /// The TCP ports that may be listened on; 0 for whichever is free.
    pub listen: Vec<u16>,
    /// Whether programs may be started.
    pub spawn: bool,
    /// The most bytes of address space; without it, there is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<u64>,
    /// The most open descriptors; without it, there is no limit of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_files: Option<u64>,
}

/// What may be done at and below a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathRule {
    /// The path, absolute and without links.
    pub path: PathBuf,
    /// Whether files may be read and directories listed.
    #[serde(default)]
    pub read: bool,
    /// Whether files may be written, made, renamed and removed.
    #[serde(default)]
    pub write: bool,
    /// Whether files may be executed.
    #[serde(default)]
    pub execute: bool,
}

/// A text that is no confinement.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfinement {
    /// It is not JSON of this form, or a path in it is no text.
    #[error("it has not the form of {FORMAT}")]
    Form(#[source] serde_json::Error),
    /// It is of another format.
    #[error("it is of format `{}`, expected {FORMAT}", found.escape_debug())]
    Format {
        /// The format that it names.
        found: String,
    },
}

impl Confinement {
    /// A process that is held to nothing; fields are added to it.
    pub fn none() -> Self {
        Self { format: FORMAT.to_owned(), ..Self::default() }
    }

    /// Writes it as it is handed over.
    ///
    /// # Errors
    /// A path is not UTF-8.
    pub fn to_bytes(&self) -> Result<Vec<u8>, InvalidConfinement> {
        serde_json::to_vec(self).map_err(InvalidConfinement::Form)
    }

    /// Reads what was handed over.
    ///
    /// # Errors
    /// It is not of this form.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidConfinement> {
        let confinement: Self = serde_json::from_slice(bytes).map_err(InvalidConfinement::Form)?;
        match confinement.format == FORMAT {
            true => Ok(confinement),
            false => Err(InvalidConfinement::Format { found: confinement.format.chars().take(80).collect() }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_confinement_is_read_as_it_was_written_and_nothing_else_is() {
        let path = PathRule { path: "/data".into(), read: true, write: false, execute: false };
        let (connect, max_files) = (vec![443], Some(256));
        let confinement =
            Confinement { landlock: 6, filter: true, paths: vec![path], connect, max_files, ..Confinement::none() };
        assert_eq!(Confinement::parse(&confinement.to_bytes().unwrap()).unwrap(), confinement);
        for text in ["", "{}", r#"{"format": "apex-confinement/1"}"#] {
            assert!(Confinement::parse(text.as_bytes()).is_err(), "{text}");
        }
        let other = Confinement { format: "apex-confinement/2".to_owned(), ..confinement.clone() };
        let error = Confinement::parse(&other.to_bytes().unwrap()).unwrap_err();
        assert!(matches!(error, InvalidConfinement::Format { .. }), "{error}");
        let more =
            String::from_utf8(confinement.to_bytes().unwrap()).unwrap().replace("{\"format", "{\"more\": 1, \"format");
        assert!(Confinement::parse(more.as_bytes()).is_err(), "what this child would not enforce is no confinement");
    }
}
