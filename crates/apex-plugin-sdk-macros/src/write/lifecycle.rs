//! The beginning and the end of an instance, and the migration of its state.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::read::{Contents, Init, InitArgument};

pub(super) fn functions(contents: &Contents) -> TokenStream {
    let (initialize, migrate, shutdown) = (initialize(contents), migrate_state(contents), shutdown(contents));
    quote! { #initialize #migrate #shutdown }
}

fn initialize(contents: &Contents) -> TokenStream {
    let state = contents.state.as_ref().map(|state| {
        quote_spanned! { state.span() => ::apex_plugin_sdk::__private::assert_state::<#state>(); }
    });
    let instance = match (&contents.lifecycle.init, &contents.configured) {
        (None, None) => quote! { ::core::result::Result::Ok(<Self as ::core::default::Default>::default()) },
        (None, Some(word)) => quote_spanned! { word.span() => __host.configuration::<Self>() },
        (Some(Init { function, arguments }), _) => {
            let arguments = arguments.iter().map(|argument| match argument {
                InitArgument::Host => quote! { __host },
                InitArgument::Configuration(kind) => {
                    quote_spanned! { kind.span() => __host.configuration::<#kind>()? }
                }
            });
            let name = &function.name;
            let wait = function.is_async.then(|| quote! { .await });
            let unwrap = function.is_fallible.then(|| quote! { ? });
            quote! { ::core::result::Result::Ok(Self::#name(#(#arguments),*) #wait #unwrap) }
        }
    };
    quote! {
        async fn initialize(__host: &::apex_plugin_sdk::Host) -> ::apex_plugin_sdk::Result<Self> {
            #state
            #instance
        }
    }
}

fn migrate_state(contents: &Contents) -> Option<TokenStream> {
    let function = contents.lifecycle.migrate.as_ref()?;
    let name = &function.name;
    let wait = function.is_async.then(|| quote! { .await });
    let unwrap = function.is_fallible.then(|| quote! { ? });
    let state = contents.state.as_ref().map_or_else(|| quote! { _ }, |state| quote! { #state });
    Some(quote! {
        async fn migrate_state(
            __from: &str,
            __state: ::apex_plugin_sdk::serde_json::Value,
        ) -> ::apex_plugin_sdk::Result<::core::option::Option<::apex_plugin_sdk::serde_json::Value>> {
            let __migrated: ::core::option::Option<#state> = Self::#name(__from, __state) #wait #unwrap;
            ::apex_plugin_sdk::__private::migrated(__migrated)
        }
    })
}

fn shutdown(contents: &Contents) -> Option<TokenStream> {
    let function = contents.lifecycle.shutdown.as_ref()?;
    let name = &function.name;
    let wait = function.is_async.then(|| quote! { .await });
    let unwrap = function.is_fallible.then(|| quote! { ? });
    Some(quote! {
        async fn shutdown(&self) -> ::apex_plugin_sdk::Result<()> {
            Self::#name(self) #wait #unwrap;
            ::core::result::Result::Ok(())
        }
    })
}
