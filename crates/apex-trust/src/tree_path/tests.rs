//! Tests of the path rules (formats: tree digest; attacks 50, 55-57).
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;

fn fault(text: &str) -> PathFault {
    text.parse::<TreePath>().unwrap_err().fault
}

#[test]
fn ordinary_paths_are_taken() {
    for text in
        ["a", "lib/x86_64-unknown-linux-gnu/libgreeter.so", ".hidden", "a..b", "-", "COM", "COM10", "console", "aux-x"]
    {
        assert_eq!(text.parse::<TreePath>().unwrap().as_str(), text);
    }
}

#[test]
fn paths_out_of_the_plugin_escape() {
    for text in ["..", "../x", "a/../b", "a/..", "/", "/etc/passwd", "//x"] {
        assert_eq!(fault(text), PathFault::Escape, "{text}");
        assert_eq!(text.parse::<TreePath>().unwrap_err().code(), "PathEscape");
    }
}

#[test]
fn unportable_names_are_refused_by_rule() {
    for (text, expected) in [
        ("", PathFault::EmptySegment),
        ("a//b", PathFault::EmptySegment),
        ("a/", PathFault::EmptySegment),
        (".", PathFault::TrailingDot),
        ("./a", PathFault::TrailingDot),
        ("a/.", PathFault::TrailingDot),
        ("name.", PathFault::TrailingDot),
        ("...", PathFault::TrailingDot),
        ("CON", PathFault::DeviceName),
        ("lib/nul.txt", PathFault::DeviceName),
        ("com1", PathFault::DeviceName),
        ("Lpt9.tar.gz", PathFault::DeviceName),
        ("aux/x", PathFault::DeviceName),
        ("a:b", PathFault::Character { found: ':' }),
        ("a b", PathFault::Character { found: ' ' }),
        ("a\\b", PathFault::Character { found: '\\' }),
        ("a\0", PathFault::Character { found: '\0' }),
        ("a\n", PathFault::Character { found: '\n' }),
        ("caf\u{e9}", PathFault::Character { found: '\u{e9}' }),
        ("cafe\u{301}", PathFault::Character { found: '\u{301}' }),
        ("p\u{430}ypal", PathFault::Character { found: '\u{430}' }),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
        assert_eq!(text.parse::<TreePath>().unwrap_err().code(), "UnportablePath");
    }
}

#[test]
fn lengths_and_depths_are_bounded() {
    let deep = |segments: usize| vec!["a"; segments].join("/");
    assert!(deep(16).parse::<TreePath>().is_ok());
    assert_eq!(fault(&deep(17)), PathFault::TooDeep);
    let long = |directory: usize, name: usize| format!("{}/{}", "d".repeat(directory), "n".repeat(name));
    assert!("n".repeat(100).parse::<TreePath>().is_ok());
    assert_eq!(fault(&"n".repeat(101)), PathFault::NotUstar);
    assert!(long(139, 100).parse::<TreePath>().is_ok());
    assert_eq!(fault(&long(140, 100)), PathFault::TooLong);
    assert_eq!(fault(&long(100, 101)), PathFault::NotUstar);
    assert_eq!(fault(&long(160, 70)), PathFault::NotUstar);
}

#[test]
fn a_path_splits_at_the_last_slash_that_the_prefix_field_can_hold() {
    let fields = |text: &str| {
        let path: TreePath = text.parse().unwrap();
        let (prefix, name) = path.ustar_fields();
        (prefix.to_owned(), name.to_owned())
    };
    assert_eq!(fields("lib/x.so"), (String::new(), "lib/x.so".to_owned()));
    let segment = "s".repeat(50);
    let path = format!("{segment}/{segment}/{segment}/{segment}");
    assert_eq!(fields(&path), (format!("{segment}/{segment}/{segment}"), segment));
}

#[test]
fn collisions_are_found_between_files_and_directories() {
    let add = |paths: &[&str]| {
        let mut census = PathCensus::default();
        paths.iter().try_for_each(|path| census.add_file(&path.parse().unwrap()))
    };
    assert_eq!(add(&["a/x", "a/y", "b"]), Ok(()));
    for (paths, code) in [
        (&["Readme", "README"][..], "PathCollision"),
        (&["docs/a", "Docs/b"], "PathCollision"),
        (&["docs", "DOCS/b"], "PathCollision"),
        (&["docs", "docs/b"], "PathCollision"),
        (&["docs/b", "docs"], "PathCollision"),
        (&["a", "b", "a"], "DuplicateEntry"),
    ] {
        assert_eq!(add(paths).unwrap_err().code(), code, "{paths:?}");
    }
    let mut census = PathCensus::default();
    let docs = "docs".parse().unwrap();
    assert_eq!(census.add_directory(&docs), Ok(()));
    assert_eq!(census.add_directory(&docs), Ok(()));
    assert!(census.add_directory(&"Docs".parse().unwrap()).is_err());
    assert!(census.add_file(&docs).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        let _ = text.parse::<TreePath>();
    }

    #[test]
    fn what_is_taken_is_kept_and_fits_a_header(text in "([A-Za-z0-9._-]{1,60}/){0,5}[A-Za-z0-9._-]{1,110}") {
        if let Ok(path) = text.parse::<TreePath>() {
            prop_assert_eq!(path.as_str(), &text);
            let (prefix, name) = path.ustar_fields();
            prop_assert!(prefix.len() <= 155 && name.len() <= 100 && !name.is_empty());
            let joined = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
            prop_assert_eq!(joined, text);
        }
    }
}
