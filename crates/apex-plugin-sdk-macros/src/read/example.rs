//! An example of a call: `#[example({"name": "Ada"} => "Hello, Ada!")]`.

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Ident, Meta, Token, parse::ParseStream, parse::Parser as _, spanned::Spanned};

/// An example, in JSON as `serde_json::json!` reads it.
pub(crate) struct Example {
    /// Whether a test may run it although the action changes something.
    pub(crate) runs: bool,
    pub(crate) params: TokenStream,
    pub(crate) result: Option<TokenStream>,
}

const FORM: &str = "an example is the parameters as JSON, and perhaps `=>` and the result: `#[example({\"name\": \"Ada\"} => \"Hello!\")]`";

pub(crate) fn read(attribute: &Attribute) -> syn::Result<Example> {
    let Meta::List(list) = &attribute.meta else { return Err(syn::Error::new(attribute.span(), FORM)) };
    let (runs, tokens) = read_run.parse2(list.tokens.clone())?;
    let mut tokens = tokens.into_iter();
    let Some(params @ TokenTree::Group(_)) = tokens.next() else { return Err(syn::Error::new(list.span(), FORM)) };
    let rest: TokenStream = tokens.collect();
    let result = match rest.is_empty() {
        true => None,
        false => Some(read_result.parse2(rest)?),
    };
    Ok(Example { runs, params: params.into(), result })
}

/// `run,` in front.
fn read_run(input: ParseStream<'_>) -> syn::Result<(bool, TokenStream)> {
    let runs = input.peek(Ident);
    if runs {
        let word: Ident = input.parse()?;
        if word != "run" {
            return Err(syn::Error::new(word.span(), FORM));
        }
        input.parse::<Token![,]>()?;
    }
    Ok((runs, input.parse()?))
}

fn read_result(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    if !input.peek(Token![=>]) {
        return Err(input.error(FORM));
    }
    input.parse::<Token![=>]>()?;
    if input.is_empty() {
        return Err(input.error(FORM));
    }
    input.parse()
}
