//! What the plugin says about itself, for its `plugin.json`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{ext::IdentExt as _, spanned::Spanned};

use super::actions;
use crate::read::{Action, Contents, Example, Flag, InitArgument, Item};

pub(super) fn describe(contents: &Contents) -> TokenStream {
    let id = &contents.id;
    let itself = contents
        .configured
        .as_ref()
        .map(|word| quote_spanned! { word.span() => __description.configuration::<Self>(); });
    let configuration =
        contents.lifecycle.init.iter().flat_map(|init| &init.arguments).map(|argument| match argument {
            InitArgument::Configuration(kind) => {
                quote_spanned! { kind.span() => __description.configuration::<#kind>(); }
            }
            InitArgument::Host => TokenStream::new(),
        });
    let actions = contents.actions.iter().enumerate().map(|(index, action)| describe_action(index, action));
    quote! {
        fn describe() -> ::core::option::Option<::apex_plugin_sdk::Description> {
            let mut __description = ::apex_plugin_sdk::Description::new(#id);
            #itself
            #(#configuration)*
            #(#actions)*
            ::core::option::Option::Some(__description)
        }
    }
}

fn describe_action(index: usize, action: &Action) -> TokenStream {
    let Action { name, description, conditions, .. } = action;
    let parameters = actions::parameters_type(index);
    let names = actions::of(action).map(|parameter| parameter.name.unraw().to_string());
    let flags = action.flags.iter().map(|Flag { member, value }| quote! { .flag(#member, #value) });
    let timeout = action.timeout_ms.as_ref().map(|time| quote! { .timeout_ms(#time) });
    let examples = action.examples.iter().map(|Example { runs, params, result }| {
        let result = match result {
            Some(result) => quote! { ::core::option::Option::Some(::apex_plugin_sdk::serde_json::json!(#result)) },
            None => quote! { ::core::option::Option::None },
        };
        quote! { .example(::apex_plugin_sdk::serde_json::json!(#params), #result, #runs) }
    });
    let answer = match (&action.answer.item, &action.content_type) {
        (Item::Value(kind), _) => quote_spanned! { kind.span() => .returns::<#kind>() },
        (Item::Stream { .. }, Some(kind)) => quote! { .streams(#kind) },
        (Item::Stream { .. }, None) => quote! { .streams("application/json") },
    };
    quote! {
        #(#conditions)*
        __description.action(
            ::apex_plugin_sdk::__private::ActionDescription::new(#name, #description)
                .parameters::<#parameters>(&[#(#names),*])
                #answer
                #(#flags)*
                #timeout
                #(#examples)*
        );
    }
}
