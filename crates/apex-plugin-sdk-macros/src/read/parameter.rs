//! A parameter of an action: its type, its doc comment, and where its value comes from if a call gives none.

use proc_macro2::Span;
use syn::{Attribute, Expr, Ident, Meta, Pat, PatType, Type, spanned::Spanned};

use super::{Argument, attributes};

/// A parameter.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) kind: Type,
    pub(crate) default: Option<DefaultValue>,
    /// Doc comments, `serde` and `schemars`, which go to the field that holds it.
    pub(crate) attributes: Vec<Attribute>,
}

/// The value where a call gives none.
pub(crate) enum DefaultValue {
    OfType,
    Value(Box<Expr>),
}

pub(crate) fn read(input: &mut PatType) -> syn::Result<Argument> {
    let taken = std::mem::take(&mut input.attrs);
    if is_context(&input.ty) {
        return match taken.first() {
            Some(attribute) => Err(syn::Error::new(attribute.span(), "the context is no parameter of the action")),
            None => Ok(Argument::Context),
        };
    }
    let Pat::Ident(name) = &*input.pat else {
        return Err(syn::Error::new(input.pat.span(), "a parameter has a plain name, which callers give it by"));
    };
    check_type(&input.ty)?;
    let (mut default, mut attributes) = (None, Vec::new());
    for attribute in taken {
        if attributes::is(&attribute, "default") {
            default = Some(default_value(&attribute)?);
        } else if ["doc", "serde", "schemars"].iter().any(|name| attributes::is(&attribute, name)) {
            attributes.push(attribute);
        } else if ["allow", "expect"].iter().any(|name| attributes::is(&attribute, name)) {
            input.attrs.push(attribute);
        } else {
            let message =
                "expected a doc comment, `#[default]`, `#[default = value]`, `#[serde(...)]` or `#[schemars(...)]`";
            return Err(syn::Error::new(attribute.span(), message));
        }
    }
    Ok(Argument::Parameter(Parameter { name: name.ident.clone(), kind: (*input.ty).clone(), default, attributes }))
}

/// `&Context`, however the path to it is written.
fn is_context(kind: &Type) -> bool {
    match kind {
        Type::Reference(reference) if reference.mutability.is_none() => is_named(&reference.elem, "Context"),
        _ => false,
    }
}

pub(crate) fn is_named(kind: &Type, name: &str) -> bool {
    matches!(kind, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

fn check_type(kind: &Type) -> syn::Result<()> {
    let refuse = |span: Span, message: &str| Err(syn::Error::new(span, message));
    match kind {
        Type::Reference(reference) if is_named(&reference.elem, "str") => {
            refuse(kind.span(), "a parameter owns its value: write `String`")
        }
        Type::Reference(reference) if matches!(*reference.elem, Type::Slice(_)) => {
            refuse(kind.span(), "a parameter owns its value: write `Vec<...>`")
        }
        Type::Reference(_) => refuse(kind.span(), "a parameter owns its value; only `&Context` is borrowed"),
        Type::ImplTrait(_) => refuse(kind.span(), "a parameter has one concrete type, by which it is described"),
        _ if is_named(kind, "Context") => refuse(kind.span(), "the context is borrowed: write `&Context`"),
        _ => Ok(()),
    }
}

fn default_value(attribute: &Attribute) -> syn::Result<DefaultValue> {
    match &attribute.meta {
        Meta::Path(_) => Ok(DefaultValue::OfType),
        Meta::NameValue(pair) => Ok(DefaultValue::Value(Box::new(pair.value.clone()))),
        Meta::List(list) => {
            Err(syn::Error::new(list.span(), "write the value behind an equals sign: `#[default = value]`"))
        }
    }
}
