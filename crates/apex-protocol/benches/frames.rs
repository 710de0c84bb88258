//! Encoding and decoding, beside the copying of the same bytes.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use std::hint::black_box;

use apex_protocol::{ChunkForm, DEFAULT_MAX_BODY, Decoder, Message, Pack, Speaker};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Decodes everything, and looks at each chunk.
fn decode(bytes: &[u8]) -> usize {
    let mut decoder = Decoder::new(Speaker::Child, DEFAULT_MAX_BODY);
    let mut total = 0;
    for piece in bytes.chunks(64 << 10) {
        decoder.feed(piece);
        while let Some(frame) = decoder.next_frame().unwrap() {
            total += match frame.message().unwrap() {
                Message::Answer(Some(bytes)) | Message::Chunk { bytes, .. } => bytes.len(),
                Message::Chunks(chunks) => chunks.iter().map(|(_, chunk)| chunk.len()).sum(),
                _ => 0,
            };
        }
    }
    total
}

fn frames(criterion: &mut Criterion) {
    let (value, large) = ([b'1'; 100], vec![7; 64 << 10]);
    let mut group = criterion.benchmark_group("protocol");

    group.throughput(Throughput::Elements(1000));
    let answers = |out: &mut Vec<u8>| {
        for number in 1..=1000 {
            Message::Answer(Some(&value)).write(out, number, DEFAULT_MAX_BODY).unwrap();
        }
    };
    let mut encoded = Vec::new();
    answers(&mut encoded);
    let mut out = Vec::with_capacity(encoded.len());
    group.bench_function("encode 1000 answers of 100 bytes", |bencher| {
        bencher.iter(|| {
            out.clear();
            answers(black_box(&mut out));
        });
    });
    group.bench_function("decode 1000 answers of 100 bytes", |bencher| bencher.iter(|| decode(black_box(&encoded))));
    group.bench_function("anchor: copy 1000 answers of 100 bytes", |bencher| {
        bencher.iter(|| black_box(&encoded).clone());
    });

    let pack = |out: &mut Vec<u8>| {
        let mut pack = Pack::begin(out, 1, DEFAULT_MAX_BODY);
        (0..1000).for_each(|_| pack.push(ChunkForm::Json, b"123456").unwrap());
    };
    let mut packed = Vec::new();
    pack(&mut packed);
    group.bench_function("encode 1000 packed chunks", |bencher| {
        bencher.iter(|| {
            out.clear();
            pack(black_box(&mut out));
        });
    });
    group.bench_function("decode 1000 packed chunks", |bencher| bencher.iter(|| decode(black_box(&packed))));

    group.throughput(Throughput::Bytes(64 << 10));
    let mut chunk = Vec::new();
    Message::Chunk { form: ChunkForm::Bytes, bytes: &large }.write(&mut chunk, 1, DEFAULT_MAX_BODY).unwrap();
    group.bench_function("decode a chunk of 64 KiB", |bencher| bencher.iter(|| decode(black_box(&chunk))));
    group.bench_function("anchor: copy 64 KiB", |bencher| bencher.iter(|| black_box(&chunk).clone()));
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
