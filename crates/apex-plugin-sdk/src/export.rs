//! How a plugin becomes known: exported from a library, or linked into a host.

use std::marker::PhantomData;

use apex_abi::{Export, PluginBox, PluginError, PluginModule};

use crate::{Plugin, object, trace};

/// The module of a plugin that is linked into the host; it runs as one from a library would.
pub fn linked<P: Plugin>() -> PluginModule {
    PluginModule::linked::<Exported<P>>()
}

/// Exports a type that implements [`Plugin`] as the plugin of this library.
///
/// Exactly once, in a crate of type `cdylib`. A plugin that is also to be linked into hosts has its type in a library
/// of its own, and this line in a `cdylib` beside it.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        $crate::__private::export_module!($crate::__private::Library<$plugin>);
    };
}

/// What [`linked`] makes a module of.
pub(crate) struct Exported<P>(PhantomData<P>);

impl<P: Plugin> Export for Exported<P> {
    fn type_name() -> &'static str {
        let path = std::any::type_name::<P>();
        let end = path.find('<').unwrap_or(path.len());
        path[..end].rsplit("::").next().unwrap_or(path)
    }

    fn create() -> Result<PluginBox, PluginError> {
        Ok(object::instance::<P>())
    }

    fn describe() -> Result<Option<Vec<u8>>, PluginError> {
        Ok(P::describe().map(|description| description.to_json().to_string().into_bytes()))
    }
}

/// What [`export_plugin!`] exports: the same, in a library of its own.
#[doc(hidden)]
pub struct Library<P>(PhantomData<P>);

impl<P: Plugin> Export for Library<P> {
    fn type_name() -> &'static str {
        Exported::<P>::type_name()
    }

    fn create() -> Result<PluginBox, PluginError> {
        // Before any code of the author's runs.
        trace::install();
        Exported::<P>::create()
    }

    fn describe() -> Result<Option<Vec<u8>>, PluginError> {
        Exported::<P>::describe()
    }
}
