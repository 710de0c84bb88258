//! The rows of the table.

use std::{
    cell::RefCell,
    io::{Read as _, Write as _},
    path::Path,
    process::{Command, Stdio},
    rc::Rc,
    time::Instant,
};

use apex_plugins::{CallEvent, Placement, PluginManager, exec::block_on, meta::TARGET_TRIPLE};
use apex_plugins_tests::{Publisher, apex, apex_host, package, processes::hosts};
use futures::StreamExt as _;
use serde_json::json;

use crate::{
    anchors::{
        Cores::{self, Apart, Shared},
        Other, placed, this_program,
    },
    harness::{Row, Work, timed},
};

const FAULTY: &str = "com.apexagent.examples.faulty";
const GREETER: &str = "com.apexagent.examples.greeter";

/// What is asked: a JSON object of 100 bytes.
const NAME: &str = "Ada, Countess of Lovelace, who wrote the first program for a machine that nobody ever built";

/// How many chunks a stream has.
const CHUNKS: u32 = 2000;
const LARGE: usize = 64 << 10;

pub(crate) fn rows(room: &Path) -> Vec<Row> {
    let publisher = Publisher::new();
    for plugin in ["greeter", "faulty"] {
        package(plugin, Some(&publisher), &room.join("plugins"));
    }
    publisher.trusted(Placement::InProcess).save(&room.join("trust.json")).unwrap();
    let built = PluginManager::builder()
        .root(room.join("plugins"))
        .trust(publisher.trusted(Placement::Process))
        .child_program(apex_host())
        .build();
    let plugins = block_on(built).unwrap();
    let library = room.join("plugins").join(GREETER).join("1.0.0/lib").join(TARGET_TRIPLE).join("libgreeter.so");
    let library = library.to_str().unwrap();
    vec![
        Row { name: "P9 one at a time", goal: 1.3, anchor: ping_pong(Apart), work: one_at_a_time(&plugins, Apart) },
        Row {
            name: "P9 both on one core",
            goal: 1.3,
            anchor: ping_pong(Shared),
            work: one_at_a_time(&plugins, Shared),
        },
        Row { name: "P9 64 at once", goal: 0.1, anchor: ping_pong(Apart), work: at_once(&plugins, 64) },
        Row {
            name: "P9 64 at once, runtime",
            goal: 0.1,
            anchor: ping_pong(Apart),
            work: at_once_in_tasks(&plugins, 64),
        },
        Row { name: "P10 chunk of 64 KiB", goal: 1.5, anchor: poured(LARGE), work: streamed(&plugins, LARGE) },
        // A thousand nanoseconds each are a million chunks a second.
        Row { name: "P10 chunk of 10 bytes", goal: 1000.0, anchor: poured(10), work: streamed(&plugins, 10) },
        Row {
            name: "P17 apex run, in process",
            goal: 0.0,
            anchor: whole(["dlopen", library]),
            work: run(room, "in-process"),
        },
        Row {
            name: "P17 apex run, child",
            goal: 0.0,
            anchor: whole(["dlopen-in-child", library]),
            work: run(room, "process"),
        },
    ]
}

/// The same bytes there and back, one at a time.
fn ping_pong(cores: Cores) -> Work {
    const SIZE: usize = 100;
    let other = Rc::new(Other::start(&["pong", "100"]));
    let process = other.id();
    let turns = timed(
        || vec![7_u8; SIZE],
        move |mut bytes| {
            (&other.socket).write_all(&bytes).unwrap();
            (&other.socket).read_exact(&mut bytes).unwrap();
        },
    );
    placed(cores, move || vec![process], turns)
}

fn one_at_a_time(plugins: &PluginManager, cores: Cores) -> Work {
    let plugins = plugins.clone();
    let call = move || plugins.call(GREETER, "greet").params(json!({"name": NAME}));
    // Its process is there from here on.
    call().result_blocking().unwrap();
    placed(cores, hosts, timed(call, |call| call.result_blocking().unwrap()))
}

/// Calls from so many futures of one thread, each the next as soon as it has its answer.
fn at_once(plugins: &PluginManager, many: u32) -> Work {
    let plugins = plugins.clone();
    Box::new(move |count| {
        let started = Instant::now();
        block_on(futures::future::join_all((0..many).map(|caller| {
            let plugins = &plugins;
            async move {
                for _ in 0..count / many + u32::from(caller < count % many) {
                    plugins.call(GREETER, "greet").params(json!({"name": NAME})).result().await.unwrap();
                }
            }
        })));
        started.elapsed()
    })
}

/// The same from tasks of a runtime with a thread for each core.
fn at_once_in_tasks(plugins: &PluginManager, many: u32) -> Work {
    let (plugins, runtime) = (plugins.clone(), tokio::runtime::Runtime::new().unwrap());
    Box::new(move |count| {
        let started = Instant::now();
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for caller in 0..many {
                let plugins = plugins.clone();
                tasks.spawn(async move {
                    for _ in 0..count / many + u32::from(caller < count % many) {
                        plugins.call(GREETER, "greet").params(json!({"name": NAME})).result().await.unwrap();
                    }
                });
            }
            tasks.join_all().await;
        });
        started.elapsed()
    })
}

/// As many bytes as a chunk has, through a socket pair, written by another process 64 KiB at a time.
fn poured(size: usize) -> Work {
    let other = Other::start(&["pour", &LARGE.to_string()]);
    let bytes = RefCell::new(vec![0_u8; LARGE]);
    Box::new(move |count| {
        let mut bytes = bytes.borrow_mut();
        let started = Instant::now();
        let mut wanted = (count as usize * size).div_ceil(LARGE);
        let exact = count as f64 * size as f64 / (wanted as f64 * LARGE as f64);
        while wanted > 0 {
            // Not so many that both sides would wait for room.
            let batch = wanted.min(256);
            (&other.socket).write_all(&vec![1; batch]).unwrap();
            (0..batch).for_each(|_| (&other.socket).read_exact(&mut bytes).unwrap());
            wanted -= batch;
        }
        // Of what was poured too much, the time does not count.
        started.elapsed().mul_f64(exact)
    })
}

/// So many chunks of a size, in streams of some thousands; the time of starting one counts.
fn streamed(plugins: &PluginManager, size: usize) -> Work {
    let plugins = plugins.clone();
    Box::new(move |count| {
        let started = Instant::now();
        let mut left = count;
        while left > 0 {
            let chunks = left.min(if size < LARGE { 100 * CHUNKS } else { CHUNKS });
            let params = json!({"count": chunks, "bytes": size});
            let events = plugins.call(FAULTY, "flood_chunks").params(params).events();
            let took =
                block_on(events.filter(|event| std::future::ready(matches!(event, CallEvent::Bytes(_)))).count());
            assert_eq!(took, chunks as usize);
            left -= chunks;
        }
        started.elapsed()
    })
}

/// A whole process of this program.
fn whole(arguments: [&str; 2]) -> Work {
    let arguments = arguments.map(str::to_owned);
    timed(|| (), move |()| assert!(this_program(&arguments.each_ref().map(String::as_str)).status().unwrap().success()))
}

/// A whole run of a trivial action, nothing having been started before.
fn run(room: &Path, isolation: &'static str) -> Work {
    let (program, room) = (apex(), room.to_path_buf());
    let command = move || {
        let mut command = Command::new(&program);
        command.env_clear().env("HOME", &room).stdin(Stdio::null()).stdout(Stdio::null());
        command.arg("--root").arg(room.join("plugins")).arg("--trust").arg(room.join("trust.json"));
        command.args(["run", GREETER, "greet", "-p", "name=Ada", "--isolation", isolation]);
        command
    };
    timed(command, |mut command| assert!(command.status().unwrap().success()))
}
