//! The actions: a type for the parameters of each, and the code that takes them from a call and answers it.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::read::{Action, Answer, Argument, Contents, DefaultValue, Item, Parameter};

/// The type that holds the parameters of the action at an index.
pub(super) fn parameters_type(index: usize) -> Ident {
    format_ident!("__Parameters{index}")
}

pub(super) fn of(action: &Action) -> impl Iterator<Item = &Parameter> {
    action.arguments.iter().filter_map(|argument| match argument {
        Argument::Parameter(parameter) => Some(parameter),
        Argument::Context => None,
    })
}

/// The types that hold the parameters.
pub(super) fn parameters(contents: &Contents) -> TokenStream {
    let types = contents.actions.iter().enumerate().map(|(index, action)| {
        let (name, conditions) = (parameters_type(index), &action.conditions);
        let fields = of(action).map(|parameter| field(index, parameter));
        let defaults = of(action).filter_map(|parameter| default_function(index, parameter));
        let defaults = defaults.map(|function| quote! { #(#conditions)* #function });
        quote! {
            #(#conditions)*
            #[derive(::apex_plugin_sdk::__private::serde::Deserialize, ::apex_plugin_sdk::__private::schemars::JsonSchema)]
            #[serde(crate = "::apex_plugin_sdk::__private::serde")]
            #[serde(deny_unknown_fields, expecting = "an object of parameters")]
            #[schemars(crate = "::apex_plugin_sdk::__private::schemars")]
            struct #name {
                #(#fields),*
            }

            #(#defaults)*
        }
    });
    quote! { #(#types)* }
}

fn field(action: usize, parameter: &Parameter) -> TokenStream {
    let Parameter { name, kind, default, attributes } = parameter;
    let default = match default {
        None => TokenStream::new(),
        Some(DefaultValue::OfType) => quote! { #[serde(default)] },
        Some(DefaultValue::Value(_)) => {
            let function = default_name(action, parameter).to_string();
            quote! { #[serde(default = #function)] }
        }
    };
    quote! { #(#attributes)* #default #name: #kind }
}

fn default_name(action: usize, parameter: &Parameter) -> Ident {
    format_ident!("__default_{action}_{}", parameter.name)
}

fn default_function(action: usize, parameter: &Parameter) -> Option<TokenStream> {
    let Some(DefaultValue::Value(value)) = &parameter.default else { return None };
    let (name, kind) = (default_name(action, parameter), &parameter.kind);
    Some(quote! { fn #name() -> #kind { #value } })
}

/// Answers the actions that have one result.
pub(super) fn execute(contents: &Contents) -> TokenStream {
    let arms = arms(contents, false, |action| {
        let Item::Value(kind) = &action.answer.item else { return TokenStream::new() };
        let answer = called(action, &quote! { self }, &quote! { __context });
        quote_spanned! { kind.span() => ::apex_plugin_sdk::__private::answer::<#kind>(#answer) }
    });
    quote! {
        async fn execute(
            &self,
            __action: &str,
            __params: ::apex_plugin_sdk::Params,
            __context: &::apex_plugin_sdk::Context,
        ) -> ::apex_plugin_sdk::Result<::apex_plugin_sdk::Reply> {
            match __action {
                #arms
                _ => ::core::result::Result::Err(::apex_plugin_sdk::Error::action_not_found(__action)),
            }
        }
    }
}

/// Answers the actions that stream; each stream may borrow the instance and the context, which live as long as it.
pub(super) fn execute_stream(contents: &Contents) -> Option<TokenStream> {
    if !contents.actions.iter().any(|action| action.answer.is_stream()) {
        return None;
    }
    let arms = arms(contents, true, |action| {
        let stream = called(action, &quote! { &self }, &quote! { &__context });
        let Item::Stream { kind, is_fallible } = &action.answer.item else { return TokenStream::new() };
        let stream = match is_fallible {
            true => stream,
            false => quote! { ::apex_plugin_sdk::__private::infallible(#stream) },
        };
        let feed = match &action.content_type {
            Some(_) => quote_spanned! { kind.span() => __yielder.all_bytes },
            None => quote_spanned! { kind.span() => __yielder.all_json },
        };
        quote! {
            ::core::result::Result::Ok(::apex_plugin_sdk::Chunks::generate(move |__yielder| async move {
                #feed(#stream).await
            }))
        }
    });
    Some(quote! {
        async fn execute_stream(
            self: ::std::sync::Arc<Self>,
            __action: &str,
            __params: ::apex_plugin_sdk::Params,
            __context: ::apex_plugin_sdk::Context,
        ) -> ::apex_plugin_sdk::Result<::apex_plugin_sdk::Chunks> {
            match __action {
                #arms
                _ => ::core::result::Result::Err(::apex_plugin_sdk::__private::no_stream(__action)),
            }
        }
    })
}

fn arms(contents: &Contents, streaming: bool, answer: impl Fn(&Action) -> TokenStream) -> TokenStream {
    let actions = contents.actions.iter().enumerate().filter(|(_, action)| action.answer.is_stream() == streaming);
    let arms = actions.map(|(index, action)| {
        let (conditions, name, kind) = (&action.conditions, &action.name, parameters_type(index));
        let answer = answer(action);
        // Without parameters, the unknown ones are refused nonetheless.
        let binding = match of(action).next() {
            Some(_) => format_ident!("__parameters"),
            None => format_ident!("_parameters"),
        };
        quote! {
            #(#conditions)*
            #name => {
                let #binding: #kind = __params.parse()?;
                #answer
            }
        }
    });
    quote! { #(#arms)* }
}

/// The call of the author's function, waited for and unwrapped.
fn called(action: &Action, instance: &TokenStream, context: &TokenStream) -> TokenStream {
    let Action { function, is_async, answer, .. } = action;
    let arguments = action.arguments.iter().map(|argument| match argument {
        Argument::Context => context.clone(),
        Argument::Parameter(Parameter { name, .. }) => quote! { __parameters.#name },
    });
    let call = quote! { Self::#function(#instance, #(#arguments),*) };
    let wait = is_async.then(|| quote! { .await });
    let Answer { is_fallible, .. } = answer;
    let unwrap = is_fallible.then(|| quote! { ? });
    quote! { #call #wait #unwrap }
}
