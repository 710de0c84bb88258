//! Cold discovery of 1,000 plugins, against reading the same manifests with nothing done to them.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods, reason = "a benchmark")]

use std::{
    fs,
    hint::black_box,
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use apex_discover::{Assess, Assessment, Candidate, Options, Overrides, Root, discover_with};
use apex_meta::{Document, EntryPoint};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const PLUGINS: u64 = 1_000;

/// Finds nothing out and lets everything pass, so that discovery itself is measured.
struct Pass;

impl Assess for Pass {
    type Facts = ();

    fn examine(&self, _candidate: &Candidate, _document: &Document) {}

    fn judge(&self, group: &[(&Candidate, &())]) -> Vec<Assessment> {
        group.iter().map(|_| Assessment::accepted()).collect()
    }
}

fn plant(root: &Path) -> Vec<PathBuf> {
    let library = "things::Things".parse::<EntryPoint>().unwrap().library_file_name().unwrap();
    (0..PLUGINS)
        .map(|number| {
            let directory = root.join(format!("com.acme.plugin{number}/1.0.0"));
            fs::create_dir_all(&directory).unwrap();
            for file in [&library, "README.md", "icon.svg", "data.bin"] {
                fs::write(directory.join(file), b"content").unwrap();
            }
            let manifest = format!(
                r#"{{
                    "name": "Plugin {number}", "id": "com.acme.plugin{number}", "version": "1.0.0",
                    "description": "Does things.", "author": "Acme", "entry_point": "things::Things",
                    "tags": ["things", "bench"],
                    "actions": [
                        {{"name": "act", "description": "Acts.", "parameters": [
                            {{"name": "what", "type": "string", "description": "On what.", "required": true}},
                            {{"name": "times", "type": "integer", "minimum": 1, "default": 1}}
                        ]}},
                        {{"name": "watch", "description": "Watches.", "returns_stream": true,
                          "stream_metadata": {{"content_type": "text/plain"}}}}
                    ]
                }}"#
            );
            let path = directory.join("plugin.json");
            fs::write(&path, manifest).unwrap();
            path
        })
        .collect()
}

fn scan(criterion: &mut Criterion) {
    let temp = tempfile::tempdir().unwrap();
    let manifests = plant(temp.path());
    let roots = [Root::new(temp.path())];
    let mut group = criterion.benchmark_group("discover 1,000 plugins, cold");
    group.sample_size(20).throughput(Throughput::Elements(PLUGINS));
    group.bench_function("anchor: read the manifests", |bencher| {
        bencher.iter(|| manifests.iter().map(|path| fs::read(path).unwrap().len()).sum::<usize>());
    });
    let one = Options::default().threads(NonZeroUsize::MIN);
    for (name, options) in [("one thread", one), ("all cores", Options::default())] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(discover_with(&roots, &Pass, &Overrides::empty(), &options)));
        });
    }
    group.finish();
}

criterion_group!(benches, scan);
criterion_main!(benches);
