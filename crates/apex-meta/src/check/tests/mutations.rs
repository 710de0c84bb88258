//! Many thousand mutations of valid files, from a generator that costs next to nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{VALIDATOR, examine};
use super::agreement::{apply_plain, beyond_the_schema, places};
use super::manifest::full;
use crate::{Document, Severity, check};

/// SplitMix64 (Steele, Lea, Flood 2014): a fixed sequence, so that a failure comes again.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// Values of every type, and texts at the edges of the forms that members have.
fn values() -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.0),
        json!(1.5),
        json!(1e15),
        json!(9_007_199_254_740_991_u64),
        json!([]),
        json!({}),
        json!([null]),
        json!([""]),
        json!(["a"]),
        json!([[]]),
        json!([{}]),
        json!({"id": "a"}),
        json!({"id": "a", "version_specifier": "^1"}),
        json!({"name": "a"}),
        json!({"name": "a", "type": "null"}),
        json!({"name": "a", "description": "b"}),
        json!({"params": {}}),
        json!({"params": {}, "result": null}),
        json!({"type": "object"}),
        json!({"algorithm": "blake3", "value": "0".repeat(64)}),
        json!(["blake3", "0".repeat(64)]),
        json!({"method": "m", "key_id": "k", "value": "v"}),
        json!(["m", "k", "v"]),
        json!({"plugins": [], "python_libraries": []}),
    ];
    values.extend(
        [
            "",
            " ",
            "a",
            "A",
            "-",
            ".",
            "a.",
            ".a",
            "a..b",
            "a.b-c_d",
            "1",
            "1.0",
            "1.0.0",
            "v1.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-rc.1",
            "1.0.0+b.01",
            "1.0.0-01",
            "999999999.0.0",
            "1000000000.0.0",
            "a::B",
            "a::b::C",
            "a:B",
            "a.B",
            "a.b.C",
            "1a::B",
            "::",
            "a::",
            "../a",
            "/a",
            "a\\b",
            "a b",
            "\u{0}",
            "\n",
            "ä",
            "string",
            "object",
            "null",
            "str",
            "blake3",
            "sha256",
            "md5",
            "ed25519",
            "^1",
            ">=1,<2",
            "==1.*",
            "1 || 2",
            "*",
            "https://example.com",
            "assets/icon.svg",
            "MIT",
        ]
        .map(Value::from),
    );
    for text in [
        "0".repeat(63),
        "0".repeat(64),
        "0".repeat(65),
        "F".repeat(64),
        "a".repeat(128),
        "a".repeat(129),
        format!("1.0.0-{}", "a".repeat(122)),
        format!("1.0.0-{}", "a".repeat(123)),
        format!("a::{}", "b".repeat(197)),
        format!("a::{}", "b".repeat(198)),
    ] {
        values.push(text.into());
    }
    values
}

const KEYS: [&str; 41] = [
    "$schema",
    "id",
    "name",
    "version",
    "description",
    "author",
    "entry_point",
    "actions",
    "dependencies",
    "tags",
    "icon",
    "homepage",
    "license",
    "permissions_required",
    "configuration_schema",
    "checksum",
    "signature",
    "default_enabled",
    "api_version",
    "parameters",
    "parameters_schema",
    "returns",
    "returns_schema",
    "supports_progress_reporting",
    "returns_stream",
    "stream_metadata",
    "blocking",
    "timeout_ms",
    "read_only",
    "examples",
    "params",
    "result",
    "run",
    "type",
    "required",
    "plugins",
    "python_libraries",
    "version_specifier",
    "optional",
    "x-a",
    "unknown",
];

/// One random change, and what kind it was.
fn mutate(manifest: &mut Value, random: &mut Random, values: &[Value]) -> &'static str {
    let mut known = Vec::new();
    places(manifest, "", &mut known);
    let place = random.pick(&known);
    match random.below(6) {
        0 => apply_plain(manifest, &place, None, Some(random.pick(values))),
        1 => apply_plain(manifest, &place, None, None),
        2 => apply_plain(manifest, &place, Some(random.pick(&KEYS)), Some(random.pick(values))),
        3 => {
            // What stands in one place comes to stand in another.
            let other = manifest.pointer(&random.pick(&known)).unwrap().clone();
            apply_plain(manifest, &place, None, Some(other))
        }
        4 => {
            let other = manifest.pointer(&random.pick(&known)).unwrap().clone();
            apply_plain(manifest, &place, Some(random.pick(&KEYS)), Some(other))
        }
        _ => {
            let texts: Vec<_> = known.iter().filter(|at| manifest.pointer(at).unwrap().is_string()).cloned().collect();
            let Some(at) = (!texts.is_empty()).then(|| random.pick(&texts)) else { return "none" };
            let mut text: Vec<char> = manifest.pointer(&at).unwrap().as_str().unwrap().chars().collect();
            let position = random.below(text.len() + 1);
            match random.below(3) {
                0 => text.insert(
                    position,
                    random.pick(&['a', 'Z', '0', '.', '-', '_', ':', '+', '/', ' ', '\\', '\u{0}', 'ä', '*', ',']),
                ),
                1 if position < text.len() => _ = text.remove(position),
                _ if position < text.len() => {
                    text[position] = random.pick(&['A', 'z', '9', '.', '-', '_', ':', '=', 'é']);
                }
                _ => text.clear(),
            }
            *manifest.pointer_mut(&at).unwrap() = text.into_iter().collect::<String>().into();
            "edited"
        }
    }
}

/// The types, the published schema with the rules beyond it, and the check come to one verdict.
fn verdict(manifest: &Value) -> bool {
    let by_types = Document::from_value(manifest.clone());
    let by_schema = VALIDATOR.is_valid(manifest) && !beyond_the_schema(manifest);
    assert_eq!(by_types.is_ok(), by_schema, "{by_types:?}\n{:?}\n{manifest}", VALIDATOR.validate(manifest));
    by_schema
}

/// R1.2
#[test]
fn both_judges_agree_on_ten_thousand_mutations_of_every_kind() {
    let (mut random, values) = (Random(1), values());
    let (mut kinds, mut accepted) = (BTreeMap::new(), 0);
    let starts = starts();
    for round in 0..12_000 {
        let mut manifest = random.pick(&starts);
        for _ in 0..1 + round % 3 {
            *kinds.entry(mutate(&mut manifest, &mut random, &values)).or_insert(0) += 1;
        }
        let is_valid = verdict(&manifest);
        accepted += usize::from(is_valid);
        // The full check costs more, and has the last word on fewer.
        if round % 10 == 0 {
            let has_error = examine(&manifest).iter().any(|finding| finding.severity == Severity::Error);
            assert!(is_valid || has_error, "{manifest}");
            let report = check(manifest.to_string().as_bytes());
            assert_eq!(report.document().is_none(), has_error, "{manifest}\n{report:?}");
            assert!(report.all().all(|fault| fault.hint.is_some() || fault.message.len() > 10), "{report:?}");
        }
    }
    // Neither verdict is rare, so that agreeing means something.
    assert!((1_000..11_000).contains(&accepted), "{accepted} of 12000 are valid");
    for kind in ["replaced", "removed", "added", "edited"] {
        assert!(kinds.get(kind).is_some_and(|&count| count > 1_000), "{kinds:?}");
    }
}

fn starts() -> Vec<Value> {
    let small = json!({
        "id": "a", "name": "a", "version": "1.0.0", "description": "a", "author": "a", "entry_point": "a::B", "actions": [],
    });
    vec![full(), small]
}
