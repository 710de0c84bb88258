//! The table: each forbidden thing with no grant, with the exact grant, and with one that misses it narrowly.
#![expect(clippy::disallowed_methods, reason = "files that a test lets a plugin play with")]

use std::{
    fs, io,
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixListener},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use apex_plugins::{ErrorKind, Kernel, PluginManager};
use apex_plugins_tests::Publisher;
use serde_json::json;

use super::{PROBE, call, grants, host, lay_out};

/// What somebody must have been granted to do a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Read,
    Write,
    ReadAndWrite,
    Connect,
    Listen,
    Spawn,
    /// There is no grant for it.
    Never,
}

/// What the kernel denies it by; without it, it cannot be tested that it is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Landlock,
    /// Landlock's rules of ports, where a port of that kind is granted, and the filter else.
    Port(Needs),
    Filter,
}

struct Attempt {
    what: &'static str,
    target: String,
    other: String,
    needs: Needs,
    by: By,
}

/// The world that is tried on: a place that is granted, one beside it, and listeners.
struct World {
    _room: tempfile::TempDir,
    root: PathBuf,
    granted: PathBuf,
    beside: PathBuf,
    _listeners: ([TcpListener; 4], UnixListener, UnixListener),
    ports: [u16; 4],
    unix: PathBuf,
    abstract_name: String,
    publisher: Publisher,
}

impl World {
    fn new() -> Self {
        let room = tempfile::tempdir().unwrap();
        let base = room.path().canonicalize().unwrap();
        let (granted, beside) = (base.join("granted"), base.join("granted-not"));
        // Kept by this test, so that nobody else takes one meanwhile: who may listen there finds it taken.
        let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let unix = base.join("socket");
        let abstract_name = format!("apex-probe-{}-{}", std::process::id(), ports[0]);
        let at_path = UnixListener::bind(&unix).unwrap();
        let name = SocketAddr::from_abstract_name(&abstract_name).unwrap();
        let listeners = (held, at_path, UnixListener::bind_addr(&name).unwrap());
        let (publisher, root) = (Publisher::new(), base.join("plugins"));
        let path = |path: &Path| path.display().to_string();
        let mut asked = vec!["process.spawn".to_owned(), "env:GRANTED".to_owned(), "env:GRANTED_NOT".to_owned()];
        for directory in [&granted, &beside] {
            asked.extend([format!("fs.read:{}", path(directory)), format!("fs.write:{}", path(directory))]);
        }
        asked.extend(ports[..2].iter().map(|port| format!("net.connect:{port}")));
        asked.extend(ports[2..].iter().map(|port| format!("net.listen:{port}")));
        lay_out(&publisher, &root, PROBE, &asked, &[]);
        Self { _room: room, root, granted, beside, _listeners: listeners, ports, unix, abstract_name, publisher }
    }

    /// Both places as they are before each round of attempts.
    fn reset(&self) {
        for directory in [&self.granted, &self.beside] {
            if directory.exists() {
                fs::remove_dir_all(directory).unwrap();
            }
            fs::create_dir(directory).unwrap();
            for name in ["read", "overwrite", "truncate", "rename", "remove", "link", "mode", "source", "outward"] {
                fs::write(directory.join(name), name).unwrap();
            }
        }
    }

    /// Everything that is tried, on the place that may be granted, or on what never is.
    fn attempts(&self) -> Vec<Attempt> {
        let at = |name: &str| self.granted.join(name).display().to_string();
        let beside = |name: &str| self.beside.join(name).display().to_string();
        let [connect, _, listen, _] = self.ports.map(|port| port.to_string());
        let process = std::process::id().to_string();
        let (files, filter) = (By::Landlock, By::Filter);
        use Needs::{Connect, Listen, Never, Read, ReadAndWrite, Spawn, Write};
        let row = |what, target: &str, other: &str, needs, by| Attempt {
            what,
            target: target.to_owned(),
            other: other.to_owned(),
            needs,
            by,
        };
        let one = |what, target: &str, needs, by| row(what, target, "", needs, by);
        vec![
            one("read", &at("read"), Read, files),
            one("list", &at(""), Read, files),
            one("create", &at("new"), Write, files),
            one("overwrite", &at("overwrite"), Write, files),
            one("truncate", &at("truncate"), Write, files),
            one("make_directory", &at("directory"), Write, files),
            row("rename", &at("rename"), &at("renamed"), Write, files),
            row("link", &at("link"), &at("linked"), Write, files),
            one("remove", &at("remove"), Write, files),
            row("copy", &at("source"), &at("copied"), ReadAndWrite, files),
            // Out of what is granted and into it.
            row("rename", &at("outward"), &beside("moved"), Never, files),
            row("rename", &beside("outward"), &at("moved"), Never, files),
            row("link", &beside("link"), &at("taken"), Never, files),
            one("read", "/etc/passwd", Never, files),
            one("read", &at("../granted-not/read"), Never, files),
            one("list", "/proc", Never, files),
            one("look_into", &process, Never, files),
            one("change_mode", &at("mode"), Never, filter),
            one("change_mode", &beside("mode"), Never, filter),
            one("connect", &connect, Connect, filter),
            one("fast_open", &connect, Never, filter),
            one("listen", &listen, Listen, filter),
            one("connect", &self.ports[1].to_string(), Never, By::Port(Connect)),
            one("listen", &self.ports[3].to_string(), Never, By::Port(Listen)),
            one("send_datagram", &connect, Never, filter),
            one("connect_unix", &self.unix.display().to_string(), Never, filter),
            one("connect_abstract", &self.abstract_name, Never, filter),
            one("listen_unix", &at("own-socket"), Never, filter),
            one("listen_abstract", &format!("{}-own", self.abstract_name), Never, filter),
            one("pair_of_datagrams", "", Never, filter),
            one("fork", "", Spawn, filter),
            one("execute", "true", Spawn, filter),
            one("shell", "", Spawn, filter),
            one("signal", &process, Never, filter),
            one("trace", &process, Never, filter),
            one("ring", "", Never, filter),
            one("session", "", Never, filter),
            one("namespace", "", Never, filter),
            one("identity", "", Never, filter),
            one("raise_limit", "", Never, filter),
        ]
    }

    async fn plugins(&self, granted: &[String]) -> PluginManager {
        let variables = [("GRANTED", "yes"), ("GRANTED_NOT", "no"), ("LD_PRELOAD", "x")];
        let built = host(&self.publisher, &self.root).grants(grants(&[(PROBE, granted)])).variables(variables);
        built.build().await.unwrap()
    }

    /// Tries everything under some grants; only what these needs are met by may succeed.
    async fn round(&self, name: &str, granted: &[String], met: &[Needs]) {
        self.reset();
        let (plugins, kernel) = (self.plugins(granted).await, Kernel::current());
        for Attempt { what, target, other, needs, by } in self.attempts() {
            let can_be_denied = match by {
                By::Landlock => kernel.landlock() > 0,
                // Who was granted no port at all gets no socket for it, and needs no rule of ports.
                By::Port(needs) => kernel.landlock() >= 4 || (kernel.filters() && !met.contains(&needs)),
                By::Filter => kernel.filters(),
            };
            let is_met = match needs {
                Needs::ReadAndWrite => met.contains(&Needs::Read) && met.contains(&Needs::Write),
                needs => met.contains(&needs),
            };
            if !is_met && !can_be_denied {
                assert!(
                    !kernel.gaps(&parsed(granted)).is_empty(),
                    "{name}: {what}: nobody is told that it is not denied"
                );
                println!("not tested on this kernel: that `{what}` is denied");
                continue;
            }
            let params = json!({"what": what, "target": target, "other": other});
            let result = call(&plugins, PROBE, "attempt", params).await;
            let label = format!("{name}: {what} {target} {other}");
            match (is_met, result) {
                (true, Ok(done)) => assert_eq!(done, json!("done"), "{label}"),
                (false, Err(error)) => {
                    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{label}: {error:?}");
                    let hint = error.hint().unwrap_or_default();
                    for one in granted {
                        assert!(hint.contains(one), "{label}: the hint does not name {one}: {hint}");
                    }
                    assert!(hint.contains("apex grant "), "{label}: {hint}");
                }
                (true, Err(error)) => panic!("{label}: denied although it is granted: {error:?}"),
                (false, Ok(done)) => panic!("{label}: allowed although it is not granted: {done}"),
            }
        }
        let report = plugins.shutdown(Duration::from_secs(5)).await;
        assert!(report.leftovers.is_empty(), "{name}: {report:?}");
    }
}

fn parsed(texts: &[String]) -> Vec<apex_plugins::Permission> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// Rows 42, 76, 81, 89.
#[tokio::test]
async fn each_forbidden_thing_is_allowed_exactly_where_it_is_granted() {
    let world = World::new();
    let (granted, beside) = (world.granted.display(), world.beside.display());
    let [connect, near_connect, listen, near_listen] = world.ports;
    world.round("no grant", &[], &[]).await;
    for (name, grants, met) in [
        ("reading", vec![format!("fs.read:{granted}")], vec![Needs::Read]),
        ("writing", vec![format!("fs.write:{granted}")], vec![Needs::Write]),
        (
            "reading and writing",
            vec![format!("fs.read:{granted}"), format!("fs.write:{granted}")],
            vec![Needs::Read, Needs::Write],
        ),
        ("connecting", vec![format!("net.connect:{connect}")], vec![Needs::Connect]),
        ("listening", vec![format!("net.listen:{listen}")], vec![Needs::Listen]),
        ("starting programs", vec!["process.spawn".to_owned()], vec![Needs::Spawn]),
    ] {
        world.round(name, &grants, &met).await;
    }
    // What misses narrowly: the directory beside, another port, reading for writing.
    let near = [format!("fs.read:{granted}/read/none"), "env:GRANTED_NOT".to_owned()];
    world.round("near misses", &near, &[]).await;
    for (name, port) in [("net.connect", near_connect), ("net.listen", near_listen)] {
        near_port(&world, name, port).await;
    }
    near_directory(&world, &beside.to_string()).await;
}

/// A grant for one port is none for another.
async fn near_port(world: &World, name: &str, port: u16) {
    let plugins = world.plugins(&[format!("{name}:{port}")]).await;
    let what = if name == "net.connect" { "connect" } else { "listen" };
    let asked = if what == "connect" { world.ports[0] } else { world.ports[2] };
    let attempt = |port: u16| call(&plugins, PROBE, "attempt", json!({"what": what, "target": port.to_string()}));
    assert_eq!(attempt(port).await.unwrap(), json!("done"), "{name}");
    if Kernel::current().landlock() >= 4 {
        assert_eq!(attempt(asked).await.unwrap_err().kind(), ErrorKind::PermissionDenied, "{name}");
    } else {
        println!("not tested on this kernel: that {name} holds for its port alone");
    }
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}

/// A grant for one directory is none for one whose name begins with its name.
async fn near_directory(world: &World, beside: &str) {
    world.reset();
    let plugins = world.plugins(&[format!("fs.read:{beside}"), format!("fs.write:{beside}")]).await;
    if Kernel::current().landlock() == 0 {
        println!("not tested on this kernel: that a grant holds for its directory alone");
        return;
    }
    for (what, name) in [("read", "read"), ("list", ""), ("create", "new"), ("remove", "remove")] {
        let attempt =
            |directory: &Path| call(&plugins, PROBE, "attempt", json!({"what": what, "target": directory.join(name)}));
        assert_eq!(attempt(&world.beside).await.unwrap(), json!("done"), "{what}");
        assert_eq!(attempt(&world.granted).await.unwrap_err().kind(), ErrorKind::PermissionDenied, "{what}");
    }
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}

/// Row 42, and what else of the host's environment reaches a plugin.
#[tokio::test]
async fn a_plugin_has_the_variables_that_it_is_granted_and_no_others() {
    let world = World::new();
    world.reset();
    let plugins = world.plugins(&["env:GRANTED".to_owned()]).await;
    for (name, expected) in [
        ("GRANTED", json!("yes")),
        ("GRANTED_NOT", json!(null)),
        ("LD_PRELOAD", json!(null)),
        ("LD_LIBRARY_PATH", json!(null)),
        ("HOME", json!(null)),
        ("PATH", json!(null)),
    ] {
        assert_eq!(call(&plugins, PROBE, "variable", json!({"name": name})).await.unwrap(), expected, "{name}");
    }
    let scratch = call(&plugins, PROBE, "variable", json!({"name": "TMPDIR"})).await.unwrap();
    let scratch = PathBuf::from(scratch.as_str().unwrap());
    let inside = scratch.join("kept");
    let make = call(&plugins, PROBE, "attempt", json!({"what": "create", "target": inside})).await;
    assert_eq!(make.unwrap(), json!("done"), "its temporary directory is its own");
    assert!(inside.exists());
    drop(plugins.shutdown(Duration::from_secs(5)).await);
    drop(plugins);
    let is_gone = || matches!(fs::metadata(&scratch), Err(error) if error.kind() == io::ErrorKind::NotFound);
    for _ in 0..6000 {
        if is_gone() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the temporary directory outlives its process");
}

/// What needs no process of its own to be denied, and would replace it if it were not.
#[tokio::test]
async fn a_file_in_memory_is_not_executed_and_another_word_size_does_not_exist() {
    let world = World::new();
    let plugins = world.plugins(&[]).await;
    let attempt = |what: &str| call(&plugins, PROBE, "attempt", json!({"what": what}));
    if !Kernel::current().filters() {
        println!("not tested on this kernel: system calls are not filtered");
        return;
    }
    assert_eq!(attempt("execute_memory").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(attempt("signal_group").await.unwrap_err().kind(), ErrorKind::PermissionDenied);
    if cfg!(target_arch = "x86_64") {
        let error = attempt("other_words").await.unwrap_err();
        assert!(format!("{error:?}").contains("not implemented"), "{error:?}");
    }
    drop(plugins.shutdown(Duration::from_secs(5)).await);
}
