//! `docs/command_line.md` shows what the commands print, to the letter.

use std::fs;

use apex_plugins_tests::{copy_tree, workspace_root};

use crate::{
    house::{self, Ended, House, Proof, manifest, write},
    installing::{package, package_asking},
};

const PAGE: &str = "docs/command_line.md";

/// With this variable set the page is written anew with what the commands print; look at the difference before it counts.
const BLESS: &str = "APEX_BLESS";

/// What the page calls the house.
const HOME: &str = "/home/ada";

/// A house with a hundred plugins that are ready, two versions of one of them among these, five that are not, and packages.
fn furnished() -> House {
    let house = House::new();
    let signed = Proof::Signature(house.key());
    for number in 1..=96 {
        house.plant(&format!("tool{number:02}"), signed, |_| ());
    }
    house.plant("greeter", signed, describe_greeter);
    house.plant("greeter2", signed, |manifest| {
        describe_greeter(manifest);
        manifest["version"] = "2.0.0-rc.1".into();
    });
    house.install("greeter");
    house.install("stream_demo");
    plant_unusable(&house);
    fs::create_dir(house.path("broken")).unwrap();
    write(&house.path("broken/plugin.json"), include_str!("../../fixtures/command_line/plugin.json"));
    for version in ["1.0.0", "1.1.0"] {
        package(&house, "app", version, &["com.acme.base"]);
    }
    package_asking(&house, "app", "2.0.0", &["com.acme.base"], &["net.connect:443"]);
    package(&house, "base", "1.0.0", &[]);
    settle(&house);
    house
}

/// Names the house's directories in the user's settings, so that no command needs to.
fn settle(house: &House) {
    let settings = house.path("home/.config/apex");
    fs::create_dir_all(&settings).unwrap();
    let path = |name: &str| house.path(name).display().to_string();
    let (roots, trust, store, states) = (path("plugins"), path("trust.json"), path("store"), path("states"));
    let text = format!("roots = [{roots:?}]\ntrust = {trust:?}\nstore = {store:?}\nstate_dir = {states:?}\n");
    write(&settings.join("config.toml"), &text);
}

fn describe_greeter(manifest: &mut serde_json::Value) {
    manifest["id"] = "com.acme.greeter".into();
    manifest["name"] = "Greeter".into();
    manifest["description"] = "Greets people.".into();
    manifest["permissions_required"] = serde_json::json!(["net.connect:443"]);
}

/// One plugin of each kind that cannot be used.
fn plant_unusable(house: &House) {
    let signed = Proof::Signature(house.key());
    house.plant("disabled", signed, |manifest| manifest["default_enabled"] = false.into());
    house.plant("mail", signed, |manifest| {
        manifest["dependencies"] = serde_json::json!({"plugins": [{"id": "com.acme.absent"}]});
    });
    let tampered = house.plant("tampered", signed, |_| ());
    write(&tampered.join("added.txt"), "not there when it was signed");
    copy_tree(&house.root().join("tool01"), &house.root().join("twin"));
    let broken = house.root().join("broken");
    fs::create_dir(&broken).unwrap();
    let mut faulty = manifest("broken");
    faulty["version"] = "1.0".into();
    write(&broken.join("plugin.json"), &faulty.to_string());
}

/// The lines of the page, with what each command prints now below it.
fn rewritten(page: &str, house: &House) -> String {
    let mut lines = Vec::new();
    let mut in_console = false;
    for line in page.lines() {
        in_console = line == "```console" || (in_console && line != "```");
        match line.strip_prefix("$ ") {
            Some(typed) if in_console => {
                lines.push(line.to_owned());
                lines.extend(printed(typed, house).lines().map(str::to_owned));
            }
            // What it printed when the page was written.
            _ if in_console && line != "```console" => {}
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

/// What a command prints, standard error after standard output; it must end as the page says.
fn printed(typed: &str, house: &House) -> String {
    let (line, comment) = typed.split_once(" #").unwrap_or((typed, ""));
    let exit = comment.trim().strip_prefix("exits with ").map_or(0, |number| number.parse().unwrap());
    let Ended { code, stdout, stderr } = run(line, house);
    assert_eq!(code, Some(exit), "{line}: {stdout}{stderr}");
    let here = house.root().parent().unwrap().to_str().unwrap().to_owned();
    let text = (stdout.trim_end().to_owned() + "\n" + &stderr).replace(&here, HOME);
    text.trim().lines().map(without_size).collect::<Vec<_>>().join("\n")
}

/// A signature is another one each time, and so is the size of what it is packed in.
fn without_size(line: &str) -> &str {
    if line.starts_with("  bytes: ") { "  bytes: …" } else { line }
}

fn run(line: &str, house: &House) -> Ended {
    let apex = apex_plugins_tests::apex();
    let path = format!("{}:/usr/bin:/bin", apex.parent().unwrap().display());
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", line]).env_clear().current_dir(house.path("")).stdin(std::process::Stdio::null());
    command.env("HOME", house.path("home")).env("PATH", path).env("COLUMNS", "100");
    house::Ended::of(&mut command)
}

#[test]
fn the_page_shows_what_the_commands_print() {
    let path = workspace_root().join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let now = rewritten(&page, &furnished());
    if std::env::var_os(BLESS).is_some() {
        return write(&path, &now);
    }
    assert!(page == now, "{PAGE} shows something else than this; {BLESS}=1 writes it anew:\n{now}");
}
