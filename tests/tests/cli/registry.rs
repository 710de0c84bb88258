//! The registry from one start to the next and from one moment to the next: cache, `apex watch`, `apex doctor`.
#![expect(clippy::disallowed_methods, reason = "what is renamed here needs no durability")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::house::{Ended, House, Proof, write};

/// Nothing takes that long; only what hangs does.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_cache_is_kept_where_it_is_wanted_and_changes_nothing_that_is_listed() {
    let house = House::new();
    house.plant("good", Proof::Signature(house.key()), |_| ());
    house.plant("bare", Proof::Nothing, |_| ());
    let expected = house.json(&["--no-cache", "list"]);
    assert!(!house.path("home/.cache").exists(), "none was wanted");
    let cache = house.path("cache");
    let cached = ["--cache-dir", cache.to_str().unwrap(), "list"];
    for round in 0..3 {
        assert_eq!(house.json(&cached), expected, "round {round}");
    }
    assert_eq!(fs::metadata(&cache).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!house.path("home/.cache").exists(), "it was wanted elsewhere");
    house.json(&["list"]);
    assert!(house.path("home/.cache/apex/discovery").is_dir());
    let both = house.apex(&["--no-cache", "--cache-dir", "x", "list"]);
    both.expect(2);
}

/// A running `apex watch` with the lines that it has written.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<Value>,
}

impl Watch {
    fn start(house: &House) -> Self {
        Self::over(house.command())
    }

    /// Watches what the options of a command name.
    pub(crate) fn over(mut command: Command) -> Self {
        let mut child = command.args(["--json", "watch"]).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                // Nobody listens any more once the test has ended.
                let _ = sender.send(serde_json::from_str(&line.unwrap()).unwrap());
            }
        });
        Self { child, lines }
    }

    /// The next line of an event, whatever comes before it.
    pub(crate) fn next(&self, event: &str) -> Value {
        self.next_of(&[event])
    }

    /// The next line of one of these events.
    pub(crate) fn next_of(&self, events: &[&str]) -> Value {
        loop {
            let line = self.lines.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("none of {events:?}: {error}"));
            if events.iter().any(|event| line["event"] == *event) {
                return line;
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asserts that a line has the members which a guide shows for its event, in its first block of JSON.
pub(crate) fn assert_is_as_shown(line: &Value, guide: &str) {
    let guide = fs::read_to_string(apex_plugins_tests::workspace_root().join(guide)).unwrap();
    let block = guide.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let mut shown = block.lines().map(|line| serde_json::from_str::<Value>(&line.replace(",…", "")).unwrap());
    let shown = shown.find(|shown| shown["event"] == line["event"]).unwrap();
    let names = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&shown), names(line));
}

#[test]
fn watch_tells_of_each_change_with_its_reason_until_it_is_interrupted() {
    let house = House::new();
    house.plant("first", Proof::Signature(house.key()), |_| ());
    let mut watch = Watch::start(&house);
    let line = watch.next("watching");
    assert_eq!(line["plugins"], 1);
    assert_is_as_shown(&line, "docs/discovery_guide.md");
    // Made elsewhere, so that it comes and goes as a whole.
    let elsewhere = House::new();
    let (made, plugin) =
        (elsewhere.plant("second", Proof::Signature(house.key()), |_| ()), house.root().join("second"));
    fs::rename(&made, &plugin).unwrap();
    let line = watch.next("added");
    assert_is_as_shown(&line, "docs/discovery_guide.md");
    assert_eq!((&line["id"], &line["reason"]["code"]), (&json!("com.acme.second"), &json!("PluginAdded")));
    assert_eq!((&line["status"], &line["before"]), (&json!("ready"), &Value::Null));
    fs::rename(&plugin, &made).unwrap();
    let line = watch.next("removed");
    assert_eq!((&line["id"], &line["reason"]["code"]), (&json!("com.acme.second"), &json!("PluginRemoved")));

    let pid = rustix::process::Pid::from_child(&watch.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(watch.child.wait().unwrap().code(), Some(130));
}

#[test]
fn doctor_names_what_is_wrong_and_what_helps() {
    let house = House::new();
    house.plant("good", Proof::Signature(house.key()), |_| ());
    let cache = house.path("cache");
    for directory in [&cache, &house.path("states"), &house.path("store")] {
        fs::create_dir(directory).unwrap();
    }
    fs::set_permissions(house.path("states"), fs::Permissions::from_mode(0o777)).unwrap();
    write(&cache.join("0123.apxc"), "no cache at all");
    write(&house.path("store/.overrides.json.new"), "{");
    let missing = house.path("missing");
    let arguments = ["--cache-dir", cache.to_str().unwrap(), "--root", missing.to_str().unwrap(), "doctor"];
    let report = house.json(&arguments);
    let findings = report["findings"].as_array().unwrap();
    let codes: Vec<_> =
        findings.iter().filter(|one| one["ok"] == false).map(|one| one["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["CacheUnusable", "RootMissing", "Leftover", "InsecurePermissions"], "{report:#}");
    assert!(findings.iter().all(|one| one["ok"] == true || one["hint"].is_string()), "{report:#}");
    let fine = |check: &str| findings.iter().any(|one| one["ok"] == true && one["check"] == check);
    assert!(fine("root") && fine("store") && fine("cache"), "{report:#}");

    let shown = house.apex(&arguments).expect(0);
    assert!(shown.stdout.contains("help: chmod go-w"), "{}", shown.stdout);
}

#[test]
fn doctor_says_that_nothing_is_searched_and_what_cannot_be_written() {
    let house = House::new();
    let states = house.path("states");
    fs::create_dir(&states).unwrap();
    fs::set_permissions(&states, fs::Permissions::from_mode(0o555)).unwrap();
    let ended = Ended::of(house.bare().args(["--json", "--state-dir", states.to_str().unwrap(), "doctor"]));
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let codes: Vec<_> =
        report["findings"].as_array().unwrap().iter().filter_map(|finding| finding["code"].as_str()).collect();
    // Whoever may write everywhere is told so.
    let expected: &[&str] = if rustix::process::geteuid().is_root() { &["NoRoot"] } else { &["NoRoot", "NotWritable"] };
    assert_eq!(codes, expected, "{report:#}");
}
