//! Writes the binary seeds of the fuzz targets: `cargo run -p apex-plugins-tests --example fuzz_seeds`.
//!
//! The texts among the seeds are written by hand; archives and libraries are made here, the same in each run.
#![expect(clippy::disallowed_methods, reason = "seeds can be made again")]

use std::{error::Error, fs, path::Path};

use apex_protocol::{ChunkForm, DEFAULT_MAX_BODY, Failure, Hello, Message, Pack};

use apex_plugins_tests::{
    minimal_elf::{DT_NEEDED, MinimalElf, SEGMENT_HEADER, TABLE, TABLE_HEADER},
    workspace_root,
};

/// `kind` of the target `archive`: a tar that is compressed by the target.
const TAR: u8 = 0;
/// `kind` of the target `archive`: a finished frame.
const FRAME: u8 = 1;

#[path = "../../fuzz/src/cache.rs"]
#[allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared with the fuzz target")]
mod cache;

fn main() -> Result<(), Box<dyn Error>> {
    let seeds = workspace_root().join("fuzz/seeds");
    for (name, library) in libraries() {
        fs::write(seeds.join("elf").join(name), library)?;
    }
    for (name, archive) in archives()? {
        fs::write(seeds.join("archive").join(name), archive)?;
    }
    for (name, file) in caches() {
        fs::create_dir_all(seeds.join("cache"))?;
        fs::write(seeds.join("cache").join(name), file)?;
    }
    for (name, stream) in streams()? {
        fs::write(seeds.join("protocol").join(name), stream)?;
    }
    for (name, bundle) in bundles() {
        fs::write(seeds.join("bundle").join(name), bundle)?;
    }
    Ok(())
}

/// Seeds by their names.
type Seeds = Vec<(&'static str, Vec<u8>)>;

fn caches() -> Seeds {
    const UNITS: u8 = 1;
    const FINDS: u8 = 2;
    let of = |kind: u8, rest: &[u8]| [&[kind], rest].concat();
    let finds = |plant: &dyn Fn(&Path)| of(FINDS, &cache::finds(plant));
    let unit = |name: &[u8]| {
        let mut unit = vec![0; 12];
        unit.extend([u8::try_from(name.len()).unwrap_or(0), 0]);
        unit.extend(name);
        unit.extend([0; 5]);
        [&1_u32.to_le_bytes()[..], &u32::try_from(unit.len()).unwrap_or(0).to_le_bytes(), &unit].concat()
    };
    vec![
        ("candidate", finds(&|root| cache::plant(&root.join("a"), cache::MANIFEST))),
        ("versioned", finds(&|root| cache::plant(&root.join("a/1.0.0"), cache::MANIFEST))),
        ("invalid", finds(&|root| cache::plant(&root.join("a"), r#"{"id": "com.acme.a", "version": 1}"#))),
        ("nothing", finds(&|root| fs::create_dir(root.join("a")).unwrap_or_default())),
        ("no_unit", of(UNITS, &[0; 4])),
        ("name_alone", of(UNITS, &unit(b"a"))),
        ("name_above", of(UNITS, &unit(b".."))),
        ("many_units", of(UNITS, &[0xff; 12])),
        ("magic", of(0, b"APXC\x01\0\0\0")),
    ]
}

fn libraries() -> Seeds {
    let ordinary = || MinimalElf::new().naming(DT_NEEDED, "libc.so.6").naming(DT_NEEDED, "libm.so.6");
    let with = |at: usize, bytes: &[u8]| {
        let mut library = ordinary().build();
        library[at..at + bytes.len()].copy_from_slice(bytes);
        library
    };
    vec![
        ("ordinary", ordinary().build()),
        ("needs_nothing", MinimalElf::new().build()),
        ("content", MinimalElf::with_content(&[7; 600])),
        ("runpath", ordinary().naming(29, "$ORIGIN").build()),
        ("audit", ordinary().naming(0x6fff_fefc, "libaudit.so").build()),
        ("foreign", ordinary().naming(DT_NEEDED, "libevil.so").build()),
        ("two_name_lists", ordinary().entry(5, TABLE as u64).build()),
        ("other_machine", with(18, &[0x28])),
        ("program", with(16, &[2])),
        ("segment_moved", with(SEGMENT_HEADER + 16, &[0, 0x10])),
        ("table_elsewhere", with(TABLE_HEADER + 8, &[0])),
        ("long_segment", with(SEGMENT_HEADER + 40, &[0xff, 0xff])),
        ("cut", ordinary().build()[..TABLE + 20].to_vec()),
        ("text", b"#!/bin/sh\nexit 0\n".to_vec()),
    ]
}

fn archives() -> Result<Seeds, Box<dyn Error>> {
    let room = tempfile::tempdir()?;
    let (plugin, package) = (room.path().join("plugin"), room.path().join("plugin.apexpkg"));
    write(&plugin.join("lib/libplugin.so"), &[7; 700])?;
    write(&plugin.join("plugin.json"), b"{}")?;
    write(&plugin.join("resources/a.txt"), b"a")?;
    apex_package::pack(&plugin, &package)?;
    let frame = fs::read(&package)?;
    let tar = zstd::decode_all(&frame[..])?;
    let with = |at: usize, bytes: &[u8]| {
        let mut tar = tar.clone();
        tar[at..at + bytes.len()].copy_from_slice(bytes);
        of_kind(TAR, &tar)
    };
    let two_frames = [&frame[..], &frame[..]].concat();
    Ok(vec![
        ("tar", of_kind(TAR, &tar)),
        ("frame", of_kind(FRAME, &frame)),
        ("two_frames", of_kind(FRAME, &two_frames)),
        ("frame_cut", of_kind(FRAME, &frame[..frame.len() / 2])),
        ("tar_cut", of_kind(TAR, &tar[..tar.len() - 512])),
        ("escape", with(0, b"../")),
        ("link", with(156, b"2/tmp\0")),
        ("extended_header", with(156, b"x")),
        ("setuid", with(100, b"0004755")),
        ("huge", with(124, b"77777777777")),
        ("executable", with(100, b"0000755")),
        ("installer", with(0, b".apex/libplugin.so\0")),
        ("trailing", of_kind(TAR, &[&tar[..], &[0; 512]].concat())),
    ])
}

/// `how` of the target `protocol`: a child or the host speaks, and the stream is cut into pieces of 21 or 8 bytes.
const CHILD: u8 = 40;
const HOST: u8 = 15;

fn streams() -> Result<Seeds, Box<dyn Error>> {
    let said = |how: u8, messages: &[(u64, Message<'_>)]| -> Result<Vec<u8>, Box<dyn Error>> {
        let mut stream = vec![how];
        for (number, message) in messages {
            message.write(&mut stream, *number, DEFAULT_MAX_BODY)?;
        }
        Ok(stream)
    };
    let failure = || Failure { kind: 3, message: "no", details: b"{}", causes: vec!["because", "of it"] };
    let call = |is_stream| Message::Call {
        action: "greet",
        is_stream,
        is_blocking: false,
        remaining_ms: Some(5000),
        context: b"{}",
        params: br#"{"who":"Ada"}"#,
    };
    let start = Message::Start { entry_point: "greeter::Greeter", log_level: 3, configuration: b"{}" };
    let answers = [
        (1, Message::Answer(None)),
        (2, Message::Progress { percentage: Some(50.0), message: "half", details: b"{}" }),
        (2, Message::Log { level: 3, target: "greeter", message: "hello", fields: b"{}" }),
        (2, Message::Answer(Some(br#""Hello, Ada""#))),
        (3, Message::Chunk { form: ChunkForm::Bytes, bytes: b"chunk" }),
        (3, Message::Failure(failure())),
        (5, Message::SlowPoll { micros: 1500 }),
    ];
    let questions = [
        (7, Message::LoadState { call: 2, scope: "user" }),
        (8, Message::SaveState { call: 2, expected: 1, scope: "user", data: b"{}" }),
        (9, Message::CallPlugin { call: 2, plugin: "com.acme.base", action: "greet", params: b"{}" }),
        (10, Message::ReadResource { call: 2, path: "resources/words.txt" }),
    ];
    let asked = [
        (1, start),
        (2, call(false)),
        (3, call(true)),
        (3, Message::Credit { chunks: 8 }),
        (7, Message::State { record: Some((1, b"{}")) }),
        (8, Message::StateFailure(failure())),
        (9, Message::Called(br#""Hello""#)),
        (10, Message::Resource(b"one two")),
        (4, Message::Migrate { from: "1.0.0", state: b"{}" }),
        (2, Message::Cancel),
        (2, Message::Abort),
        (5, Message::Ping),
        (6, Message::Shutdown),
    ];
    let (mut hello, mut packed) = (vec![CHILD], vec![CHILD]);
    Hello::new(DEFAULT_MAX_BODY).write(&mut hello)?;
    let mut pack = Pack::begin(&mut packed, 3, DEFAULT_MAX_BODY);
    pack.push(ChunkForm::Json, b"1")?;
    pack.push(ChunkForm::Bytes, b"two")?;
    drop(pack);
    let mut unknown = said(CHILD, &answers)?;
    unknown[1 + 4] = 0xee;
    let mut long = said(HOST, &asked)?;
    long[1 + 3] = 0xff;
    Ok(vec![
        ("answers", said(CHILD, &answers)?),
        ("questions", said(CHILD, &questions)?),
        ("asked", said(HOST, &asked)?),
        ("wrong_speaker", said(CHILD, &asked)?),
        ("hello", hello),
        ("packed", packed),
        ("unknown_kind", unknown),
        ("oversized", long),
    ])
}

fn of_kind(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

fn write(path: &Path, content: &[u8]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(path.parent().ok_or("a file stands in a directory")?)?;
    Ok(fs::write(path, content)?)
}

fn bundles() -> Seeds {
    let lock: &[u8] = b"{\"format\": \"apex-lock/1\", \"plugins\": []}\n";
    let index: &[u8] = b"{\"format\": \"apex-index/1\", \"packages\": []}\n";
    let ordinary = || bundle(&[("apex.lock", lock), ("index.json", index)]);
    let with_end = |end: &[u8]| [ordinary().as_slice(), end].concat();
    vec![
        ("ordinary", ordinary()),
        ("trailing", with_end(b"more")),
        ("cut", ordinary()[..ordinary().len() - 5].to_vec()),
        ("unsorted", bundle(&[("index.json", index), ("apex.lock", lock)])),
        ("twice", bundle(&[("apex.lock", lock), ("apex.lock", lock)])),
        ("escape", bundle(&[("../apex.lock", lock)])),
        ("directory", bundle(&[("apex.lock", lock), ("d/index.json", index)])),
        ("changed", ordinary().iter().map(|byte| if *byte == b'[' { b'{' } else { *byte }).collect()),
        ("long_header", [b"apex-bundle/1\n".as_slice(), &u64::MAX.to_le_bytes()].concat()),
    ]
}

fn bundle(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries: Vec<_> = files
        .iter()
        .map(|(name, content)| {
            let hash = blake3::hash(content).to_hex().to_string();
            serde_json::json!({ "name": name, "size": content.len(), "blake3": hash })
        })
        .collect();
    let header = serde_json::json!({ "format": "apex-bundle/1", "files": entries }).to_string();
    let mut bundle = b"apex-bundle/1\n".to_vec();
    bundle.extend_from_slice(&(header.len() as u64).to_le_bytes());
    bundle.extend_from_slice(header.as_bytes());
    files.iter().for_each(|(_, content)| bundle.extend_from_slice(content));
    bundle
}
