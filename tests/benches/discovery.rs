//! Warm and cold discovery against what the file system and hashing alone take: performance goals P1, P2, P4 and
//! P14.
//!
//! `cargo xtask bench` puts `b3sum` into `target/tools`; otherwise the one on the search path is taken, and without
//! either P2 stands without its anchor. All files lie in the page cache.
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where it fails; criterion writes the rest")]
#![expect(clippy::print_stderr, reason = "a missing anchor is said")]
#![cfg(target_os = "linux")]

use std::{
    ffi::CString,
    hint::black_box,
    num::NonZeroUsize,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use apex_discover::{Assess, Assessment, Cache, Candidate, Changes, Discovery, Options, Overrides, Root};
use apex_meta::Document;
use apex_plugins::PluginManager;
use apex_plugins_tests::{apex, forest};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::executor::block_on;
use rustix::fs::{AtFlags, CWD, StatxFlags, statx};

/// Finds nothing out and lets everything pass, so that discovery itself is measured.
struct Pass;

impl Assess for Pass {
    type Facts = ();

    fn examine(&self, _candidate: &Candidate, _document: &Document) {}

    fn judge(&self, group: &[(&Candidate, &())]) -> Vec<Assessment> {
        group.iter().map(|_| Assessment::accepted()).collect()
    }

    fn store_facts(&self, _facts: &()) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn restore_facts(&self, _stored: &[u8]) -> Option<()> {
        Some(())
    }
}

/// So that what has just been planted counts as settled.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3_600)
}

/// Every file and directory below a root, as the system takes paths.
fn paths(root: &Path) -> Vec<CString> {
    let mut paths = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir().unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            paths.push(CString::new(path.as_os_str().as_bytes()).unwrap());
            if entry.file_type().unwrap().is_dir() {
                directories.push(path);
            }
        }
    }
    paths.sort();
    paths
}

fn warm(criterion: &mut Criterion) {
    let temp = tempfile::tempdir().unwrap();
    let (root, cache) = (temp.path().join("root"), temp.path().join("cache"));
    forest::plant(&root, 10_000, 5, 64);
    let paths = paths(&root);
    let roots = vec![Root::new(&root)];
    let scan = |threads: Option<usize>| {
        let options = Options::default().cache(Cache::new(&cache)).clock(later);
        let options = match threads {
            Some(threads) => options.threads(NonZeroUsize::new(threads).unwrap()),
            None => options,
        };
        Discovery::new(roots.clone(), options).scan(&Pass, &Overrides::empty())
    };
    assert_eq!(scan(None).entries().len(), 10_000);

    let mut group = criterion.benchmark_group("P1 warm discovery, 10,000 plugins of 6 files");
    group.sample_size(20).throughput(Throughput::Elements(10_000));
    group.bench_function("anchor: statx of the same paths, one thread", |bencher| {
        bencher.iter(|| {
            for path in &paths {
                black_box(statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS).unwrap());
            }
        });
    });
    group.bench_function("scan, one thread", |bencher| bencher.iter(|| black_box(scan(Some(1)))));
    group.bench_function("anchor: find, all cores", |bencher| {
        bencher.iter(|| {
            let mut find = Command::new("find");
            find.arg(&root).args(["-type", "f", "-printf", "%T@ %C@ %s %i\n"]).stdout(Stdio::null());
            assert!(find.status().unwrap().success());
        });
    });
    group.bench_function("scan, all cores", |bencher| bencher.iter(|| black_box(scan(None))));
    group.bench_function("scan with trust, all cores", |bencher| {
        let cache = temp.path().join("trusted");
        let build = || block_on(PluginManager::builder().root(&root).cache(&cache).clock(later).build()).unwrap();
        build();
        bencher.iter(|| black_box(build()));
    });
    group.finish();
}

fn b3sum() -> Option<PathBuf> {
    let own = apex_plugins_tests::target_directory().join("tools/bin/b3sum");
    let works = |path: &Path| {
        let mut command = Command::new(path);
        command.arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    [own, "b3sum".into()].into_iter().find(|path| works(path))
}

fn cold(criterion: &mut Criterion) {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("root");
    let files = forest::plant(&root, 10_000, 5, 16 << 10);
    let list = temp.path().join("files");
    let names: Vec<u8> = files.iter().flat_map(|path| [path.as_os_str().as_bytes(), b"\n"].concat()).collect();
    std::fs::File::create_new(&list).and_then(|mut file| std::io::Write::write_all(&mut file, &names)).unwrap();
    let mut group = criterion.benchmark_group("P2 cold discovery, 10,000 plugins of 5 files of 16 KiB");
    group.sample_size(10).throughput(Throughput::Elements(10_000));
    match b3sum() {
        None => eprintln!("there is no b3sum: P2 stands without its anchor"),
        Some(b3sum) => {
            group.bench_function("anchor: b3sum", |bencher| {
                bencher.iter(|| {
                    // By a list, since so many names fit on no command line.
                    let mut xargs = Command::new("xargs");
                    xargs.arg("-a").arg(&list).arg(&b3sum).stdout(Stdio::null());
                    assert!(xargs.status().unwrap().success());
                });
            });
        }
    }
    let ready = |manager: &PluginManager| manager.catalogue().count(apex_plugins::Status::Ready);
    group.bench_function("without a cache", |bencher| {
        bencher.iter(|| {
            let manager = block_on(PluginManager::builder().root(&root).build()).unwrap();
            assert_eq!(ready(&manager), 10_000);
        });
    });
    group.bench_function("with a cache that is made", |bencher| {
        bencher.iter(|| {
            let cache = tempfile::tempdir_in(temp.path()).unwrap();
            let builder = PluginManager::builder().root(&root).cache(cache.path()).clock(later);
            assert_eq!(ready(&block_on(builder.build()).unwrap()), 10_000);
        });
    });
    group.finish();
}

/// What it takes to follow one changed plugin, and to tell what changed, among ever more of them.
#[expect(clippy::disallowed_methods, reason = "no edit of a benchmark has to survive a crash")]
fn follow(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("P4 one changed plugin is followed");
    for count in [100_usize, 1_000, 10_000] {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap().join("root");
        forest::plant(&root, count, 5, 64);
        let options = Options::default().remember().clock(later);
        let mut discovery = Discovery::new(vec![Root::new(&root)], options);
        let mut known = discovery.scan(&Pass, &Overrides::empty());
        let name = format!("com.acme.plugin{}", count / 2);
        let changes = Changes::In([(root.clone(), name.clone().into())].into());
        let (beside, manifest) = (temp.path().join("beside"), root.join(&name).join("1.0.0/plugin.json"));
        // Another version would not fit its directory any more, which is a second change.
        let described = "Does things, as many as it is asked for.";
        assert!(forest::manifest(count / 2, "").contains(described));
        let mut round = 0_u32;
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                round += 1;
                let description = format!("Does things in its revision {round}.");
                let text = forest::manifest(count / 2, &"0".repeat(64)).replace(described, &description);
                // A file of its own: an edit in place may leave no trace within a tick of the file system's clock.
                std::fs::File::create(&beside)
                    .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
                    .and_then(|()| std::fs::rename(&beside, &manifest))
                    .unwrap();
                let now = discovery.update(&changes, &Pass, &Overrides::empty());
                assert_eq!(now.changes_since(&known).len(), 1);
                known = now;
            });
        });
    }
    group.finish();
}

fn list(criterion: &mut Criterion) {
    let temp = tempfile::tempdir().unwrap();
    let (root, apex) = (temp.path().join("root"), apex());
    forest::plant(&root, 100, 5, 64);
    // What has just been planted is not relied upon for two seconds.
    std::thread::sleep(Duration::from_secs(3));
    let spawn = |command: &mut Command| assert!(command.stdout(Stdio::null()).status().unwrap().success());
    let list = || spawn(Command::new(&apex).env("HOME", temp.path()).arg("--root").arg(&root).args(["list", "--json"]));
    list();
    let mut group = criterion.benchmark_group("P14 apex list, 100 plugins, warm, whole process");
    group.bench_function("anchor: true", |bencher| bencher.iter(|| spawn(&mut Command::new("true"))));
    group.bench_function("apex list", |bencher| bencher.iter(list));
    group.finish();
}

criterion_group!(benches, warm, cold, follow, list);
criterion_main!(benches);
