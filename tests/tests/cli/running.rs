//! `apex run`: results on standard output alone, everything else beside it, and an end that scripts can read.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::house::{Ended, House, write};

const GREETER: &str = "com.apexagent.examples.greeter";
const PROGRESS: &str = "com.apexagent.examples.progress_demo";
const STREAM: &str = "com.apexagent.examples.stream_demo";
const COUNTER: &str = "com.apexagent.examples.counter";
const FAULTY: &str = "com.apexagent.examples.faulty";

/// Longer than anything here may take, on a machine that has much else to do.
const GENEROUS: Duration = Duration::from_secs(60);

fn with(plugins: &[&str]) -> House {
    let house = House::new();
    for plugin in plugins {
        house.install(plugin);
    }
    house
}

/// Each line of standard error as JSON.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {text}"))).collect()
}

#[test]
fn a_result_is_printed_for_people_and_for_programs() {
    let house = with(&["greeter", "progress_demo"]);
    let ended = house.apex(&["run", GREETER, "greet", "-p", "name=Ada"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("Hello, Ada!\n", ""));
    let ended = house.apex(&["--json", "run", &format!("{GREETER}@^1"), "greet", "-p", "name=Ada"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("\"Hello, Ada!\"\n", ""));
    let ended = house.apex(&["run", PROGRESS, "work", "-p", "steps=1", "-p", "step_ms=0", "-q"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("{\n  \"steps_done\": 1\n}\n", ""));
}

#[test]
fn parameters_come_from_pairs_objects_files_and_standard_input() {
    let house = with(&["greeter"]);
    let greet = |arguments: &[&str]| house.apex(&[&["run", GREETER, "greet"], arguments].concat()).expect(0).stdout;
    // The schema says string, so a number stays a string.
    assert_eq!(greet(&["-p", "name=5"]), "Hello, 5!\n");
    assert_eq!(greet(&["--params", r#"{"name": "Ada", "greeting": "Hi"}"#, "-p", "name=Bob"]), "Hi, Bob!\n");
    write(&house.path("params.json"), r#"{"name": "File"}"#);
    assert_eq!(greet(&["--params-file", "params.json"]), "Hello, File!\n");
    let mut command = house.command();
    command.args(["run", GREETER, "greet", "--params-file", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(br#"{"name": "Pipe"}"#).unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"Hello, Pipe!\n");
}

#[test]
fn a_configuration_comes_from_a_file_or_from_the_settings() {
    let house = with(&["greeter"]);
    write(&house.path("greeter.json"), r#"{"greeting": "Ahoy"}"#);
    let arguments = ["run", GREETER, "greet", "-p", "name=Ada", "--config", "greeter.json"];
    assert_eq!(house.apex(&arguments).expect(0).stdout, "Ahoy, Ada!\n");
    write(&house.path("greeter.json"), r#"{"greeting": 5}"#);
    assert_eq!(house.apex(&[&["--json"], &arguments[..]].concat()).expect(5).error()["code"], "Configuration");
    write(&house.path("greeter.json"), "[]");
    assert_eq!(house.apex(&[&["--json"], &arguments[..]].concat()).expect(5).error()["code"], "Configuration");
    fs::create_dir_all(house.path("home/.config/apex")).unwrap();
    let settings = format!("[configuration.'{GREETER}']\ngreeting = 'Moin'\n");
    write(&house.path("home/.config/apex/config.toml"), &settings);
    assert_eq!(house.apex(&["run", GREETER, "greet", "-p", "name=Ada"]).expect(0).stdout, "Moin, Ada!\n");
}

#[test]
fn a_stream_is_one_line_a_chunk() {
    let house = with(&["stream_demo"]);
    assert_eq!(house.apex(&["run", STREAM, "count", "-p", "n=3"]).expect(0).stdout, "1\n2\n3\n");
    let ended = house.apex(&["--json", "run", STREAM, "count", "-p", "n=2"]).expect(0);
    assert_eq!(lines(&ended.stdout), [json!({"chunk": 1}), json!({"chunk": 2}), json!({"done": true})]);
    let ended = house.apex(&["--json", "run", STREAM, "bytes", "-p", "chunks=2", "-p", "size=3"]).expect(0);
    assert_eq!(lines(&ended.stdout), [json!({"bytes": "AQEB"}), json!({"bytes": "AgIC"}), json!({"done": true})]);
    let ended = house.apex(&["run", STREAM, "bytes", "-p", "chunks=2", "-p", "size=3"]).expect(0);
    assert_eq!(ended.stdout, "\u{1}\u{1}\u{1}\u{2}\u{2}\u{2}", "bytes in a pipe are the plugin's own");
    let ended = house.apex(&["--json", "run", STREAM, "fail_midway"]).expect(1);
    let before: Vec<_> = (1..=3).map(|number| json!({"chunk": number})).collect();
    assert_eq!(lines(&ended.stdout), before, "what came before the error is kept");
    assert_eq!(ended.error()["code"], "Execution");
}

#[test]
fn progress_goes_to_standard_error_as_lines_or_as_json() {
    let house = with(&["progress_demo"]);
    let arguments = ["run", PROGRESS, "work", "-p", "steps=2", "-p", "step_ms=1"];
    let ended = house.apex(&arguments).expect(0);
    assert!(ended.stderr.contains("progress:  50% ") && ended.stderr.contains("progress: 100% "), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'));
    let ended = house.apex(&[&["--json"], &arguments[..]].concat()).expect(0);
    let objects = lines(&ended.stderr);
    assert!(objects.iter().all(|object| object["progress"]["percentage"].is_number()), "{objects:?}");
    assert_eq!(lines(&ended.stdout), [json!({"steps_done": 2})]);
    assert_eq!(house.apex(&[&["-q"], &arguments[..]].concat()).expect(0).stderr, "");
}

#[test]
fn state_outlives_the_process() {
    let house = with(&["counter"]);
    for total in ["2\n", "4\n"] {
        assert_eq!(house.apex(&["run", COUNTER, "add", "-p", "by=2"]).expect(0).stdout, total);
    }
    let state = &house.json(&["inspect", COUNTER])["state"]["entries"][0];
    assert_eq!((&state["version"], &state["generation"]), (&json!("1.0.0"), &json!(2)));
}

/// Row 88 of the attack catalogue.
#[test]
fn what_a_plugin_prints_never_mixes_with_results() {
    let house = with(&["faulty"]);
    let ended = house.apex(&["run", FAULTY, "print"]).expect(0);
    assert_eq!(ended.stdout, "printed\n");
    assert!(ended.stderr.contains("a result, or so it says") && ended.stderr.contains("an error, or so it says"));
    let ended = house.apex(&["--json", "run", FAULTY, "print"]).expect(0);
    assert_eq!(ended.stdout, "\"printed\"\n");
    let logs: Vec<_> = lines(&ended.stderr).into_iter().map(|line| line["log"].clone()).collect();
    let log = |stream: &str, message: &str| json!({"stream": stream, "message": message});
    for expected in [
        log("stdout", "\"a result, or so it says\""),
        log("stdout", "\u{1b}[2Jgone"),
        log("stdout", "a line without an end"),
        log("stderr", "an error, or so it says\u{7}"),
    ] {
        assert!(logs.contains(&expected), "{expected} is not in {logs:?}");
    }
    assert!(!ended.stderr.contains(['\u{1b}', '\u{7}']), "{:?}", ended.stderr);
}

/// Row 88 for a child, whose output is a part of its plugin's log.
#[test]
fn what_a_plugin_in_a_child_prints_is_logged_under_its_name() {
    let house = with(&["faulty"]);
    let ended = house.apex(&["--json", "-v", "run", FAULTY, "print", "--isolation", "process"]).expect(0);
    assert_eq!(ended.stdout, "\"printed\"\n");
    let logs: Vec<_> = lines(&ended.stderr).into_iter().map(|line| line["log"].clone()).collect();
    for (part, level, message) in [
        ("stdout", "info", "\"a result, or so it says\""),
        ("stdout", "info", "a line without an end"),
        ("stderr", "warn", "an error, or so it says\u{7}"),
    ] {
        let is_it = |log: &&Value| log["message"] == message;
        let log = logs.iter().find(is_it).unwrap_or_else(|| panic!("no {message:?} in {logs:#?}"));
        assert_eq!((&log["plugin"], &log["level"]), (&json!(FAULTY), &json!(level)), "{log}");
        assert_eq!(log["part"], part, "{log}");
    }
    assert!(!ended.stderr.contains(['\u{1b}', '\u{7}']), "{:?}", ended.stderr);
}

/// The same results wherever a plugin runs.
#[test]
fn plugins_run_in_a_child_as_they_run_in_the_program() {
    let house = with(&["greeter", "stream_demo", "counter", "progress_demo"]);
    for isolation in ["in-process", "process"] {
        let run = |arguments: &[&str]| {
            house.apex(&[&["--json", "run"], arguments, &["--isolation", isolation]].concat()).expect(0).stdout
        };
        assert_eq!(run(&[GREETER, "greet", "-p", "name=Ada"]), "\"Hello, Ada!\"\n", "{isolation}");
        assert_eq!(run(&[STREAM, "count", "-p", "n=1"]), "{\"chunk\":1}\n{\"done\":true}\n", "{isolation}");
        assert_eq!(run(&[PROGRESS, "work", "-p", "steps=1", "-p", "step_ms=0"]), "{\"steps_done\":1}\n", "{isolation}");
    }
    assert_eq!(house.apex(&["run", COUNTER, "add", "-p", "by=2", "--isolation", "in-process"]).expect(0).stdout, "2\n");
    assert_eq!(house.apex(&["run", COUNTER, "add", "-p", "by=2", "--isolation", "process"]).expect(0).stdout, "4\n");
}

/// R9.7.
#[test]
fn a_debugger_is_told_which_process_to_follow_and_which_library_it_loaded() {
    let house = with(&["greeter"]);
    let refused = house.apex(&["--json", "run", GREETER, "greet", "-p", "name=Ada", "--debug"]).expect(2).error();
    assert!(refused["hint"].as_str().unwrap().contains("--dev-root"), "{refused:#}");
    let dev = house.path("dev");
    apex_plugins_tests::package("faulty", None, &dev);
    let arguments = ["--dev-root", dev.to_str().unwrap(), "--json", "run", FAULTY, "block", "--debug"];
    let mut child = house.command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let told = loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended before it told");
        let told = serde_json::from_str::<Value>(&line).unwrap()["debug"].clone();
        if told.is_object() {
            break told;
        }
    };
    let (pid, library) = (told["pid"].as_u64().unwrap(), told["library"].as_str().unwrap());
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    assert!(maps.contains(library), "{library} is not among {maps}");
    interrupt(&child);
    child.wait().unwrap();
    assert!(!std::path::Path::new(library).exists(), "the copy is gone with the run");
}

#[test]
fn each_way_to_fail_has_its_code_its_exit_and_a_remedy() {
    let house = with(&["greeter", "faulty"]);
    let tampered = house.install("progress_demo");
    write(&tampered.join("more.txt"), "more");
    house.apex(&["disable", &format!("{COUNTER}@*")]).expect(3);
    for (arguments, code, exit) in [
        (&[GREETER, "grete"][..], "ActionNotFound", 3),
        (&[GREETER, "greet"], "InvalidParameters", 5),
        (&["com.acme.absent", "greet"], "PluginNotFound", 3),
        (&["com.apexagent.examples.greeter@^9", "greet"], "VersionNotFound", 3),
        (&[PROGRESS, "work"], "PluginBlocked", 4),
        (&[FAULTY, "abort", "--isolation", "process"], "PluginCrashed", 6),
        (&[FAULTY, "fail"], "Execution", 1),
        (&[FAULTY, "fail", "-p", "kind=ResourceNotFound"], "ResourceNotFound", 1),
        (&[FAULTY, "fail", "-p", "kind=InvalidParameters"], "InvalidParameters", 5),
        (&[FAULTY, "panic"], "PluginPanicked", 6),
        (&[FAULTY, "panic_in_stream"], "PluginPanicked", 6),
        (&[FAULTY, "lie_result"], "ProtocolViolation", 6),
        (&[FAULTY, "never", "--timeout", "200ms"], "DeadlineExceeded", 6),
        (&[FAULTY, "block", "--timeout", "200ms"], "DeadlineExceeded", 6),
        (&[FAULTY, "stall", "--timeout", "200ms"], "DeadlineExceeded", 6),
        (&[FAULTY, "spin", "-p", "ms=120000", "--timeout", "200ms"], "DeadlineExceeded", 6),
    ] {
        let started = Instant::now();
        let ended = house.apex(&[&["--json", "run"], arguments].concat()).expect(exit);
        assert!(started.elapsed() < GENEROUS, "{arguments:?} took {:?}", started.elapsed());
        let error = ended.error();
        assert_eq!(error["code"], code, "{arguments:?}: {error:#}");
        assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error:#}");
        lines(&ended.stderr);
    }
}

#[test]
fn an_error_of_a_plugin_is_shown_with_its_causes_and_details() {
    let house = with(&["faulty", "greeter"]);
    let ended = house.apex(&["run", FAULTY, "fail"]).expect(1);
    let shown = "failed on purpose\n  cause: the disk is gone\n  cause: the cable is out\n  help: ";
    assert!(ended.stderr.contains(shown), "{}", ended.stderr);
    let error = house.apex(&["--json", "run", FAULTY, "fail"]).error();
    assert_eq!(error["causes"], json!(["the disk is gone", "the cable is out"]));
    assert_eq!(error["details"], json!({"on_purpose": true}));
    // R6.4: all faults of the parameters at once.
    let error = house.apex(&["--json", "run", GREETER, "greet", "-p", "nam=Ada", "-p", "greeting="]).error();
    assert_eq!(error["details"].as_array().map(Vec::len), Some(3), "{error:#}");
}

/// Starts a run and waits for the first line of its output.
fn started(command: &mut Command) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    assert_eq!(first, "1\n");
    (child, reader)
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

#[test]
fn sigint_cancels_the_action_and_ends_with_130() {
    let house = with(&["stream_demo"]);
    let (mut child, mut reader) = started(house.command().args(["run", STREAM, "count", "-p", "delay_ms=10"]));
    interrupt(&child);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains("cancelled"), "{stderr}");
}

#[test]
fn a_second_sigint_ends_the_program_at_once_even_if_the_action_never_yields() {
    let house = with(&["faulty"]);
    let mut command = house.command();
    command.args(["run", FAULTY, "spin", "-p", "ms=120000"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut reader = BufReader::new(child.stderr.take().unwrap());
    let mut stderr = String::new();
    // The watchdog's warning tells that the action runs and holds its worker.
    reader.read_line(&mut stderr).unwrap();
    // Two signals may arrive as one, so more are sent until the program has ended.
    while child.try_wait().unwrap().is_none() {
        interrupt(&child);
        std::thread::sleep(Duration::from_millis(100));
    }
    reader.read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!stderr.contains("error:"), "it waited for the action: {stderr}");
}

#[test]
fn a_reader_that_goes_away_ends_an_endless_stream_quietly() {
    let house = with(&["stream_demo"]);
    let (mut child, reader) = started(house.command().args(["run", STREAM, "count", "-p", "delay_ms=1"]));
    drop(reader);
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_unsigned_plugin_runs_in_a_process_of_its_own_whatever_is_asked_for() {
    let house = House::new();
    fs::remove_file(house.path("trust.json")).unwrap();
    apex_plugins_tests::package("faulty", None, &house.root());
    let arguments = ["--json", "run", FAULTY, "abort", "--isolation", "in-process"];
    let ended: Ended = house.apex(&arguments).expect(6);
    assert_eq!((ended.error()["code"].as_str(), ended.stdout.as_str()), (Some("PluginCrashed"), ""));
}
