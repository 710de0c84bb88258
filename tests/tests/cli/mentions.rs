//! Whatever guides and errors tell people to type exists: the command, and each option of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use apex_plugins_tests::workspace_root;

use crate::house::House;

/// What a command, or the program itself, says of itself.
struct Help {
    text: String,
    commands: BTreeSet<String>,
}

/// Asks for help, once for each command.
struct Helps {
    house: House,
    known: BTreeMap<Vec<String>, Help>,
}

impl Helps {
    fn of(&mut self, path: &[String]) -> &Help {
        let house = &self.house;
        self.known.entry(path.to_vec()).or_insert_with(|| {
            let arguments: Vec<_> = path.iter().map(String::as_str).chain(["--help"]).collect();
            let text = house.apex(&arguments).expect(0).stdout;
            let listed = text.split("Commands:\n").nth(1).unwrap_or_default();
            let listed = listed.lines().take_while(|line| !line.is_empty());
            let commands = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next().map(str::to_owned));
            Help { commands: commands.filter(|name| !name.is_empty()).collect(), text }
        })
    }

    /// What a mentioned command line names and nobody offers.
    fn fault(&mut self, mentioned: &str) -> Option<String> {
        let words: Vec<_> = mentioned.split_whitespace().skip(1).collect();
        let mut path = Vec::new();
        let mut text = self.of(&path).text.clone();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            if let Some(option) = word.strip_prefix("--") {
                let name: String =
                    option.chars().take_while(|char| char.is_ascii_lowercase() || *char == '-').collect();
                if !name.is_empty() && !text.contains(&format!("--{name}")) {
                    return Some(format!("`{mentioned}`: there is no --{name}"));
                }
                let takes_value = text.contains(&format!("--{name} <"));
                if takes_value && !option.contains('=') {
                    words.next();
                }
                continue;
            }
            // It takes commands itself, and has no options.
            if word == "help" {
                continue;
            }
            let help = self.of(&path);
            if help.commands.contains(word) {
                path.push(word.to_owned());
                text += &self.of(&path).text;
            } else if is_name(word) && !help.commands.is_empty() {
                return Some(format!("`{mentioned}`: there is no command {word}"));
            }
        }
        None
    }
}

/// Whether a word would be a command's name; placeholders are written in capitals.
fn is_name(word: &str) -> bool {
    word.chars().all(|char| char.is_ascii_lowercase() || char == '-')
}

/// The command lines in a text: in back-ticks, and on lines of their own in a block.
fn mentioned(text: &str) -> Vec<String> {
    let quoted = text.split("`apex ").skip(1).filter_map(|rest| rest.split_once('`').map(|(line, _)| line));
    let typed = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("$ ").or_else(|| line.strip_prefix("cargo ")).unwrap_or(line);
        line.strip_prefix("apex ").filter(|rest| !rest.contains('`'))
    });
    let lines = quoted.chain(typed).filter(|line| !line.contains('\n'));
    lines.map(|line| format!("apex {}", line.split(" #").next().unwrap_or(line))).collect()
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_command_that_a_guide_or_an_error_mentions_exists() {
    let root = workspace_root();
    let mut sources = vec![root.join("README.md"), root.join("SECURITY.md"), root.join("CONTRIBUTING.md")];
    for directory in ["docs", "crates"] {
        files(&root.join(directory), &mut sources);
    }
    let mut helps = Helps { house: House::new(), known: BTreeMap::new() };
    let (mut faults, mut count) = (Vec::new(), 0);
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        for line in mentioned(&text) {
            count += 1;
            faults.extend(helps.fault(&line).map(|fault| format!("{}: {fault}", path.display())));
        }
    }
    assert!(count > 200, "only {count} mentions were found");
    assert!(faults.is_empty(), "{faults:#?}");
}
