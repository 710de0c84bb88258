//! `cargo xtask tidy`: what a stranger would stumble over, found by machine.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};

use crate::workspace;

/// A file longer than this wants splitting; between the aim and this, somebody looked twice.
const LONGEST_FILE: usize = 500;

/// Module names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "types", "helpers", "misc", "mod"];

/// Marks of unfinished work, put together here so that this file does not find itself.
const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X:"), concat!("HA", "CK"), concat!("TO", "DO")];

pub(crate) fn run() -> anyhow::Result<()> {
    let root = workspace::root();
    let files = workspace::files()?;
    let mut faults = Vec::new();
    for file in &files {
        let path = root.join(file);
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if file.ends_with(".rs") {
            check_source(file, &text, &mut faults);
        }
        check_text(file, &text, &mut faults);
    }
    check_documents(&root, &mut faults)?;
    if !faults.is_empty() {
        bail!("{} things to tidy:\n  {}", faults.len(), faults.join("\n  "));
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn check_source(file: &str, text: &str, faults: &mut Vec<String>) {
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if !first.starts_with("//!") && !is_misuse(file) {
        faults.push(format!("{file}:1: a module opens with one `//!` line that says what it is for"));
    }
    let lines = text.lines().count();
    if lines > LONGEST_FILE {
        faults.push(format!("{file}: {lines} lines; split it ({LONGEST_FILE} at most, aim for under 300)"));
    }
    let stem = Path::new(file).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        faults.push(format!("{file}: the name `{stem}` does not tell what is inside"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if MARKS.iter().any(|mark| line.contains(mark)) {
            faults.push(format!("{file}:{number}: unfinished mark; finish it, or say in prose what is missing"));
        }
    }
}

fn check_text(file: &str, text: &str, faults: &mut Vec<String>) {
    let home = concat!("/ro", "ot/");
    for (number, line) in (1..).zip(text.lines()) {
        if line.contains(home) || line.contains(concat!("/wo", "rk/")) {
            faults.push(format!("{file}:{number}: a path of somebody's machine"));
        }
        if !is_verbatim(file) && line.ends_with([' ', '\t']) {
            faults.push(format!("{file}:{number}: white space at the end of the line"));
        }
    }
    if !is_verbatim(file) && !text.is_empty() && !text.ends_with('\n') {
        faults.push(format!("{file}: no newline at the end"));
    }
}

/// What a compiler is to refuse, written as an author would; its file name says what is wrong with it.
fn is_misuse(file: &str) -> bool {
    file.contains("/tests/misuse/")
}

/// Input and output of tests, kept to the letter.
fn is_verbatim(file: &str) -> bool {
    ["tests/fixtures/", "fuzz/seeds/"].iter().any(|folder| file.starts_with(folder)) && !file.ends_with(".rs")
}

/// Relative links in the documents must lead somewhere.
fn check_documents(root: &Path, faults: &mut Vec<String>) -> anyhow::Result<()> {
    for file in workspace::files()?.iter().filter(|file| file.ends_with(".md")) {
        let text = fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        let folder = root.join(file).parent().map(Path::to_path_buf).unwrap_or_default();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            let is_local = !path.is_empty() && !path.contains("://") && !path.starts_with("mailto:");
            if is_local && !path.contains(char::is_whitespace) && !folder.join(path).exists() {
                faults.push(format!("{file}: the link to `{target}` leads nowhere"));
            }
        }
    }
    Ok(())
}
