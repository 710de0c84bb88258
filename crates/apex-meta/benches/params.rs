//! What it costs to validate the parameters of a call.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use apex_meta::{Action, SchemaValidator};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

fn parameters(criterion: &mut Criterion) {
    let action: Action = serde_json::from_value(json!({
        "name": "send_email", "description": "Sends an e-mail.",
        "parameters": [
            {"name": "to", "type": "string", "required": true, "minLength": 3},
            {"name": "subject", "type": "string", "required": true, "maxLength": 200},
            {"name": "body", "type": "string", "required": true},
            {"name": "cc", "type": "array", "items": {"type": "string"}, "default": []},
            {"name": "priority", "type": "integer", "minimum": 1, "maximum": 5, "default": 3},
        ],
    }))
    .unwrap();
    let schema = action.parameters_object_schema();
    let validator = SchemaValidator::compile(&schema).unwrap();
    let good = json!({
        "to": "ada@example.com", "subject": "Greetings", "body": "Hello!", "cc": ["bob@example.com"], "priority": 2,
    });
    let bad = json!({"to": "ada@example.com", "subject": "Greetings", "cc": ["bob@example.com"], "priority": 9});
    assert!(validator.is_valid(&good) && !validator.is_valid(&bad));
    let mut group = criterion.benchmark_group("parameters of 5 fields");
    group.bench_function("validate", |bencher| bencher.iter(|| validator.validate(black_box(&good)).unwrap()));
    group.bench_function("fill defaults in, none missing, and validate", |bencher| {
        let mut params = good.clone();
        bencher.iter(|| {
            validator.fill_defaults(black_box(&mut params));
            validator.validate(&params).unwrap();
        });
    });
    group.bench_function("refuse, listing every violation", |bencher| {
        bencher.iter(|| validator.validate(black_box(&bad)).unwrap_err());
    });
    group.bench_function("compile", |bencher| bencher.iter(|| SchemaValidator::compile(black_box(&schema)).unwrap()));
    group.finish();
}

criterion_group!(benches, parameters);
criterion_main!(benches);
