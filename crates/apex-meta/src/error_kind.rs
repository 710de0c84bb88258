//! The kinds of error that a call can end in, on both sides of the ABI.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::member;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $number:literal,)*) => {
        /// What kind of error a call or a load ended in; its name is the stable code that people and scripts see.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind { $($(#[doc = $doc])* $kind,)* }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The stable code: the variant's name.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$kind => stringify!($kind),)* }
            }

            /// The number that stands for the kind in binary interfaces; never reused.
            pub const fn number(self) -> u32 {
                match self { $(Self::$kind => $number,)* }
            }
        }
    };
}

kinds! {
    /// The plugin could not initialize.
    Initialization = 1,
    /// The plugin's configuration is missing or wrong.
    Configuration = 2,
    /// The plugin has no such action.
    ActionNotFound = 3,
    /// The parameters do not fit the action's schema, or the plugin rejects them.
    InvalidParameters = 4,
    /// The action failed for a reason of its own.
    Execution = 5,
    /// A plugin or library that the plugin depends on is missing or unfit.
    Dependency = 6,
    /// A file, record or other thing that the action needs is not there.
    ResourceNotFound = 7,
    /// The action does not stream, or was called as if it did not.
    StreamingNotSupported = 8,
    /// The action was cancelled.
    Cancelled = 9,
    /// The state could not be loaded or saved.
    StateIo = 10,
    /// Somebody else saved the state in between.
    StateConflict = 11,
    /// The state, or what is to be saved, is larger than allowed.
    StateTooLarge = 12,
    /// The operator has not granted what the action needs.
    PermissionDenied = 13,
    /// The plugin calls a plugin that it does not declare as a dependency.
    DependencyNotDeclared = 14,
    /// A file of the plugin is not the one that was verified.
    ResourceChanged = 15,
    /// There is no plugin of this id.
    PluginNotFound = 32,
    /// The plugin is there, but not in a version that was asked for.
    VersionNotFound = 33,
    /// The plugin is blocked by trust, policy or fitness.
    PluginBlocked = 34,
    /// The plugin is switched off.
    PluginDisabled = 35,
    /// The plugin's metadata is invalid.
    PluginInvalid = 36,
    /// The call did not end before its deadline.
    DeadlineExceeded = 37,
    /// The plugin panicked.
    PluginPanicked = 38,
    /// The plugin's process died.
    PluginCrashed = 39,
    /// The plugin crashed too often and waits for somebody to look at it.
    PluginQuarantined = 40,
    /// The library speaks another ABI.
    AbiMismatch = 41,
    /// The isolation that policy demands is not to be had.
    IsolationUnavailable = 42,
    /// The plugin needs a runtime that this host does not have.
    UnsupportedRuntime = 43,
    /// Loading is not supported on this platform.
    UnsupportedPlatform = 44,
    /// The library could not be loaded.
    LoadFailed = 45,
    /// The plugin broke the contract between host and plugin.
    ProtocolViolation = 46,
    /// The host shuts down.
    ShuttingDown = 47,
    /// A limit on bytes, events or resources was exceeded.
    ResourceLimit = 48,
    /// The request itself is malformed, such as a plugin id or a version specifier that is not one.
    InvalidRequest = 49,
    /// There is no program that could host the plugin in a child process.
    ChildHostMissing = 50,
}

impl ErrorKind {
    /// The kind with this number, if this release knows it.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.number() == number)
    }

    /// Whether the same call may succeed if it is made again, unchanged, a little later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::DeadlineExceeded | Self::PluginCrashed | Self::StateConflict | Self::ShuttingDown)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl FromStr for ErrorKind {
    type Err = UnknownErrorKind;

    fn from_str(code: &str) -> Result<Self, UnknownErrorKind> {
        Self::ALL.iter().copied().find(|kind| kind.code() == code).ok_or_else(|| UnknownErrorKind(code.to_owned()))
    }
}

/// A code that this release does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an error code of this release", .0.escape_debug())]
pub struct UnknownErrorKind(String);

impl Serialize for ErrorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for ErrorKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        member::parsed(deserializer)
    }
}
