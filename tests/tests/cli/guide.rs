//! The commands of `docs/security_guide.md` do what it says, in its order; and how any guide's commands are run.

use std::{fs, process::Command};

use apex_plugins::{meta::Document, trust::SigningKey};

use crate::{
    house::{Ended, House, Proof},
    installing::package,
};

/// A command of the guide: what is typed, the exit code that is promised, and lines that are shown of its output.
pub(crate) struct Shown {
    pub(crate) line: String,
    /// It goes on in a shell of its own, until Ctrl-C is pressed there.
    pub(crate) goes_on: bool,
    exit: i32,
    output: Vec<String>,
}

/// The commands in a guide's blocks.
pub(crate) fn commands(guide: &str) -> Vec<Shown> {
    let text = fs::read_to_string(apex_plugins_tests::workspace_root().join(guide)).unwrap();
    let blocks = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut commands: Vec<Shown> = Vec::new();
    for line in blocks.flat_map(str::lines) {
        match line.strip_prefix("$ ") {
            Some(typed) => {
                let (line, comment) = typed.split_once('#').unwrap_or((typed, ""));
                let comment = comment.trim();
                let exit = comment.strip_prefix("exits with ").map_or(0, |number| number.parse().unwrap());
                let goes_on = comment == "until Ctrl-C";
                commands.push(Shown { line: line.trim().to_owned(), goes_on, exit, output: Vec::new() });
            }
            None => commands.last_mut().unwrap().output.push(line.to_owned()),
        }
    }
    commands
}

impl Shown {
    /// Asserts that a command ended as the guide says, and showed what it shows.
    pub(crate) fn check(&self, ended: &Ended) {
        let Self { line, exit, .. } = self;
        assert_eq!(ended.code, Some(*exit), "{line}: {}{}", ended.stdout, ended.stderr);
        self.check_output(&mut ended.stdout.lines());
    }

    /// Asserts that the lines shown are among these, in their order, and takes no more than are needed for that.
    pub(crate) fn check_output<L: AsRef<str>>(&self, lines: &mut impl Iterator<Item = L>) {
        let mut seen = Vec::new();
        for shown in self.output.iter().filter(|shown| *shown != "…") {
            let found = lines.any(|line| {
                seen.push(line.as_ref().to_owned());
                is_shown(shown, line.as_ref())
            });
            assert!(found, "{} shows no line `{shown}` where it should:\n{}", self.line, seen.join("\n"));
        }
    }
}

/// Whether a line of output is the one shown, in which `…` stands for anything.
fn is_shown(shown: &str, line: &str) -> bool {
    let mut rest = line;
    shown.split('…').all(|piece| {
        let found = rest.find(piece.trim());
        rest = &rest[found.unwrap_or(0)..];
        found.is_some()
    })
}

/// A shell in the house, in which `apex` is to be found and the guide's variables are set.
pub(crate) fn shell(house: &House, line: &str, head: &str) -> Ended {
    let apex = apex_plugins_tests::apex();
    let path = format!("{}:/usr/bin:/bin", apex.parent().unwrap().display());
    let mut command = Command::new("/bin/sh");
    command.args(["-ec", line]).env_clear().current_dir(house.path(""));
    command.env("HOME", house.path("home")).env("PATH", path).env("HEAD", head);
    let planted = house.path("home/.local/share/apex/plugins/greeter/plugin.json");
    if let Ok(text) = fs::read(planted) {
        let document = Document::parse(&text).unwrap();
        let signature = document.manifest().signature.as_ref().unwrap();
        command.env("KEY_ID", &signature.key_id);
        command.env("DIGEST", document.manifest().checksum.unwrap().to_string());
    }
    Ended::of(&mut command)
}

/// Once the author has a key, there is a plugin that it signed, where the user's plugins are.
fn deliver(house: &House) {
    let (key, plugins) = (house.path("acme.pem"), house.path("home/.local/share/apex/plugins"));
    if !key.exists() || plugins.exists() {
        return;
    }
    let key = SigningKey::read_pem(&key).unwrap();
    let planted = house.plant("greeter", Proof::Signature(&key), |_| ());
    fs::create_dir_all(&plugins).unwrap();
    apex_plugins_tests::copy_tree(&planted, &plugins.join("greeter"));
    apex_package::pack(&planted, &house.path("greeter.apexpkg")).unwrap();
}

/// Whether a command can be run here: OpenSSL, which stands for a service in the guide, may be missing.
#[expect(clippy::print_stderr, reason = "a skipped command says so")]
fn can_be_run(line: &str) -> bool {
    let needs_openssl = line.starts_with("openssl ") || line.contains("--attach");
    let is_there = !needs_openssl || Command::new("openssl").arg("version").output().is_ok();
    if !is_there {
        eprintln!("skipped, for want of openssl: {line}");
    }
    is_there
}

#[test]
fn the_security_guides_commands_do_what_it_says() {
    let house = House::new();
    let mut head = String::new();
    let commands = commands("docs/security_guide.md");
    assert!(commands.len() > 15, "the guide shows {} commands", commands.len());
    for shown in commands.into_iter().filter(|shown| can_be_run(&shown.line)) {
        let ended = shell(&house, &shown.line, &head);
        shown.check(&ended);
        if let Some(known) = ended.stdout.lines().find_map(|line| line.strip_prefix("head ")) {
            known.clone_into(&mut head);
        }
        deliver(&house);
    }
}

/// The guide's table is the one that the policy's documentation and its test have.
#[test]
fn the_security_guide_names_the_codes_that_the_policy_leads_to() {
    let text = fs::read_to_string(apex_plugins_tests::workspace_root().join("docs/security_guide.md")).unwrap();
    let rows: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert_eq!(rows.len(), 7, "{rows:#?}");
    let codes = ["SignatureMissing", "MissingChecksum", "SignatureStripped", "UntrustedKey", "ChecksumMismatch"];
    for (row, code) in rows[1..].iter().zip(codes) {
        assert!(row.contains(&format!("| `{code}` |")), "{row}");
    }
}

#[test]
fn the_commands_about_permissions_discovery_and_versions_do_what_their_guides_say() {
    let house = House::new();
    package(&house, "mail", "1.0.0", &[]);
    house.key().public_key().write(&house.path("acme.pem.pub")).unwrap();
    let trust = "apex trust add acme --key acme.pem.pub --prefix com.acme";
    for line in [trust, "apex index packages", "apex source add shop packages"] {
        shell(&house, line, "").expect(0);
    }
    let planted =
        house.plant("greeter", Proof::Signature(house.key()), |manifest| manifest["version"] = "1.4.0".into());
    let plugins = house.path("home/.local/share/apex/plugins");
    fs::create_dir_all(&plugins).unwrap();
    apex_plugins_tests::copy_tree(&planted, &plugins.join("greeter"));
    for guide in ["docs/permissions.md", "docs/discovery_guide.md", "docs/versioning_guide.md"] {
        let commands = commands(guide);
        assert!(commands.len() > 1, "{guide} shows {} commands", commands.len());
        for shown in commands {
            shown.check(&shell(&house, &shown.line, ""));
        }
    }
}
