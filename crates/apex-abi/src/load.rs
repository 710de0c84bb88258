//! Opening a library and reading its root module.

use std::path::{Path, PathBuf};

use abi_stable::{
    library::{AbiHeader, LibHeader, LibraryError},
    sabi_types::VersionNumber,
};
use apex_meta::ErrorKind;

use crate::{CONTRACT_VERSION, PluginModule, contain::contain, root::RootRef};

/// Opens the library at `path` and reads its root module; the library stays in the process for good.
///
/// All symbols are bound at once and none is offered to other libraries (`RTLD_NOW | RTLD_LOCAL`). Nothing is memoised
/// beyond what the dynamic loader does itself: it knows a library by its path first, then by device and inode. So two
/// plugins get a module each, and a path such as `/proc/self/fd/7` must never come to mean another file.
///
/// # Errors
/// When the library cannot be opened ([`ErrorKind::LoadFailed`]), is no plugin or speaks another ABI
/// ([`ErrorKind::AbiMismatch`]).
///
/// # Safety
/// Opening a library runs its code, at once and in this process: the caller vouches for the bytes behind `path`, and
/// for them not to change while the library is mapped. That the layouts fit is checked here, and the check believes
/// what the library says about itself.
#[expect(unsafe_code, reason = "dlopen runs code that no compiler here has seen")]
pub unsafe fn load_module(path: &Path) -> Result<PluginModule, LoadError> {
    // SAFETY: passed on to the caller.
    let header = unsafe { open::library_header(path) }?;
    let found = contain(|| read(header)).map_err(|panicked| Mismatch::Unreadable { reason: panicked.message });
    found.and_then(|found| found).map_err(|mismatch| LoadError::Mismatch { path: path.to_owned(), mismatch })
}

fn read(header: abi_stable::library::AbiHeaderRef) -> Result<PluginModule, Mismatch> {
    let header: &'static LibHeader = header.upgrade().map_err(Mismatch::from)?;
    let root = header.init_root_module::<RootRef>().map_err(Mismatch::from)?;
    let module = PluginModule::from_root(root);
    match module.contract_version() {
        CONTRACT_VERSION => Ok(module),
        found => Err(Mismatch::Contract { found }),
    }
}

#[cfg(unix)]
mod open {
    //! `dlopen`, with the flags of our choice.

    use std::path::Path;

    use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

    use super::{LoadError, Mismatch};

    /// # Safety
    /// As [`load_module`](super::load_module).
    #[expect(unsafe_code, reason = "dlopen and dlsym")]
    pub(super) unsafe fn library_header(path: &Path) -> Result<AbiHeaderRef, LoadError> {
        // SAFETY: passed on to the caller.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|source| LoadError::Open { path: path.to_owned(), source: source.into() })?;
        // Never unloaded, whatever comes: its constructors may have started threads, and its code hands out statics.
        let library = std::mem::ManuallyDrop::new(library);
        // SAFETY: a symbol of this name is abi_stable's header, whose first bytes never change between versions; they
        // are compared before anything else is read.
        let header = unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
        match header {
            Ok(header) => Ok(*header),
            Err(_) => Err(LoadError::Mismatch { path: path.to_owned(), mismatch: Mismatch::NoModule }),
        }
    }
}

#[cfg(not(unix))]
mod open {
    //! No loading here: nothing is silently weaker.

    use std::path::Path;

    use abi_stable::library::AbiHeaderRef;

    use super::LoadError;

    /// # Safety
    /// None needed.
    #[expect(unsafe_code, reason = "the same signature as where there is something to do")]
    pub(super) unsafe fn library_header(path: &Path) -> Result<AbiHeaderRef, LoadError> {
        Err(LoadError::UnsupportedPlatform { path: path.to_owned() })
    }
}

/// Why a library could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The dynamic loader refuses it.
    #[error("cannot open library `{}`: {source}", path.display())]
    Open {
        /// The library.
        path: PathBuf,
        /// What the dynamic loader says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is no plugin, or one that speaks another ABI.
    #[error("library `{}` does not fit this host: {mismatch}", path.display())]
    Mismatch {
        /// The library.
        path: PathBuf,
        /// What does not fit.
        mismatch: Mismatch,
    },
    /// Libraries are not loaded on this platform.
    #[error("library `{}` cannot be loaded: this platform is not supported", path.display())]
    UnsupportedPlatform {
        /// The library.
        path: PathBuf,
    },
}

impl LoadError {
    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Open { .. } | Self::Mismatch { mismatch: Mismatch::Unreadable { .. }, .. } => ErrorKind::LoadFailed,
            Self::Mismatch { .. } => ErrorKind::AbiMismatch,
            Self::UnsupportedPlatform { .. } => ErrorKind::UnsupportedPlatform,
        }
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        self.kind().code()
    }

    /// What would help.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Mismatch { mismatch: Mismatch::Unreadable { .. }, .. } | Self::Open { .. } => None,
            Self::Mismatch { mismatch: Mismatch::NoModule, .. } => {
                Some("build the plugin as a `cdylib` with `export_plugin!`".to_owned())
            }
            Self::Mismatch { .. } => Some(format!("rebuild the plugin against apex-abi {}", env!("CARGO_PKG_VERSION"))),
            Self::UnsupportedPlatform { .. } => Some("Linux is the supported platform".to_owned()),
        }
    }

    /// The whole of what was compared, many lines long, for a log at debug level.
    pub fn dump(&self) -> Option<&str> {
        match self {
            Self::Mismatch { mismatch: Mismatch::Layout { dump }, .. } => Some(dump),
            _ => None,
        }
    }
}

/// What does not fit between library and host; each message is one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// The library exports no root module.
    #[error("it exports no plugin")]
    NoModule,
    /// It was built with an abi_stable whose own structures differ.
    #[error("it was built with abi_stable {found}, this host with {expected}")]
    AbiStable {
        /// Major and minor version found.
        found: String,
        /// Major and minor version of this host.
        expected: String,
    },
    /// It was built by a compiler that passes values otherwise.
    #[error("its compiler passes values otherwise than this host's")]
    CallingConvention,
    /// It was built against an incompatible version of apex-abi.
    #[error("it was built against apex-abi {found}, this host against {expected}")]
    Version {
        /// The version found.
        found: String,
        /// The version of this host.
        expected: String,
    },
    /// The types that cross the boundary are laid out otherwise.
    #[error("the types of its interface are laid out otherwise than those of apex-abi {}", env!("CARGO_PKG_VERSION"))]
    Layout {
        /// The differences, many lines long.
        dump: String,
    },
    /// It promises another contract.
    #[error("it follows contract {found}, this host contract {CONTRACT_VERSION}")]
    Contract {
        /// The contract version found.
        found: u32,
    },
    /// Its root module could not be made.
    #[error("its module cannot be read: {reason}")]
    Unreadable {
        /// What happened, in one line.
        reason: String,
    },
}

impl From<LibraryError> for Mismatch {
    fn from(error: LibraryError) -> Self {
        let number = |version: VersionNumber| format!("{}.{}.{}", version.major, version.minor, version.patch);
        match error {
            LibraryError::GetSymbolError { .. } => Self::NoModule,
            LibraryError::InvalidAbiHeader(found) => {
                let expected = AbiHeader::VALUE;
                let text = |header: &AbiHeader| match header.magic_string == expected.magic_string {
                    true => format!("{}.{}", header.abi_major, header.abi_minor),
                    false => "of an unknown kind".to_owned(),
                };
                Self::AbiStable { found: text(&found), expected: text(&expected) }
            }
            LibraryError::InvalidCAbi { .. } => Self::CallingConvention,
            LibraryError::IncompatibleVersionNumber { expected_version, actual_version, .. } => {
                Self::Version { found: number(actual_version), expected: number(expected_version) }
            }
            LibraryError::AbiInstability(dump) => Self::Layout { dump: dump.to_string() },
            other => Self::Unreadable { reason: other.to_string().split_whitespace().collect::<Vec<_>>().join(" ") },
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(unsafe_code, reason = "loading is unsafe")]

    use super::*;

    fn load(path: &Path) -> LoadError {
        // SAFETY: the tests open the C library, or files that are no libraries.
        unsafe { load_module(path) }.expect_err("not a plugin")
    }

    #[test]
    fn a_library_that_is_no_plugin_is_an_abi_mismatch() {
        let error = load(Path::new("libc.so.6"));
        assert_eq!(error.code(), "AbiMismatch");
        assert_eq!(error.to_string(), "library `libc.so.6` does not fit this host: it exports no plugin");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_file_that_is_no_library_fails_to_load() {
        let error = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")));
        assert_eq!(error.code(), "LoadFailed");
        assert_eq!(load(Path::new("/nonexistent/libplugin.so")).code(), "LoadFailed");
    }

    mod other {
        //! A root module of the same name whose types differ.
        #![expect(dead_code, reason = "it is there to be compared, not to be used")]

        use abi_stable::{
            StableAbi,
            library::{CheckTypeLayout, LibHeader, RootModule, RootModuleResult},
            package_version_strings,
            prefix_type::WithMetadata,
            sabi_types::VersionStrings,
            staticref,
        };

        #[repr(C)]
        #[derive(StableAbi)]
        #[sabi(kind(Prefix(prefix_ref = OtherRef, prefix_fields = OtherPrefix)))]
        pub(super) struct Other {
            pub(super) contract_version: u64,
            #[sabi(last_prefix_field)]
            pub(super) create: extern "C" fn() -> u64,
        }

        extern "C" fn create() -> u64 {
            0
        }

        impl Other {
            staticref!(const ROOT: WithMetadata<Self> = WithMetadata::new(Other { contract_version: 1, create }));
        }

        impl RootModule for OtherRef {
            abi_stable::declare_root_module_statics! {OtherRef}
            const BASE_NAME: &'static str = "apex_plugin";
            const NAME: &'static str = "apex_plugin";
            const VERSION_STRINGS: VersionStrings = package_version_strings!();
        }

        extern "C" fn construct() -> RootModuleResult {
            abi_stable::library::__call_root_module_loader(|| OtherRef(Other::ROOT.as_prefix()))
        }

        pub(super) static HEADER: LibHeader =
            // SAFETY: `construct` returns an `OtherRef`.
            unsafe { LibHeader::from_constructor::<OtherRef>(construct, CheckTypeLayout::Yes) };
    }

    #[test]
    fn other_types_are_an_abi_mismatch_in_one_line_with_the_dump_apart() {
        let mismatch = other::HEADER.init_root_module::<RootRef>().map(|_| ()).map_err(Mismatch::from).unwrap_err();
        let error = LoadError::Mismatch { path: "x.so".into(), mismatch };
        assert_eq!(error.code(), "AbiMismatch");
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(error.dump().is_some_and(|dump| dump.lines().count() > 5));
    }
}
