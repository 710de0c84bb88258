//! The root module: what the host finds in a library first.
#![expect(
    unsafe_code,
    reason = "the expansion of StableAbi, which reads a field that may be missing behind its own check"
)]

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RResult, RStr, RVec},
};

use crate::{AbiError, PluginBox};

/// The root module as it lies in a library; a prefix type, so that a library may know more than its host.
///
/// A host refuses a library that knows less: abi_stable takes more fields than it expects, never fewer. Once contract 1.0
/// is published, a host that wants more than it therefore has to look for the older layout too.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = RootRef, prefix_fields = RootPrefix)))]
#[sabi(missing_field(option))]
pub(crate) struct Root {
    /// [`CONTRACT_VERSION`](crate::CONTRACT_VERSION) of the library's side.
    pub(crate) contract_version: u32,
    /// The name of the plugin's type.
    pub(crate) type_name: extern "C" fn() -> RStr<'static>,
    /// Makes an instance.
    #[sabi(last_prefix_field)]
    pub(crate) create: extern "C" fn() -> RResult<PluginBox, AbiError>,
    /// What the plugin says about itself; empty if it says nothing.
    pub(crate) describe: extern "C" fn() -> RResult<RVec<u8>, AbiError>,
}

impl RootModule for RootRef {
    abi_stable::declare_root_module_statics! {RootRef}
    const BASE_NAME: &'static str = "apex_plugin";
    const NAME: &'static str = "apex_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
