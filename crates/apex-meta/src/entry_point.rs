//! Entry points: which code a plugin starts from, and in which runtime.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::member;

/// The runtime that an entry point needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Runtime {
    /// A `cdylib` over the binary contract of `apex-abi`.
    Native,
    /// A Python class; such plugins are known but cannot be run yet.
    Python,
}

/// Where a plugin's code starts: `crate_name::TypeName` (native) or `package.module.Class` (Python).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EntryPoint {
    text: String,
    runtime: Runtime,
}

impl EntryPoint {
    /// The longest entry point, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// The entry point as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The runtime that its form asks for.
    pub fn runtime(&self) -> Runtime {
        self.runtime
    }

    /// The crate's name of a native entry point.
    pub fn crate_name(&self) -> Option<&str> {
        self.text.split_once("::").map(|(name, _)| name)
    }

    /// The library's file name on the platform of this build, such as `libgreeter.so`; none for other runtimes.
    pub fn library_file_name(&self) -> Option<String> {
        use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
        self.crate_name().map(|name| format!("{DLL_PREFIX}{name}{DLL_SUFFIX}"))
    }

    /// Where the library may stand, relative to the plugin's directory and `/`-separated, the preferred place first.
    pub fn library_paths(&self) -> Vec<String> {
        self.library_file_name()
            .map_or_else(Vec::new, |file| vec![format!("lib/{}/{file}", crate::TARGET_TRIPLE), file])
    }
}

fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl FromStr for EntryPoint {
    type Err = InvalidEntryPoint;

    fn from_str(text: &str) -> Result<Self, InvalidEntryPoint> {
        let runtime = match text.split_once("::") {
            Some((name, class)) if is_identifier(name) && is_identifier(class) => Runtime::Native,
            None if text.contains('.') && text.split('.').all(is_identifier) => Runtime::Python,
            _ if text.starts_with('/') || text.contains(['\0', '\\']) || text.split('/').any(|part| part == "..") => {
                return Err(InvalidEntryPoint::PathEscape { text: text.to_owned() });
            }
            _ => return Err(InvalidEntryPoint::Syntax { text: text.to_owned() }),
        };
        if text.len() > Self::MAX_BYTES {
            return Err(InvalidEntryPoint::TooLong { bytes: text.len() });
        }
        Ok(Self { text: text.to_owned(), runtime })
    }
}

impl fmt::Display for EntryPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for EntryPoint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for EntryPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}

/// Why a text is not an entry point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEntryPoint {
    /// Neither of the two forms.
    #[error("entry point `{}` is neither `crate_name::TypeName` (native) nor `package.module.Class` (Python)", text.escape_debug())]
    Syntax {
        /// The text as given.
        text: String,
    },
    /// The text looks like a path that leaves the plugin's directory.
    #[error("entry point `{}` is a path out of the plugin; expected `crate_name::TypeName`", text.escape_debug())]
    PathEscape {
        /// The text as given.
        text: String,
    },
    /// Longer than [`EntryPoint::MAX_BYTES`].
    #[error("an entry point has at most {} bytes, this one has {bytes}", EntryPoint::MAX_BYTES)]
    TooLong {
        /// The length found.
        bytes: usize,
    },
}

impl InvalidEntryPoint {
    /// The stable error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::PathEscape { .. } => "PathEscape",
            Self::Syntax { .. } | Self::TooLong { .. } => "InvalidEntryPoint",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use proptest::prelude::*;

    use super::{EntryPoint, Runtime};

    /// R1.6
    #[test]
    fn the_form_tells_the_runtime_and_the_library() {
        let native: EntryPoint = "greeter::Greeter".parse().unwrap();
        assert_eq!((native.runtime(), native.crate_name()), (Runtime::Native, Some("greeter")));
        let paths = native.library_paths();
        assert!(paths[0].starts_with("lib/") && paths[0].ends_with(&format!("/{}", paths[1])), "{paths:?}");
        let python: EntryPoint = "email_manager.EmailManager".parse().unwrap();
        assert_eq!((python.runtime(), python.crate_name(), python.library_paths()), (Runtime::Python, None, vec![]));
    }

    /// Attack row 31
    #[test]
    fn what_leads_out_of_the_plugin_is_an_escape_and_the_rest_is_bad_syntax() {
        for text in ["../lib::X", "/abs::X", "a/../b::C", "a\0::B", "..", "a\\b::C", "/etc/passwd", "..\\x"] {
            assert_eq!(text.parse::<EntryPoint>().unwrap_err().code(), "PathEscape", "{text:?}");
        }
        for text in
            ["", "a", "a::", "::B", "a::B::C", "a:B", "a-b::C", "1a::B", "a.b.", ".a", "a b::C", "a::ä", "a/b::C"]
        {
            assert_eq!(text.parse::<EntryPoint>().unwrap_err().code(), "InvalidEntryPoint", "{text:?}");
        }
        let longest = format!("a::{}", "b".repeat(197));
        assert!(longest.parse::<EntryPoint>().is_ok());
        assert_eq!(format!("{longest}b").parse::<EntryPoint>().unwrap_err().code(), "InvalidEntryPoint");
    }

    proptest! {
        #[test]
        fn a_library_path_never_leaves_the_plugin(text in "[a-zA-Z0-9_:./\\\\-]{0,12}") {
            if let Ok(entry_point) = text.parse::<EntryPoint>() {
                prop_assert_eq!(entry_point.to_string(), text);
                for path in entry_point.library_paths() {
                    prop_assert!(!path.starts_with('/') && path.split('/').all(|segment| !segment.is_empty() && segment != ".."));
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,60}") {
            _ = text.parse::<EntryPoint>().map_err(|error| error.to_string());
        }
    }
}
