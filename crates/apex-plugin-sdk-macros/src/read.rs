//! Reading: from an attributed `impl` block to a definition, or to errors at their places.

mod action;
mod answer;
mod attributes;
mod example;
mod life;
mod parameter;

use apex_meta::PluginId;
use proc_macro2::TokenStream;
use syn::{
    Ident, ImplItem, ItemImpl, LitStr, Token, Type,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    spanned::Spanned,
};

pub(crate) use action::{Action, Argument, Flag};
pub(crate) use answer::{Answer, Item};
pub(crate) use example::Example;
pub(crate) use life::{Init, InitArgument, Lifecycle};
pub(crate) use parameter::{DefaultValue, Parameter};

/// What an `impl` block under `#[plugin]` says.
pub(crate) struct Definition {
    /// The block, without the attributes that were read.
    pub(crate) block: ItemImpl,
    pub(crate) contents: syn::Result<Contents>,
}

/// What the block defines.
pub(crate) struct Contents {
    pub(crate) id: LitStr,
    pub(crate) state: Option<Type>,
    /// The word `configured`: the instance is its own configuration.
    pub(crate) configured: Option<Ident>,
    pub(crate) actions: Vec<Action>,
    pub(crate) lifecycle: Lifecycle,
}

/// Reads a block; whatever is wrong with it is reported at once. What is no inherent `impl` block has no definition.
pub(crate) fn definition(arguments: TokenStream, block: &TokenStream) -> syn::Result<Definition> {
    let mut block: ItemImpl = syn::parse2(block.clone())
        .map_err(|_| syn::Error::new(block.span(), "`#[plugin]` stands on an `impl` block of the plugin's type"))?;
    if let Some((path, _)) = &block.trait_ {
        let message = "`#[plugin]` stands on an `impl` block of the type itself; it implements the trait on its own";
        return Err(syn::Error::new(path.span(), message));
    }
    if !block.generics.params.is_empty() {
        let message = "a plugin is one concrete type, without generic parameters";
        return Err(syn::Error::new(block.generics.span(), message));
    }
    let arguments = syn::parse2::<Arguments>(arguments);
    let contents = contents(arguments, &mut block);
    Ok(Definition { block, contents })
}

fn contents(arguments: syn::Result<Arguments>, block: &mut ItemImpl) -> syn::Result<Contents> {
    let mut errors = Errors::default();
    let arguments = errors.take(arguments);
    let (mut actions, mut lifecycle) = (Vec::<Action>::new(), Lifecycle::default());
    for item in &mut block.items {
        let ImplItem::Fn(function) = item else { continue };
        if let Some(marker) = errors.take(attributes::take_marker(&mut function.attrs)).flatten() {
            match marker.name {
                "action" => {
                    let Some(action) = errors.take(action::read(&marker, function)) else { continue };
                    if actions.iter().any(|other| other.name.value() == action.name.value()) {
                        errors.add(action.name.span(), format!("there are two actions `{}`", action.name.value()));
                    }
                    actions.push(action);
                }
                _ => {
                    _ = errors.take(lifecycle.read(&marker, function));
                    function.attrs.push(syn::parse_quote!(#[allow(clippy::needless_pass_by_value)]));
                }
            }
        }
    }
    if let (Some(Arguments { configured: Some(word), .. }), Some(_)) = (&arguments, &lifecycle.init) {
        errors.add(word.span(), "`configured` makes the instance, and so does `#[init]`: keep one of them");
    }
    errors.end()?;
    let Some(Arguments { id, state, configured }) = arguments else { unreachable!("an error would have ended it") };
    Ok(Contents { id, state, configured, actions, lifecycle })
}

/// Errors of several places, told at once.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    fn take<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.combine(error);
                None
            }
        }
    }

    fn add(&mut self, span: proc_macro2::Span, message: impl std::fmt::Display) {
        self.combine(syn::Error::new(span, message));
    }

    fn combine(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(first) => first.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn end(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// `id = "com.acme.greeter", state = Total, configured`
struct Arguments {
    id: LitStr,
    state: Option<Type>,
    configured: Option<Ident>,
}

enum Setting {
    Id(LitStr),
    State(Type),
    Configured(Ident),
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: Ident = input.parse()?;
        if name == "configured" {
            return Ok(Self::Configured(name));
        }
        input.parse::<Token![=]>()?;
        match name.to_string().as_str() {
            "id" => input.parse().map(Self::Id),
            "state" => input.parse().map(Self::State),
            other => {
                Err(syn::Error::new(name.span(), format!("unknown `{other}`: expected `id`, `state` or `configured`")))
            }
        }
    }
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let (mut id, mut state, mut configured) = (None, None, None);
        for argument in Punctuated::<Setting, Token![,]>::parse_terminated(input)? {
            match argument {
                Setting::Id(text) => id = Some(text),
                Setting::State(kind) => state = Some(kind),
                Setting::Configured(word) => configured = Some(word),
            }
        }
        let Some(id) = id else {
            let message = "a plugin has an id: `#[plugin(id = \"com.acme.greeter\")]`";
            return Err(syn::Error::new(proc_macro2::Span::call_site(), message));
        };
        if let Err(error) = id.value().parse::<PluginId>() {
            return Err(syn::Error::new(id.span(), error));
        }
        Ok(Self { id, state, configured })
    }
}
