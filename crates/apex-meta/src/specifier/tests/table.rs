//! The tables of meanings (R4.1): a specifier, a version, and whether the standard says that it holds.

use std::collections::HashSet;

use super::{specifier, version};

const TABLES: [(&str, &str); 3] = [
    ("pep440.txt", include_str!("pep440.txt")),
    ("semver.txt", include_str!("semver.txt")),
    ("cargo.txt", include_str!("cargo.txt")),
];

struct Row {
    place: String,
    specifier: &'static str,
    version: &'static str,
    holds: bool,
}

/// The rows of all tables, and where each stands.
fn rows() -> impl Iterator<Item = Row> {
    TABLES.into_iter().flat_map(|(file, text)| {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        lines.map(move |(number, line)| row(line).map(|row| Row { place: format!("{file}:{number}"), ..row }).unwrap())
    })
}

fn row(line: &'static str) -> Option<Row> {
    let (specifier, rest) = line.strip_prefix('`')?.split_once('`')?;
    let (version, verdict) = rest.trim_start().strip_prefix('|')?.split_once('|')?;
    let holds = match verdict.trim() {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    Some(Row { place: String::new(), specifier, version: version.trim(), holds })
}

/// R4.1
#[test]
fn every_row_of_the_standards_holds() {
    let wrong: Vec<_> = rows()
        .filter(|row| specifier(row.specifier).matches(&version(row.version)) != row.holds)
        .map(|row| {
            let not = if row.holds { "" } else { " not" };
            format!("{}: `{}` should{not} hold for {}", row.place, row.specifier, row.version)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_are_large_and_say_nothing_twice() {
    let mut seen = HashSet::new();
    for row in rows() {
        assert!(seen.insert((row.specifier, row.version)), "{}: this row stands above already", row.place);
    }
    assert!(seen.len() >= 800, "{} rows", seen.len());
    let operators = ["==", "!=", ">=", "<=", ">", "<", "~=", "===", "^", "~", "=", "1"];
    for operator in operators {
        for holds in [true, false] {
            let starts_so = |row: &Row| {
                let rest = row.specifier.strip_prefix(operator);
                rest.is_some_and(|rest| operator == "1" || rest.starts_with(|c: char| c.is_ascii_digit()))
            };
            let count = rows().filter(|row| row.holds == holds && starts_so(row)).count();
            assert!(count >= 3, "{count} rows of `{operator}` with verdict {holds}");
        }
    }
}
