//! A plugin's code behind its root module: how a library exports it, and how a host makes instances.

use std::marker::PhantomData;

use abi_stable::{
    library::{CheckTypeLayout, LibHeader, RootModuleResult},
    prefix_type::WithMetadata,
    staticref,
    std_types::{RResult, RStr, RVec},
};

use crate::{
    AbiError, PluginBox, PluginError,
    contain::contain,
    root::{Root, RootRef},
};

/// The version of what both sides promise beyond the layout of types; a library of another version is not loaded.
pub const CONTRACT_VERSION: u32 = 1;

/// What a library has to say to become a plugin; [`export_module!`](crate::export_module) exports it.
pub trait Export: 'static {
    /// The name of the plugin's type, the second half of the manifest's `entry_point`.
    fn type_name() -> &'static str;

    /// Makes an instance, not yet initialized.
    ///
    /// # Errors
    /// What the constructor fails with; a panic becomes an error on its own.
    fn create() -> Result<PluginBox, PluginError>;

    /// The part of the plugin's `plugin.json` that its code knows, as JSON; nothing if it knows none.
    ///
    /// # Errors
    /// When it cannot be said; a panic becomes an error on its own.
    fn describe() -> Result<Option<Vec<u8>>, PluginError> {
        Ok(None)
    }
}

struct Exported<T>(PhantomData<T>);

impl<T: Export> Exported<T> {
    staticref!(const ROOT: WithMetadata<Root> = WithMetadata::new(Root {
        contract_version: CONTRACT_VERSION,
        type_name: Self::type_name,
        create: Self::create,
        describe: Self::describe,
    }));

    extern "C" fn type_name() -> RStr<'static> {
        contain(T::type_name).unwrap_or_default().into()
    }

    extern "C" fn create() -> RResult<PluginBox, AbiError> {
        contain(T::create).and_then(|created| created).map_err(AbiError::from).into()
    }

    extern "C" fn describe() -> RResult<RVec<u8>, AbiError> {
        let described = contain(T::describe).and_then(|described| described);
        described.map(|bytes| bytes.unwrap_or_default().into()).map_err(AbiError::from).into()
    }

    extern "C" fn erased() -> RootModuleResult {
        abi_stable::library::__call_root_module_loader(|| RootRef(Self::ROOT.as_prefix()))
    }
}

/// The header that a library exports; for [`export_module!`](crate::export_module) alone.
#[doc(hidden)]
pub const fn library_header<T: Export>() -> LibHeader {
    // SAFETY: `erased` returns a `RootRef` and nothing else.
    #[expect(unsafe_code, reason = "abi_stable cannot tie the constructor to its type")]
    unsafe {
        LibHeader::from_constructor::<RootRef>(Exported::<T>::erased, CheckTypeLayout::Yes)
    }
}

/// Exports a type that implements [`Export`] as the plugin of this library.
///
/// Exactly once in a `cdylib`: the exported symbol has a fixed name. Code that is also to be linked into a host
/// belongs into a library of its own, without this line.
#[macro_export]
macro_rules! export_module {
    ($plugin:ty) => {
        const _: () = {
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: $crate::__private::LibHeader = $crate::__private::library_header::<$plugin>();
        };
    };
}

/// A plugin's code, ready to make instances: found in a library, or linked into the host.
#[derive(Clone, Copy)]
pub struct PluginModule(Source);

#[derive(Clone, Copy)]
enum Source {
    Root(RootRef),
    Made { type_name: &'static str, make: &'static Make },
}

type Make = dyn Fn() -> Result<PluginBox, PluginError> + Send + Sync;

impl PluginModule {
    /// The module of a plugin that is linked into this program.
    pub fn linked<T: Export>() -> Self {
        Self(Source::Root(RootRef(Exported::<T>::ROOT.as_prefix())))
    }

    /// A module whose instances `make` makes, for hosts that put plugins together at run time, as their tests do.
    ///
    /// `make` stays in memory for good, as a library's code would.
    pub fn made_by(
        type_name: &'static str,
        make: impl Fn() -> Result<PluginBox, PluginError> + Send + Sync + 'static,
    ) -> Self {
        Self(Source::Made { type_name, make: Box::leak(Box::new(make)) })
    }

    pub(crate) const fn from_root(root: RootRef) -> Self {
        Self(Source::Root(root))
    }

    /// Whether this is the host's own code, made by [`made_by`](Self::made_by).
    pub const fn is_made_by_host(self) -> bool {
        matches!(self.0, Source::Made { .. })
    }

    /// The contract version of the code's side.
    pub fn contract_version(self) -> u32 {
        match self.0 {
            Source::Root(root) => root.contract_version(),
            Source::Made { .. } => CONTRACT_VERSION,
        }
    }

    /// The name of the plugin's type, the second half of the manifest's `entry_point`.
    pub fn type_name(self) -> &'static str {
        match self.0 {
            Source::Root(root) => (root.type_name())().as_str(),
            Source::Made { type_name, .. } => type_name,
        }
    }

    /// Makes an instance, which is not initialized yet.
    ///
    /// # Errors
    /// What the plugin's constructor failed with, a panic in it included.
    pub fn create(self) -> Result<PluginBox, PluginError> {
        match self.0 {
            Source::Root(root) => (root.create())().into_result().map_err(PluginError::from),
            Source::Made { make, .. } => contain(make).and_then(|made| made),
        }
    }

    /// The part of the plugin's `plugin.json` that its code knows, as JSON; nothing if it knows none.
    ///
    /// # Errors
    /// What the plugin failed with, a panic in it included.
    pub fn describe(self) -> Result<Option<Vec<u8>>, PluginError> {
        let Source::Root(root) = self.0 else { return Ok(None) };
        let Some(describe) = root.describe() else { return Ok(None) };
        let described = describe().into_result().map_err(PluginError::from)?;
        Ok((!described.is_empty()).then(|| described.into_vec()))
    }
}

impl std::fmt::Debug for PluginModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PluginModule")
            .field("type_name", &self.type_name())
            .field("contract_version", &self.contract_version())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_exported_symbol_is_the_one_that_abi_stable_looks_for() {
        // The macro must write the name out, since an attribute takes a literal only.
        let source = include_str!("module.rs");
        let attribute = format!("#[unsafe(export_name = \"{}\")]", abi_stable::library::ROOT_MODULE_LOADER_NAME);
        assert!(source.contains(&attribute));
    }
}
