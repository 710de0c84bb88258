//! Faults of a `plugin.json`: what is wrong, where, and what to do about it.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Reason, member};

mod example;

pub use example::FaultExample;

macro_rules! codes {
    ($(#[doc = $doc:literal] $code:ident,)*) => {
        /// The stable name of a fault; people search for it and scripts compare it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum FaultCode { $(#[doc = $doc] $code,)* }

        impl FaultCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$code),*];

            /// The name as reports show it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$code => $doc.trim_ascii(),)* }
            }
        }
    };
}

codes! {
    /// The text is not JSON, not UTF-8, or starts with a byte order mark.
    MetadataSyntax,
    /// The text is larger than allowed.
    MetadataTooLarge,
    /// Arrays and objects are nested deeper than allowed.
    MetadataTooDeep,
    /// A key occurs twice in one object.
    DuplicateKey,
    /// An integer lies beyond ±(2^53 - 1), or a number beyond what a float of 64 bits holds.
    NumberOutOfRange,
    /// A required member is missing.
    MissingProperty,
    /// A value has another JSON type than expected.
    WrongType,
    /// A value has the right type but is not allowed.
    InvalidValue,
    /// A member that this release does not know.
    UnknownProperty,
    /// A plugin's id has the wrong form.
    InvalidId,
    /// A version is not SemVer 2.0.0.
    InvalidVersion,
    /// A number of a version is larger than 999,999,999.
    VersionOutOfRange,
    /// An entry point has the wrong form.
    InvalidEntryPoint,
    /// A path leads, or could lead, out of the plugin's directory.
    PathEscape,
    /// An action's name has the wrong form.
    InvalidActionName,
    /// Two actions have the same name.
    DuplicateAction,
    /// Two parameters of an action have the same name.
    DuplicateParameter,
    /// Two members exclude each other, such as `parameters` and `parameters_schema`.
    ConflictingProperties,
    /// `stream_metadata` without `returns_stream`.
    StreamMetadataUnused,
    /// A schema in the manifest is not a JSON Schema 2020-12.
    InvalidSchema,
    /// A `$ref` leads out of its schema.
    RefNotLocal,
    /// A `$ref` leads nowhere.
    RefUnresolved,
    /// `$ref`s form a circle.
    RefCyclic,
    /// A schema is too large once its `$ref`s are written out.
    SchemaTooComplex,
    /// An example's parameters or result do not fit the action's schemas.
    ExampleMismatch,
    /// A version specifier has the wrong form.
    InvalidSpecifier,
    /// A plugin depends on itself.
    SelfDependency,
    /// The same plugin or library is named twice as a dependency.
    DuplicateDependency,
    /// A permission that this release does not know, and that nobody can grant.
    UnknownPermission,
    /// A permission of a known name with an argument that it cannot have.
    InvalidPermission,
    /// The licence is not an SPDX expression.
    InvalidLicense,
    /// The home page is not an https URL.
    HomepageUrl,
    /// The icon is a URL, but not an https one.
    IconUrlRejected,
    /// The icon is neither a relative path of portable names nor a URL.
    InvalidIcon,
    /// The checksum's algorithm is unknown.
    UnsupportedAlgorithm,
    /// The checksum's value is not 64 lower-case hexadecimal digits.
    MalformedChecksum,
    /// The signature's scheme is unknown.
    UnsupportedSignatureMethod,
    /// The signature has the wrong form, or stands without a checksum.
    MalformedSignature,
}

impl fmt::Display for FaultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FaultCode {
    type Err = UnknownFaultCode;

    fn from_str(name: &str) -> Result<Self, UnknownFaultCode> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name).ok_or_else(|| UnknownFaultCode(name.to_owned()))
    }
}

/// A fault's name that this release does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the name of a fault in this release", .0.escape_debug())]
pub struct UnknownFaultCode(String);

impl Serialize for FaultCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for FaultCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}

/// Whether a fault makes the plugin invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The plugin is invalid.
    Error,
    /// The plugin can be used; its author should look at this.
    Warning,
}

impl Severity {
    /// The name as reports show it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One fault of a `plugin.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fault {
    /// Whether it makes the plugin invalid.
    pub severity: Severity,
    /// The stable name.
    pub code: FaultCode,
    /// The JSON pointer (RFC 6901) of what is wrong; of the object that lacks it, where something is missing.
    pub pointer: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// What was expected and what was found; lower case, without a full stop.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The bytes of the file to underline.
    #[serde(skip)]
    pub span: Range<usize>,
}

impl Fault {
    /// The fault as the reason of a plugin's status.
    pub fn to_reason(&self) -> Reason {
        let place = if self.pointer.is_empty() { String::new() } else { format!("{}: ", self.pointer) };
        Reason { code: self.code.as_str().into(), message: format!("{place}{}", self.message), hint: self.hint.clone() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, code, line, column, message, .. } = self;
        write!(f, "{line}:{column}: {} {code}: {message}", severity.as_str())
    }
}
