//! What a function answers: a value or a stream, and whether it can fail.

use syn::{
    GenericArgument, PathArguments, ReturnType, Type, TypeImplTrait, TypeParamBound, TypeTuple, spanned::Spanned,
};

/// What a function answers.
pub(crate) struct Answer {
    /// Whether it stands in a `Result`.
    pub(crate) is_fallible: bool,
    pub(crate) item: Item,
}

/// What comes back where nothing fails.
pub(crate) enum Item {
    Value(Type),
    /// A stream of these, each perhaps in a `Result`.
    Stream {
        kind: Type,
        is_fallible: bool,
    },
}

impl Answer {
    /// Nothing, which cannot fail.
    pub(crate) fn unit() -> Self {
        let nothing = TypeTuple { attrs: Vec::new(), paren_token: Default::default(), elems: Default::default() };
        Self { is_fallible: false, item: Item::Value(Type::Tuple(nothing)) }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.item, Item::Stream { .. })
    }
}

pub(crate) fn read(output: &ReturnType) -> syn::Result<Answer> {
    let ReturnType::Type(_, kind) = output else { return Ok(Answer::unit()) };
    let (is_fallible, kind) = match result(kind) {
        Some(inner) => (true, inner),
        None => (false, &**kind),
    };
    let item = match kind {
        Type::ImplTrait(stream) => stream_item(stream)?,
        Type::Reference(_) => {
            return Err(syn::Error::new(kind.span(), "an action returns what it owns, such as `String` or `Vec<...>`"));
        }
        _ => Item::Value(kind.clone()),
    };
    Ok(Answer { is_fallible, item })
}

fn stream_item(stream: &TypeImplTrait) -> syn::Result<Item> {
    let items = stream.bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().filter(|segment| segment.ident == "Stream"),
        _ => None,
    });
    let item = items.filter_map(|segment| match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) if item.ident == "Item" => Some(&item.ty),
            _ => None,
        }),
        _ => None,
    });
    let Some(item) = item.into_iter().next() else {
        let message = "of `impl Trait`, an action returns `impl Stream<Item = T>` or `impl Stream<Item = Result<T>>`";
        return Err(syn::Error::new(stream.span(), message));
    };
    Ok(match result(item) {
        Some(kind) => Item::Stream { kind: kind.clone(), is_fallible: true },
        None => Item::Stream { kind: item.clone(), is_fallible: false },
    })
}

/// What stands in a `Result`, however the path to it is written. `Result` alone, or behind an alias, stays unseen.
fn result(kind: &Type) -> Option<&Type> {
    let Type::Path(path) = kind else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == "Result")?;
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(kind) => Some(kind),
            _ => None,
        }),
        _ => None,
    }
}
