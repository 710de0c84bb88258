//! The attributes of `apex-plugin-sdk`: a plugin out of an `impl` block, with its metadata.
//!
//! Authors take them from `apex-plugin-sdk`, whose pages show them at work. What a block says is read into
//! a definition (`read`), and out of that come an implementation of the SDK's trait `Plugin` and a description
//! from which `plugin.json` is made (`write`). The crate sees syntax, not types: what a type must be able to do is
//! left to the compiler, in code whose errors point at the author's own type.
//!
//! It refuses what could not work at run time with an error at the place: ids and names that the metadata would not
//! take, receivers that rule out calls at once, borrowed parameters, actions that nobody described.
#![forbid(unsafe_code)]
#![expect(clippy::large_enum_variant, reason = "syntax is held once, for the length of an expansion")]

mod read;
mod write;

use proc_macro::TokenStream;

/// Makes a plugin out of an `impl` block: `#[plugin(id = "com.acme.greeter")]`.
///
/// Each function under `#[action]` becomes an action. `#[init]` makes the instance, `#[migrate]` brings older states up
/// to date, `#[shutdown]` ends the plugin. Without `#[init]` the instance is the type's `Default`, or, with the word
/// `configured` (`#[plugin(id = "com.acme.greeter", configured)]`), the configuration itself: the type describes itself in
/// `plugin.json` and is read from what the host was told. With `state = Type` the compiler checks that the type can be kept as
/// state, and that migrations end in it.
#[proc_macro_attribute]
pub fn plugin(arguments: TokenStream, block: TokenStream) -> TokenStream {
    let definition = read::definition(arguments.into(), &block.into());
    write::plugin(definition).into()
}

/// Makes an action out of a function, inside an `impl` block under `#[plugin]`.
///
/// Its doc comment is the description. Every parameter but a `&Context` is one of the action's, with its own doc
/// comment, `#[default]`, `#[default = value]`, `#[serde(...)]` and `#[schemars(...)]`. In the parentheses may stand
/// `name = "..."`, `read_only`, `destructive`, `idempotent`, `open_world`, `progress`, `blocking`, `timeout_ms = 5000`, and
/// `content_type = "..."` for a stream of bytes. `#[example({"name": "Ada"} => "Hello, Ada!")]` adds an example.
#[proc_macro_attribute]
pub fn action(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    write::out_of_place("action", &item.into()).into()
}

/// Makes the instance, inside an `impl` block under `#[plugin]`: `async fn new(configuration: C) -> Result<Self>`.
///
/// It may take the configuration, whose type describes itself in `plugin.json`, and the `&Host`, or one of them, or none.
#[proc_macro_attribute]
pub fn init(_arguments: TokenStream, item: TokenStream) -> TokenStream {
    write::out_of_place("init", &item.into()).into()
}
