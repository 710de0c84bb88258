//! Exit codes: which error ends the program with which number.

use std::process::ExitCode;

use apex_plugins::meta::{ErrorKind, FaultCode};

/// How the program ends; the numbers are a contract with scripts.
///
/// | number | meaning | error codes |
/// |---|---|---|
/// | 0 | done | |
/// | 1 | the action failed | what a plugin reports of itself: `Execution`, `Initialization`, `ResourceNotFound`, … |
/// | 2 | usage | a wrong command line, an id or specifier that cannot be read |
/// | 3 | not found | `PluginNotFound`, `VersionNotFound`, `ActionNotFound`, and names that the trust store does not hold |
/// | 4 | blocked by trust, policy or permission | every code of a trust check, `PluginBlocked`, `PluginDisabled`, `AbiMismatch`, … |
/// | 5 | invalid metadata or parameters | `InvalidParameters`, `Configuration`, `PluginInvalid`, every fault of a `plugin.json` |
/// | 6 | no orderly end | `DeadlineExceeded`, `Cancelled`, `PluginPanicked`, `PluginCrashed`, `PluginQuarantined`, `ResourceLimit`, … |
/// | 7 | I/O or corrupt store | `Io`, `StateIo`, `TrustStoreInvalid`, `SettingsInvalid`, … |
/// | 130 | interrupted by SIGINT | `Interrupted` |
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Exit {
    Done = 0,
    ActionFailed = 1,
    Usage = 2,
    NotFound = 3,
    Blocked = 4,
    Invalid = 5,
    NoOrderlyEnd = 6,
    Io = 7,
    Interrupted = 130,
}

/// The table above as the help text shows it.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done
  1  the action failed
  2  wrong usage
  3  plugin, version or action not found
  4  blocked by trust, policy or permission
  5  invalid metadata or parameters
  6  deadline, cancelled, crashed or quarantined
  7  I/O error or corrupt store
  130  interrupted";

/// Codes that are neither an [`ErrorKind`] nor the fault of a `plugin.json` alone.
///
/// What is not listed is the name of a failed check of trust or policy: those are many and grow, and to call an
/// unknown one "blocked" errs on the safe side.
const BY_CODE: &[(&str, Exit)] = &[
    // These are faults of metadata as well as of trust; outside of `apex check`, it is trust that reports them.
    ("PathEscape", Exit::Blocked),
    ("UnsupportedAlgorithm", Exit::Blocked),
    ("MalformedChecksum", Exit::Blocked),
    ("MalformedSignature", Exit::Blocked),
    ("UnsupportedSignatureMethod", Exit::Blocked),
    // What an author's crate lacks.
    ("BuildFailed", Exit::Invalid),
    ("DescribeFailed", Exit::Invalid),
    ("ManifestMissing", Exit::Invalid),
    ("ManifestTwice", Exit::Invalid),
    ("MetadataReserved", Exit::Invalid),
    ("NotACrate", Exit::Usage),
    ("InvalidId", Exit::Usage),
    ("InvalidSpecifier", Exit::Usage),
    ("Usage", Exit::Usage),
    ("NotListed", Exit::NotFound),
    ("UnknownKey", Exit::NotFound),
    ("UnknownPublisher", Exit::NotFound),
    ("NotInstalled", Exit::NotFound),
    ("NothingToBind", Exit::NotFound),
    ("GrantsInvalid", Exit::Io),
    ("GrantsIo", Exit::Io),
    ("Interrupted", Exit::Interrupted),
    ("Io", Exit::Io),
    ("AuditBroken", Exit::Io),
    ("AuditIo", Exit::Io),
    ("FileExists", Exit::Io),
    ("NoRandomness", Exit::Io),
    ("Unreadable", Exit::Io),
    ("Unwritable", Exit::Io),
    ("BundleInvalid", Exit::Io),
    ("IndexInvalid", Exit::Io),
    ("JournalInvalid", Exit::Io),
    ("LedgerInvalid", Exit::Io),
    ("LockInvalid", Exit::Io),
    ("PlanOutdated", Exit::Io),
    ("SettingsInvalid", Exit::Io),
    ("SourcesInvalid", Exit::Io),
    ("StoreBusy", Exit::Io),
    ("StoreIo", Exit::Io),
    ("StateCorrupt", Exit::Io),
    ("StateLocked", Exit::Io),
    ("StateExists", Exit::Io),
    ("StateExportInvalid", Exit::Invalid),
    ("DoesNotStart", Exit::ActionFailed),
    ("HealthCheckFailed", Exit::ActionFailed),
    ("MigrationFailed", Exit::ActionFailed),
    ("StillBusy", Exit::NoOrderlyEnd),
    ("TrustStoreExpired", Exit::Io),
    ("TrustStoreInvalid", Exit::Io),
];

impl Exit {
    /// The exit that belongs to a stable error code.
    pub(crate) fn of_code(code: &str) -> Self {
        if let Ok(kind) = code.parse::<ErrorKind>() {
            return Self::of_kind(kind);
        }
        match BY_CODE.iter().find(|(known, _)| *known == code) {
            Some((_, exit)) => *exit,
            None if code.parse::<FaultCode>().is_ok() => Self::Invalid,
            None => Self::Blocked,
        }
    }

    /// The exit that belongs to the error kind of a call.
    pub(crate) fn of_kind(kind: ErrorKind) -> Self {
        use ErrorKind as K;
        match kind {
            K::InvalidRequest => Self::Usage,
            K::ActionNotFound | K::PluginNotFound | K::VersionNotFound => Self::NotFound,
            K::PluginBlocked
            | K::PluginDisabled
            | K::AbiMismatch
            | K::IsolationUnavailable
            | K::PermissionDenied
            | K::DependencyNotDeclared
            | K::ResourceChanged
            | K::ChildHostMissing
            | K::UnsupportedRuntime
            | K::UnsupportedPlatform
            | K::LoadFailed => Self::Blocked,
            K::InvalidParameters | K::Configuration | K::PluginInvalid => Self::Invalid,
            K::Cancelled
            | K::DeadlineExceeded
            | K::PluginPanicked
            | K::PluginCrashed
            | K::PluginQuarantined
            | K::ProtocolViolation
            | K::ResourceLimit
            | K::ShuttingDown => Self::NoOrderlyEnd,
            K::StateIo => Self::Io,
            // What remains, and what a later release adds, is what a plugin reports of itself.
            _ => Self::ActionFailed,
        }
    }

    /// The number.
    pub(crate) const fn number(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_code_has_its_number() {
        for (code, number) in [
            ("Execution", 1),
            ("StateConflict", 1),
            ("InvalidId", 2),
            ("PluginNotFound", 3),
            ("VersionNotFound", 3),
            ("ActionNotFound", 3),
            ("ChecksumMismatch", 4),
            ("SignatureStripped", 4),
            ("InsecureKeyFile", 4),
            ("IsolationUnavailable", 4),
            ("PermissionDenied", 4),
            ("DependencyNotDeclared", 4),
            ("ResourceChanged", 4),
            ("GrantTooWide", 4),
            ("GrantsDiffer", 4),
            ("GrantsInvalid", 7),
            ("PluginDisabled", 4),
            ("ANameOfALaterRelease", 4),
            ("InvalidParameters", 5),
            ("MetadataSyntax", 5),
            ("DeadlineExceeded", 6),
            ("Cancelled", 6),
            ("PluginPanicked", 6),
            ("StateIo", 7),
            ("TrustStoreInvalid", 7),
            ("Interrupted", 130),
        ] {
            assert_eq!(Exit::of_code(code).number(), number, "{code}");
        }
    }
}
