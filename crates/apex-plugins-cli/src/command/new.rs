//! `apex new`: a plugin's crate that compiles as it is made.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use apex_plugins::meta::PluginId;
use serde_json::json;

use crate::{escape, exit::Exit, failure::Failure, session::Session};

const EXAMPLES: &str = "\
Examples:
  apex new hello --id com.acme.hello
  apex new hello --id com.acme.hello --sdk ../apex-plugins/crates/apex-plugin-sdk";

/// Make a plugin's crate, with an action and its test
///
/// DIR must not exist, or be empty. The crate is named after the last part of the id.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where the crate goes
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// The plugin's id, such as com.acme.hello
    #[arg(long)]
    id: PluginId,

    /// Who writes it
    #[arg(long, value_name = "NAME", default_value = "Your Name")]
    author: String,

    /// Take the SDK from this directory instead of the registry
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// The files of the crate, as they are before names are filled in.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("new/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("new/lib.rs.txt")),
    ("tests/actions.rs", include_str!("new/actions.rs.txt")),
    (".gitignore", "/target\n"),
];

pub(crate) fn run(arguments: &Arguments, session: &mut Session) -> Result<Exit, Failure> {
    let names = Names::of(arguments)?;
    let directory = &arguments.directory;
    let is_taken = directory.read_dir().map_or(directory.exists(), |mut entries| entries.next().is_some());
    if is_taken {
        let message = format!("{} is there already", directory.display());
        return Err(Failure::new("FileExists", message).hint("name a directory that does not exist, or is empty"));
    }
    for (path, text) in FILES {
        write(&directory.join(path), &names.fill_in(text))?;
    }
    let shown = directory.display().to_string();
    if session.output.is_json() {
        session.output.json(&json!({"directory": shown, "id": arguments.id, "crate": names.crate_name}))?;
        return Ok(Exit::Done);
    }
    let shown = escape::line(&shown).into_owned();
    session.output.line(format!("made {shown}, the plugin {}", arguments.id))?;
    session.note(&format!(
        "Next:\n  apex test {shown}      # its examples, and what it makes of wrong parameters\n  apex dev {shown}       # builds it whenever it changes, and lets other shells run it\n  apex run {} greet -p name=Ada",
        arguments.id
    ));
    Ok(Exit::Done)
}

/// What is filled in.
struct Names {
    crate_name: String,
    type_name: String,
    title: String,
    id: String,
    author: String,
    sdk: String,
}

impl Names {
    fn of(arguments: &Arguments) -> Result<Self, Failure> {
        let id = arguments.id.as_str();
        let label = id.rsplit('.').next().unwrap_or(id);
        let crate_name = label.replace('-', "_").to_ascii_lowercase();
        if !crate_name.starts_with(|c: char| c.is_ascii_alphabetic()) || KEYWORDS.contains(&crate_name.as_str()) {
            let message = format!("`{label}`, the last part of the id, cannot name a crate");
            return Err(Failure::usage(message)
                .hint("let the id end in a word that starts with a letter, such as com.acme.hello"));
        }
        let words = || crate_name.split('_').filter(|word| !word.is_empty());
        let sdk = match &arguments.sdk {
            Some(path) => {
                let path = fs::canonicalize(path).map_err(|error| Failure::io("find", path, &error))?;
                // Quotes and backslashes are escaped in TOML as in JSON.
                format!("{{ path = {} }}", json!(path.to_string_lossy()))
            }
            None => json!(env!("CARGO_PKG_VERSION")).to_string(),
        };
        Ok(Self {
            type_name: words().map(capitalized).collect(),
            title: words().map(capitalized).collect::<Vec<_>>().join(" "),
            id: id.to_owned(),
            author: arguments.author.replace(['"', '\\', '\n'], " "),
            sdk,
            crate_name,
        })
    }

    fn fill_in(&self, text: &str) -> String {
        [
            ("{{crate}}", &self.crate_name),
            ("{{type}}", &self.type_name),
            ("{{title}}", &self.title),
            ("{{id}}", &self.id),
            ("{{author}}", &self.author),
            ("{{sdk}}", &self.sdk),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (place, name)| text.replace(place, name))
    }
}

/// Words that a crate could be named by, but no `use` could name, and the crates that every program has.
const KEYWORDS: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
    "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self",
    "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while", "abstract", "become",
    "box", "do", "final", "macro", "override", "priv", "try", "typeof", "unsized", "virtual", "yield", "std", "core",
    "alloc", "test",
];

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + characters.as_str())
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", path, &error);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(failed)?;
    }
    fs::File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(id: &str) -> Result<Names, Failure> {
        let arguments =
            Arguments { directory: "x".into(), id: id.parse().unwrap(), author: "A \"B\"".to_owned(), sdk: None };
        Names::of(&arguments)
    }

    #[test]
    fn crate_and_type_are_named_after_the_id() {
        let names = names("com.acme.Hello-big_world").unwrap();
        assert_eq!((names.crate_name.as_str(), names.type_name.as_str()), ("hello_big_world", "HelloBigWorld"));
        assert_eq!(names.title, "Hello Big World");
        for (path, text) in FILES {
            let filled = names.fill_in(text);
            assert!(!filled.contains("{{"), "{path}: {filled}");
        }
    }

    #[test]
    fn what_cannot_name_a_crate_is_refused() {
        for id in ["com.acme.7up", "com.acme.type", "std"] {
            assert_eq!(names(id).map(|_| ()).unwrap_err().exit(), Exit::Usage, "{id}");
        }
    }
}
