//! How `apex` behaves towards terminals, pipes and scripts.

use std::{io::Read as _, process::Stdio};

use serde_json::Value;

use crate::house::{Ended, House, Proof};

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_right() {
    let house = House::new();
    for arguments in [
        &[][..],
        &["lsit"],
        &["run"],
        &["run", "../x", "act"],
        &["why", "com.acme.x@>>1"],
        &["run", "com.acme.x", "act", "--timeout", "soon"],
        &["-q", "-v", "list"],
        &["list", "--policy", "lax"],
    ] {
        let ended = house.apex(arguments).expect(2);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(ended.stderr.contains("Usage: ") || ended.stderr.contains("--help"), "{}", ended.stderr);
        let error = house.apex(&[&["--json"], arguments].concat()).expect(2).error();
        assert!(error["code"].is_string() && error["hint"].is_string(), "{error:#}");
    }
    assert_eq!(house.apex(&["--json", "run", "../x", "act"]).error()["code"], "InvalidId");
    assert_eq!(house.apex(&["--json", "why", "x@>>1"]).error()["code"], "InvalidSpecifier");
}

#[test]
fn help_goes_to_standard_output_fits_80_columns_and_shows_exit_codes() {
    let house = House::new();
    for command in ["list", "inspect", "check", "run", "why", "verify", "enable", "disable", "keys", "trust"] {
        let ended = house.apex(&[command, "-h"]).expect(0);
        assert_eq!(ended.stderr, "");
        let longest = ended.stdout.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(80), "{command}: {longest:?}\n{}", ended.stdout);
    }
    let help = house.apex(&["--help"]).expect(0).stdout;
    assert!(help.contains("Exit codes:") && help.contains("4  blocked by trust"), "{help}");
    let script = house.apex(&["completions", "bash"]).expect(0).stdout;
    assert!(script.contains("_apex()"));
}

#[test]
fn a_pipe_sees_neither_colours_nor_escapes() {
    let house = House::new();
    house.plant("good", Proof::Signature(house.key()), |_| ());
    house.plant("bad", Proof::Nothing, |_| ());
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color"), ("CLICOLOR_FORCE", "1")] {
        for arguments in [&["list"][..], &["inspect", "com.acme.good"], &["run", "com.acme.bad", "act"], &["lsit"]] {
            let ended = Ended::of(house.command().env(variable, value).args(arguments));
            let both = ended.stdout + &ended.stderr;
            // Usage errors are clap's, which honours CLICOLOR_FORCE, as a user who sets it wants.
            assert!(variable == "CLICOLOR_FORCE" || !both.contains('\u{1b}'), "{variable} {arguments:?}: {both:?}");
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let house = House::new();
    for number in 0..20 {
        house.plant(&format!("plugin{number}"), Proof::Nothing, |_| ());
    }
    let mut child = house.command().arg("list").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn errors_say_what_why_and_what_to_do_in_text_and_in_json() {
    let house = House::new();
    house.plant("bad", Proof::Nothing, |_| ());
    for (arguments, code, exit) in [
        (&["run", "com.acme.absent", "act"][..], "PluginNotFound", 3),
        (&["inspect", "com.acme.bad@^2"], "VersionNotFound", 3),
        (&["run", "com.acme.bad", "act"], "PluginBlocked", 4),
        (&["enable", "com.acme.absent"], "PluginNotFound", 3),
        (&["run", "com.acme.bad", "act", "--params", "[]"], "InvalidParameters", 5),
        (&["run", "com.acme.bad", "act", "--params-file", "nowhere"], "Io", 7),
        (&["trust", "remove", "nobody"], "UnknownPublisher", 3),
    ] {
        let ended = house.apex(arguments).expect(exit);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("\n  help: "), "{}", ended.stderr);
        let ended = house.apex(&[&["--json"], arguments].concat()).expect(exit);
        assert_eq!(ended.stdout, "", "{arguments:?}");
        let error = ended.error();
        assert_eq!(error["code"], code, "{error:#}");
        for member in ["message", "hint"] {
            assert!(error[member].as_str().is_some_and(|text| !text.is_empty()), "{error:#}");
        }
        assert!(error.get("details").is_some());
        assert!(ended.stderr.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", ended.stderr);
    }
}
