//! The page of error codes, compared with the code: nothing missing, nothing made up, nothing that no test names.
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use apex_meta::{ErrorKind, FaultCode};
use apex_plugins_tests::workspace_root;

/// The sources of all crates, split into what ships and what tests it.
struct Sources {
    shipped: BTreeMap<PathBuf, String>,
    tests: String,
}

impl Sources {
    fn read() -> Self {
        let mut sources = Self { shipped: BTreeMap::new(), tests: String::new() };
        for area in ["crates", "tests", "xtask"] {
            sources.add(&workspace_root().join(area));
        }
        sources
    }

    fn add(&mut self, path: &Path) {
        if path.is_dir() {
            for entry in fs::read_dir(path).unwrap() {
                self.add(&entry.unwrap().path());
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with(file!()) {
            let text = fs::read_to_string(path).unwrap();
            if is_test(path) {
                self.tests += &text;
            } else {
                let (shipped, tests) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((&text, ""));
                self.tests += tests;
                self.shipped.insert(path.to_owned(), shipped.to_owned());
            }
        }
    }
}

/// Whether a file is compiled for tests alone.
fn is_test(path: &Path) -> bool {
    let below_tests = path.components().any(|part| part.as_os_str() == "tests");
    below_tests || path.ends_with("tests.rs") || path.file_stem().is_some_and(|stem| stem == "testkit")
}

/// The text in the quotes that `text` begins with, if it looks like a code.
fn quoted(text: &str) -> Option<&str> {
    let (code, _) = text.trim_start().strip_prefix('"')?.split_once('"')?;
    let is_code = code.starts_with(|first: char| first.is_ascii_uppercase())
        && code.chars().all(|char| char.is_ascii_alphanumeric())
        && code.chars().any(|char| char.is_ascii_lowercase());
    is_code.then_some(code)
}

/// What stands between the brace that follows `text`'s beginning and the one that closes it.
fn body(text: &str) -> &str {
    let start = text.find('{').unwrap();
    let mut depth = 0_usize;
    for (at, char) in text.char_indices().skip(start) {
        match char {
            '{' => depth += 1,
            '}' if depth == 1 => return &text[start..at],
            '}' => depth -= 1,
            _ => {}
        }
    }
    panic!("a brace that nothing closes: {text}")
}

/// Every code that one file can report.
fn codes_of(text: &str) -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for start in ["Reason::new(", "Failure::new(", "Failure::of(", "Self::new(", ".recode(", "CODE: &'static str ="] {
        codes.extend(text.split(start).skip(1).filter_map(quoted));
    }
    for function in text.split("fn code(").skip(1) {
        let body = body(function);
        codes.extend(body.match_indices('"').filter_map(|(at, _)| quoted(&body[at..])));
    }
    codes.into_iter().map(str::to_owned).collect()
}

/// Every code that the crates can report, each with a file that does.
fn reported(sources: &Sources) -> BTreeMap<String, String> {
    let mut codes: BTreeMap<String, String> =
        ErrorKind::ALL.iter().map(|kind| (kind.code().to_owned(), "error_kind.rs".to_owned())).collect();
    for (path, text) in &sources.shipped {
        codes.extend(codes_of(text).into_iter().map(|code| (code, path.display().to_string())));
    }
    codes
}

/// The codes in the first columns of the page's tables.
fn documented() -> BTreeSet<String> {
    let page = fs::read_to_string(workspace_root().join("docs/error_codes.md")).unwrap();
    let first_cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    first_cells
        .flat_map(|cell| cell.split('`'))
        .filter(|part| part.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect()
}

/// Codes that only a broken kernel, another system or an error of the program itself brings about.
const BEYOND_TESTS: &[(&str, &str)] = &[
    ("LibraryUnsealable", "the kernel refuses to seal memory that nobody else has"),
    ("NotCanonical", "what was read strictly has a canonical form"),
    ("NoRandomness", "the kernel gives no random bytes"),
    ("UnsupportedPlatform", "the tests run where plugins are loaded"),
    ("VerificationFailed", "the system starts no thread any more"),
    ("InvalidMetadata", "what has no version has a reason, and it is that which is shown"),
    ("NotAssessed", "an embedder's judge that forgets a candidate"),
];

fn is_fault(code: &str) -> bool {
    code.parse::<FaultCode>().is_ok()
}

#[test]
fn every_code_has_an_entry_and_every_entry_a_code() {
    let (reported, documented) = (reported(&Sources::read()), documented());
    assert!(reported.len() > 150, "the search for codes found {} only", reported.len());
    let missing: Vec<_> = reported.iter().filter(|(code, _)| !documented.contains(*code) && !is_fault(code)).collect();
    assert!(missing.is_empty(), "docs/error_codes.md lacks {missing:#?}");
    let made_up: Vec<_> = documented.iter().filter(|code| !reported.contains_key(*code)).collect();
    assert!(made_up.is_empty(), "nothing reports {made_up:#?}, which docs/error_codes.md explains");
}

#[test]
fn every_code_is_named_by_a_test() {
    let sources = Sources::read();
    let words: BTreeSet<&str> = sources.tests.split(|char: char| !char.is_ascii_alphanumeric()).collect();
    let is_named = |code: &str| words.contains(code) || BEYOND_TESTS.iter().any(|(known, _)| *known == code);
    let untested: Vec<_> = reported(&sources).into_iter().filter(|(code, _)| !is_named(code)).collect();
    assert!(untested.is_empty(), "no test names {untested:#?}");
}
