//! Attributes: which are ours, and what doc comments say.

use proc_macro2::{Span, TokenStream};
use syn::{Attribute, Expr, ExprLit, Lit, Meta, spanned::Spanned};

/// The attributes that give a function its part; each is taken out of the block.
const MARKERS: &[&str] = &["action", "init", "migrate", "shutdown"];

/// What gives a function its part, and what stands in its parentheses.
pub(crate) struct Marker {
    pub(crate) name: &'static str,
    pub(crate) arguments: TokenStream,
    pub(crate) span: Span,
}

/// Takes the marker of a function, if it has one.
pub(crate) fn take_marker(attributes: &mut Vec<Attribute>) -> syn::Result<Option<Marker>> {
    let mut found: Option<Marker> = None;
    for attribute in take(attributes, MARKERS) {
        let span = attribute.path().span();
        if found.is_some() {
            return Err(syn::Error::new(span, "a function has one part: `action`, `init`, `migrate` or `shutdown`"));
        }
        let name = MARKERS.iter().find(|name| is(&attribute, name)).copied().unwrap_or_default();
        let arguments = match attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens,
            Meta::NameValue(_) => {
                return Err(syn::Error::new(span, format!("expected `#[{name}]` or `#[{name}(...)]`")));
            }
        };
        found = Some(Marker { name, arguments, span });
    }
    Ok(found)
}

/// Takes the attributes of these names.
pub(crate) fn take(attributes: &mut Vec<Attribute>, names: &[&str]) -> Vec<Attribute> {
    let is_named = |attribute: &mut Attribute| names.iter().any(|name| is(attribute, name));
    attributes.extract_if(.., is_named).collect()
}

/// Whether an attribute is of this name, also behind a path such as `apex_plugin_sdk::action`.
pub(crate) fn is(attribute: &Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == name)
}

/// What the doc comments say: lines of a paragraph are joined, paragraphs stay apart.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let text = attributes.iter().filter_map(doc_line).collect::<Vec<_>>().join("\n");
    let mut paragraphs = vec![Vec::new()];
    for line in text.lines().map(str::trim) {
        match paragraphs.last_mut() {
            Some(paragraph) if !line.is_empty() => paragraph.push(line),
            _ => paragraphs.push(Vec::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.iter().map(|paragraph| paragraph.join(" ")).collect::<Vec<_>>().join("\n\n")
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if is(attribute, "doc") => Some(text.value()),
        _ => None,
    }
}
