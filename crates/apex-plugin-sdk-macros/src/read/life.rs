//! The beginning and the end of an instance, and what becomes of its state in between.

use syn::{FnArg, Ident, ImplItemFn, ReturnType, Type, spanned::Spanned};

use super::{answer, attributes::Marker, parameter::is_named};

/// The functions that are called in an instance's life.
#[derive(Default)]
pub(crate) struct Lifecycle {
    pub(crate) init: Option<Init>,
    pub(crate) migrate: Option<Function>,
    pub(crate) shutdown: Option<Function>,
}

/// What makes an instance.
pub(crate) struct Init {
    pub(crate) function: Function,
    pub(crate) arguments: Vec<InitArgument>,
}

/// What it is given, in its order.
pub(crate) enum InitArgument {
    Host,
    Configuration(Type),
}

/// A function and how to call it.
pub(crate) struct Function {
    pub(crate) name: Ident,
    pub(crate) is_async: bool,
    pub(crate) is_fallible: bool,
}

impl Lifecycle {
    pub(crate) fn read(&mut self, marker: &Marker, function: &ImplItemFn) -> syn::Result<()> {
        if !marker.arguments.is_empty() {
            return Err(syn::Error::new(marker.span, format!("`#[{}]` stands alone", marker.name)));
        }
        let is_twice = match marker.name {
            "init" => self.init.replace(Init::read(function)?).is_some(),
            "migrate" => self.migrate.replace(migrate(function)?).is_some(),
            _ => self.shutdown.replace(shutdown(function)?).is_some(),
        };
        match is_twice {
            true => Err(syn::Error::new(marker.span, format!("there are two functions under `#[{}]`", marker.name))),
            false => Ok(()),
        }
    }
}

impl Init {
    fn read(function: &ImplItemFn) -> syn::Result<Self> {
        let advice =
            "`#[init]` takes the configuration, `&Host`, both or neither, and returns `Self` or `Result<Self>`";
        let mut arguments = Vec::new();
        for input in &function.sig.inputs {
            let FnArg::Typed(input) = input else { return Err(syn::Error::new(input.span(), advice)) };
            let argument = match &*input.ty {
                Type::Reference(reference) if is_named(&reference.elem, "Host") => InitArgument::Host,
                Type::Reference(_) | Type::ImplTrait(_) => return Err(syn::Error::new(input.ty.span(), advice)),
                kind => InitArgument::Configuration(kind.clone()),
            };
            arguments.push(argument);
        }
        let configurations = arguments.iter().filter(|argument| matches!(argument, InitArgument::Configuration(_)));
        if configurations.count() > 1 || arguments.len() > 2 || matches!(function.sig.output, ReturnType::Default) {
            return Err(syn::Error::new(function.sig.span(), advice));
        }
        Ok(Self { function: Function::of(function)?, arguments })
    }
}

impl Function {
    fn of(function: &ImplItemFn) -> syn::Result<Self> {
        let answer = answer::read(&function.sig.output)?;
        let is_async = function.sig.asyncness.is_some();
        Ok(Self { name: function.sig.ident.clone(), is_async, is_fallible: answer.is_fallible })
    }
}

fn migrate(function: &ImplItemFn) -> syn::Result<Function> {
    let advice = "`#[migrate]` takes the old version and the state, `(from: &str, state: Value)`, and returns `Result<Option<State>>`";
    match function.sig.receiver().is_none() && function.sig.inputs.len() == 2 {
        true => Function::of(function),
        false => Err(syn::Error::new(function.sig.span(), advice)),
    }
}

fn shutdown(function: &ImplItemFn) -> syn::Result<Function> {
    match function.sig.receiver().is_some() && function.sig.inputs.len() == 1 {
        true => Function::of(function),
        false => Err(syn::Error::new(function.sig.span(), "`#[shutdown]` takes `&self` alone")),
    }
}
