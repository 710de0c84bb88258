//! Writing: from a definition to the trait's implementation and the plugin's description of itself.

mod actions;
mod described;
mod lifecycle;

use proc_macro2::TokenStream;
use quote::quote;
use syn::Type;

use crate::read::{Contents, Definition};

/// The block as the author wrote it, and the plugin that it makes.
pub(crate) fn plugin(definition: syn::Result<Definition>) -> TokenStream {
    let (block, implementation) = match definition {
        Ok(Definition { block, contents: Ok(contents) }) => {
            let implementation = implementation(&block.self_ty, &contents);
            (block, implementation)
        }
        Ok(Definition { block, contents: Err(error) }) => {
            let (error, stand_in) = (error.into_compile_error(), stand_in(&block.self_ty));
            (block, quote! { #error #stand_in })
        }
        Err(error) => return error.into_compile_error(),
    };
    quote! { #block #implementation }
}

fn implementation(plugin: &Type, contents: &Contents) -> TokenStream {
    let parameters = actions::parameters(contents);
    let (execute, execute_stream) = (actions::execute(contents), actions::execute_stream(contents));
    let lifecycle = lifecycle::functions(contents);
    let describe = described::describe(contents);
    quote! {
        const _: () = {
            #parameters

            #[::apex_plugin_sdk::async_trait]
            impl ::apex_plugin_sdk::Plugin for #plugin {
                #execute
                #execute_stream
                #lifecycle
                #describe
            }
        };
    }
}

/// Spares an author whose block has an error the further ones that follow from it.
fn stand_in(plugin: &Type) -> TokenStream {
    quote! {
        #[::apex_plugin_sdk::async_trait]
        impl ::apex_plugin_sdk::Plugin for #plugin {
            async fn initialize(_: &::apex_plugin_sdk::Host) -> ::apex_plugin_sdk::Result<Self> {
                ::core::unreachable!()
            }
        }
    }
}

/// An attribute that means something only inside a block under `#[plugin]`.
pub(crate) fn out_of_place(name: &str, item: &TokenStream) -> TokenStream {
    let message = format!("`#[{name}]` stands on a function inside an `impl` block under `#[plugin(id = \"...\")]`");
    let error = syn::Error::new(proc_macro2::Span::call_site(), message).into_compile_error();
    quote! { #error #item }
}
