//! An action: a function, its flags, and what it takes and answers.

use apex_meta::ActionName;
use syn::{
    Attribute, FnArg, Ident, ImplItemFn, LitBool, LitInt, LitStr, ReceiverKind, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream, Parser as _},
    punctuated::Punctuated,
    spanned::Spanned,
};

use super::{
    Answer, Errors, Example, Parameter, answer,
    attributes::{self, Marker},
    example, parameter,
};

/// An action.
pub(crate) struct Action {
    pub(crate) function: Ident,
    pub(crate) name: LitStr,
    pub(crate) description: String,
    pub(crate) is_async: bool,
    /// Conditions under which it is there at all.
    pub(crate) conditions: Vec<Attribute>,
    pub(crate) flags: Vec<Flag>,
    pub(crate) timeout_ms: Option<LitInt>,
    pub(crate) content_type: Option<LitStr>,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) answer: Answer,
    pub(crate) examples: Vec<Example>,
}

/// What a function is given, in its order.
pub(crate) enum Argument {
    Context,
    Parameter(Parameter),
}

/// A member of the metadata that is on or off.
pub(crate) struct Flag {
    pub(crate) member: &'static str,
    pub(crate) value: bool,
}

/// The flags as an author writes them, and the members that they become.
const FLAGS: &[(&str, &str)] = &[
    ("read_only", "read_only"),
    ("destructive", "destructive"),
    ("idempotent", "idempotent"),
    ("open_world", "open_world"),
    ("progress", "supports_progress_reporting"),
    ("blocking", "blocking"),
];

pub(crate) fn read(marker: &Marker, function: &mut ImplItemFn) -> syn::Result<Action> {
    let mut errors = Errors::default();
    let examples = attributes::take(&mut function.attrs, &["example"]);
    let examples = examples.iter().filter_map(|attribute| errors.take(example::read(attribute))).collect();
    let settings = errors.take(settings(marker)).unwrap_or_default();
    let signature = &mut function.sig;
    _ = errors.take(check_receiver(signature));
    let mut arguments = Vec::new();
    for input in &mut signature.inputs {
        let FnArg::Typed(input) = input else { continue };
        let Some(argument) = errors.take(parameter::read(input)) else { continue };
        if matches!(argument, Argument::Context) && arguments.iter().any(|one| matches!(one, Argument::Context)) {
            errors.add(input.span(), "an action gets one `&Context`");
        }
        arguments.push(argument);
    }
    let answer = errors.take(answer::read(&signature.output)).unwrap_or(Answer::unit());
    let name =
        settings.name.unwrap_or_else(|| LitStr::new(&signature.ident.unraw().to_string(), signature.ident.span()));
    if let Err(error) = name.value().parse::<ActionName>() {
        errors.add(name.span(), format!("{error}; `#[action(name = \"...\")]` gives it another"));
    }
    let description = attributes::documentation(&function.attrs);
    if description.is_empty() {
        errors.add(
            signature.ident.span(),
            "an action needs a doc comment: people and models decide by it whether to call",
        );
    }
    let blocks = settings.flags.iter().any(|flag| flag.member == "blocking" && flag.value);
    if let (Some(asyncness), true) = (&signature.asyncness, blocks) {
        let message = "`blocking` is for a plain `fn`; inside an `async fn` write `blocking(|| ...).await`";
        errors.add(asyncness.span(), message);
    }
    if let (Some(content_type), false) = (&settings.content_type, answer.is_stream()) {
        errors.add(content_type.span(), "`content_type` is for actions that return `impl Stream<Item = ...>`");
    }
    errors.end()?;
    // A parameter owns its value whether or not the function needs it so.
    function.attrs.push(syn::parse_quote!(#[allow(clippy::needless_pass_by_value)]));
    Ok(Action {
        function: signature.ident.clone(),
        name,
        description,
        is_async: signature.asyncness.is_some(),
        conditions: function.attrs.iter().filter(|attribute| attributes::is(attribute, "cfg")).cloned().collect(),
        flags: settings.flags,
        timeout_ms: settings.timeout_ms,
        content_type: settings.content_type,
        arguments,
        answer,
        examples,
    })
}

fn check_receiver(signature: &syn::Signature) -> syn::Result<()> {
    if let Some(generics) = signature.generics.params.first() {
        return Err(syn::Error::new(generics.span(), "an action has no generic parameters: each type is concrete"));
    }
    let advice =
        "an action takes `&self`, since several calls may run at once; keep what changes in a `Mutex` or in the state";
    match signature.receiver() {
        Some(receiver) if matches!(receiver.kind, ReceiverKind::Reference(_, _, None)) => Ok(()),
        Some(receiver) => Err(syn::Error::new(receiver.span(), advice)),
        None => Err(syn::Error::new(signature.ident.span(), advice)),
    }
}

/// What stands in the parentheses of `#[action(...)]`.
#[derive(Default)]
struct Settings {
    name: Option<LitStr>,
    flags: Vec<Flag>,
    timeout_ms: Option<LitInt>,
    content_type: Option<LitStr>,
}

enum Setting {
    Name(LitStr),
    Flag(Flag),
    TimeoutMs(LitInt),
    ContentType(LitStr),
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name: Ident = input.parse()?;
        let text = name.to_string();
        if let Some((_, member)) = FLAGS.iter().find(|(flag, _)| *flag == text) {
            let value = match input.parse::<Option<Token![=]>>()? {
                Some(_) => input.parse::<LitBool>()?.value,
                None => true,
            };
            return Ok(Self::Flag(Flag { member, value }));
        }
        let known = matches!(text.as_str(), "name" | "timeout_ms" | "content_type");
        if !known {
            let flags: Vec<_> = FLAGS.iter().map(|(flag, _)| format!("`{flag}`")).collect();
            let message = format!(
                "unknown `{text}`: expected `name`, `timeout_ms`, `content_type`, or one of {}",
                flags.join(", ")
            );
            return Err(syn::Error::new(name.span(), message));
        }
        input.parse::<Token![=]>()?;
        match text.as_str() {
            "name" => input.parse().map(Self::Name),
            "content_type" => input.parse().map(Self::ContentType),
            _ => {
                let time: LitInt = input.parse()?;
                match time.base10_parse::<u64>() {
                    Ok(1..) => Ok(Self::TimeoutMs(time)),
                    _ => Err(syn::Error::new(time.span(), "`timeout_ms` is a number of milliseconds, at least 1")),
                }
            }
        }
    }
}

fn settings(marker: &Marker) -> syn::Result<Settings> {
    let parser = Punctuated::<Setting, Token![,]>::parse_terminated;
    let mut settings = Settings::default();
    for setting in parser.parse2(marker.arguments.clone())? {
        match setting {
            Setting::Name(name) => settings.name = Some(name),
            Setting::Flag(flag) => settings.flags.push(flag),
            Setting::TimeoutMs(time) => settings.timeout_ms = Some(time),
            Setting::ContentType(kind) => settings.content_type = Some(kind),
        }
    }
    Ok(settings)
}
