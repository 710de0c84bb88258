//! What the validator promises: all violations, defaults, and no schema that runs away.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::SchemaValidator;

fn compile(schema: &Value) -> SchemaValidator {
    SchemaValidator::compile(schema).unwrap_or_else(|error| panic!("{error}: {schema}"))
}

fn refused(schema: &Value) -> (&'static str, String) {
    let first = SchemaValidator::compile(schema).expect_err(&schema.to_string());
    assert!(SchemaValidator::examine(schema).faults.contains(&first), "{first}");
    (first.code().as_str(), first.pointer().to_owned())
}

fn filled(schema: &Value, mut instance: Value) -> Value {
    compile(schema).fill_defaults(&mut instance);
    instance
}

/// R1.2
#[test]
fn the_published_schema_is_valid_by_the_meta_schema_of_2020_12() {
    let meta = jsonschema::draft202012::meta::validator();
    let schema: Value = serde_json::from_str(crate::PLUGIN_METADATA_SCHEMA).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(
        meta.is_valid(&schema),
        "{:?}",
        meta.iter_errors(&schema).map(|error| error.to_string()).collect::<Vec<_>>()
    );
    // The meta-schema looks at every corner of it.
    for (pointer, wrong) in [
        ("/type", json!("objekt")),
        ("/required", json!("id")),
        ("/properties/actions/items", json!(5)),
        ("/properties/name/minLength", json!(-1)),
        ("/$defs/ActionName/pattern", json!(7)),
        ("/$defs/Action/allOf/0/not", json!("nothing")),
        ("/$defs/Parameter/properties/type/enum", json!("string")),
        ("/$id", json!(1)),
    ] {
        let mut broken = schema.clone();
        *broken.pointer_mut(pointer).unwrap() = wrong;
        assert!(!meta.is_valid(&broken), "{pointer}");
    }
}

#[test]
fn limits_and_values_may_be_as_large_as_a_float_goes() {
    let huge = [1e300, -1e300, f64::MAX, f64::MIN_POSITIVE, 1e19, 9_007_199_254_740_992.0];
    let keywords = [
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "minContains",
        "maxContains",
        "const",
    ];
    for (keyword, limit) in keywords.iter().flat_map(|keyword| huge.map(|limit| (keyword, limit))) {
        let schema = json!({*keyword: limit, "contains": {"type": "integer"}});
        let is_good = SchemaValidator::examine(&schema).faults.is_empty();
        let compiled = SchemaValidator::compile(&schema);
        assert!(!is_good || compiled.is_ok(), "{schema}: {compiled:?}");
        let Ok(validator) = compiled else { continue };
        for value in
            [json!(1e300), json!(-1e300), json!(f64::MAX), json!(5), json!([1, 1e300]), json!("text"), json!({"a": 1})]
        {
            assert_eq!(validator.is_valid(&value), validator.validate(&value).is_ok());
        }
    }
}

/// R6.4
#[test]
fn every_violation_is_reported_with_its_place() {
    let schema = json!({
        "type": "object",
        "properties": {
            "to": {"type": "array", "items": {"type": "string", "pattern": "@"}, "minItems": 1},
            "count": {"type": "integer", "minimum": 1, "maximum": 9},
            "mode": {"enum": ["fast", "slow"]},
            "exact": {"const": true},
            "either": {"type": ["string", "null"]},
        },
        "required": ["to", "subject"],
        "additionalProperties": false,
    });
    let instance =
        json!({"to": ["a@b", "c", 7], "count": 0, "mode": "fsat", "exact": 1, "either": [], "x": 1, "y": {}});
    let mut found: Vec<_> = compile(&schema).validate(&instance).unwrap_err().iter().map(ToString::to_string).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "/count: expected at least 1, found the number 0",
            "/either: expected null or a string, found an array of 0 items",
            "/exact: expected true, found the number 1",
            "/mode: expected one of \"fast\", \"slow\", found the string `fsat`",
            "/to/1: expected a text that matches `@`, found the string `c`",
            "/to/2: expected a string, found the number 7",
            "`subject` is missing",
            "`x` is not allowed here",
            "`y` is not allowed here",
        ]
    );
}

#[test]
fn a_flood_of_violations_is_cut_and_long_values_are_shortened() {
    let schema = json!({"items": {"type": "string"}});
    let violations = compile(&schema).validate(&json!(vec![1; 5000])).unwrap_err();
    assert_eq!(violations.len(), SchemaValidator::MAX_VIOLATIONS);
    let violations = compile(&json!({"maxLength": 3})).validate(&json!("ä".repeat(5000))).unwrap_err();
    assert!(violations[0].message.chars().count() < 150, "{}", violations[0].message);
}

#[test]
fn a_value_that_is_shown_cannot_carry_terminal_escapes() {
    let violations = compile(&json!({"pattern": "^a"})).validate(&json!("\u{1b}[2J\u{202e}")).unwrap_err();
    assert!(!violations[0].message.contains(char::is_control), "{}", violations[0].message);
}

#[test]
fn defaults_are_filled_in_at_every_depth() {
    let schema = json!({
        "properties": {
            "times": {"default": 1},
            "there": {"default": "unused"},
            "options": {"default": {}, "properties": {"retry": {"default": {"max": 2}}}},
            "nested": {"properties": {"deep": {"default": true}}},
            "list": {"items": {"properties": {"size": {"default": 10}}}},
            "pair": {"prefixItems": [{"properties": {"a": {"default": 1}}}], "items": {"properties": {"b": {"default": 2}}}},
            "shared": {"$ref": "#/$defs/shared"},
            "by_anchor": {"$ref": "#named"},
            "joined": {"default": {}, "allOf": [{"properties": {"x": {"default": "x"}}}, {"$ref": "#/$defs/shared"}]},
        },
        "additionalProperties": {"properties": {"extra": {"default": 0}}},
        "$defs": {"shared": {"default": {"s": 1}, "properties": {"t": {"default": 2}}}, "n": {"$anchor": "named", "default": 3}},
    });
    let instance = json!({"there": null, "nested": {}, "list": [{}, {"size": 1}, 5], "pair": [{}, {}], "other": {}});
    assert_eq!(
        filled(&schema, instance),
        json!({
            "times": 1, "there": null, "options": {"retry": {"max": 2}}, "nested": {"deep": true},
            "list": [{"size": 10}, {"size": 1}, 5], "pair": [{"a": 1}, {"b": 2}], "shared": {"s": 1, "t": 2}, "by_anchor": 3,
            "joined": {"x": "x", "t": 2}, "other": {"extra": 0},
        })
    );
}

#[test]
fn what_a_schema_only_weighs_fills_in_nothing() {
    let schema = json!({
        "anyOf": [{"properties": {"a": {"default": 1}}}, {}], "oneOf": [{"properties": {"b": {"default": 1}}}],
        "if": {"properties": {"c": {"default": 1}}}, "not": {"required": ["d"], "properties": {"d": {"default": 1}}},
        "properties": {"e": {"type": "object", "properties": {"f": {"default": 1}}}, "g": {"const": {"default": 1}}},
    });
    assert_eq!(filled(&schema, json!({})), json!({}));
    assert_eq!(filled(&schema, json!([1])), json!([1]));
    assert_eq!(filled(&json!(true), json!({})), json!({}));
}

#[test]
fn defaults_do_not_multiply_without_bound() {
    let default = vec![0; 9000];
    let schema = json!({"items": {"properties": {"a": {"default": default}}}});
    let result = filled(&schema, Value::Array(vec![json!({}); 10_000]));
    let filled = result.as_array().unwrap().iter().filter(|item| item.get("a").is_some()).count();
    assert_eq!(filled, 1_000_000 / 9001);
}

/// R1.5, attack row 85
#[test]
fn refs_must_be_local_acyclic_and_small_when_written_out() {
    let cases = [
        (json!({"$ref": "https://example.com/schema.json"}), "RefNotLocal", "/$ref"),
        (json!({"properties": {"a/b": {"$ref": "other.json#/x"}}}), "RefNotLocal", "/properties/a~1b/$ref"),
        (json!({"$ref": "file:///etc/passwd"}), "RefNotLocal", "/$ref"),
        (json!({"$ref": "#/$defs/missing"}), "RefUnresolved", "/$ref"),
        (json!({"$ref": "#missing"}), "RefUnresolved", "/$ref"),
        (json!({"$ref": "#/%zz"}), "RefUnresolved", "/$ref"),
        (json!({"$ref": "#/%"}), "RefUnresolved", "/$ref"),
        (json!({"$ref": "#"}), "RefCyclic", "/$ref"),
        (json!({"properties": {"child": {"$ref": "#"}}}), "RefCyclic", "/properties/child/$ref"),
        (
            json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}}),
            "RefCyclic",
            "/$defs/b/not/$ref",
        ),
        (json!({"$defs": {"a": {"$anchor": "a", "items": {"$ref": "#a"}}}}), "RefCyclic", "/$defs/a/items/$ref"),
        (json!({"$defs": {"%": {"$ref": "#/$defs/%25"}}}), "RefCyclic", "/$defs/%/$ref"),
        (
            json!({"properties": {"not": {"properties": {"not": {"$ref": "#/properties"}}}}}),
            "RefCyclic",
            "/properties/not",
        ),
        (json!({"$dynamicRef": "#a"}), "InvalidSchema", "/$dynamicRef"),
        (json!({"properties": {"a": {"$id": "https://example.com/b"}}}), "InvalidSchema", "/properties/a/$id"),
        (json!({"$schema": "http://json-schema.org/draft-07/schema#"}), "InvalidSchema", "/$schema"),
    ];
    for (schema, code, pointer) in cases {
        assert_eq!(refused(&schema), (code, pointer.to_owned()), "{schema}");
    }
}

/// Attack row 85
#[test]
fn a_schema_that_doubles_through_refs_is_too_complex() {
    let mut definitions = serde_json::Map::new();
    definitions.insert("d0".into(), json!({"type": "string"}));
    for level in 1..40 {
        let below = format!("#/$defs/d{}", level - 1);
        definitions.insert(format!("d{level}"), json!({"properties": {"a": {"$ref": below}, "b": {"$ref": below}}}));
    }
    assert_eq!(refused(&json!({"$defs": definitions})).0, "SchemaTooComplex");
}

#[test]
fn size_depth_and_patterns_are_bounded() {
    let long_chain: serde_json::Map<_, _> = (0..3000)
        .map(|n| (format!("d{n:04}"), json!({"$ref": format!("#/$defs/d{:04}", (n + 1).min(2999))})))
        .collect();
    assert!(
        SchemaValidator::examine(&json!({"$defs": long_chain}))
            .faults
            .iter()
            .any(|fault| fault.code().as_str() == "SchemaTooComplex")
    );
    assert_eq!(refused(&json!({"enum": vec![0; 10_000]})).0, "SchemaTooComplex");
    let patterns: serde_json::Map<_, _> = (0..101).map(|n| (format!("p{n}"), json!({"pattern": "a"}))).collect();
    assert_eq!(refused(&json!({"properties": patterns})).0, "SchemaTooComplex");
    assert_eq!(refused(&nested(100)).0, "SchemaTooComplex");
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({"type": "string"}), |inner, _| json!({"not": inner}))
}

#[test]
fn the_largest_schemas_taken_compile_and_validate_on_a_small_stack() {
    let deep = nested(SchemaValidator::MAX_EXPANDED_DEPTH - 2);
    let wide: serde_json::Map<_, _> =
        (0..1600).map(|n| (format!("p{n}"), json!({"type": "string", "minLength": 1}))).collect();
    let wide = json!({"properties": wide});
    let chain: serde_json::Map<_, _> = (0..30)
        .map(|n| {
            (
                format!("d{n:02}"),
                if n < 29 { json!({"items": {"$ref": format!("#/$defs/d{:02}", n + 1)}}) } else { json!(true) },
            )
        })
        .collect();
    let chain = json!({"$defs": chain, "$ref": "#/$defs/d00"});
    let thread = std::thread::Builder::new().stack_size(2 << 20);
    let work = move || {
        for schema in [deep, wide, chain] {
            assert_eq!(SchemaValidator::examine(&schema).faults, []);
            _ = compile(&schema).validate(&json!({"p1": "x"}));
        }
    };
    thread.spawn(work).unwrap().join().unwrap();
}

#[test]
fn what_is_no_schema_is_refused_with_the_place() {
    let cases = [
        (json!({"type": "strng"}), "/type"),
        (json!({"type": 5}), "/type"),
        (json!({"properties": []}), "/properties"),
        (json!({"properties": {"a": 5}}), "/properties/a"),
        (json!({"required": "a"}), "/required"),
        (json!({"minimum": "1"}), "/minimum"),
        (json!({"pattern": "("}), "/pattern"),
        (json!({"pattern": "(?=look)ahead"}), "/pattern"),
        (json!({"items": [{}]}), "/items"),
        (json!("string"), ""),
    ];
    for (schema, pointer) in cases {
        assert_eq!(refused(&schema), ("InvalidSchema", pointer.to_owned()), "{schema}");
    }
    let error = SchemaValidator::compile(&json!({"type": "strng"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid JSON Schema at /type: expected one of string, number, integer, boolean, array, object, null, found `strng`"
    );
}

#[test]
fn a_property_may_be_named_like_a_keyword() {
    let schema = json!({
        "properties": {"$ref": {"type": "string"}, "$id": {"type": "string"}, "pattern": {"default": 1}, "default": {}},
        "const": {"$ref": "https://example.com", "$id": "x", "default": 1},
    });
    assert_eq!(SchemaValidator::examine(&schema).faults, []);
    assert_eq!(filled(&json!({"properties": {"default": {"type": "string"}}}), json!({})), json!({}));
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"type": "strng"})),
        Just(json!({"minimum": 3, "default": 5})),
        Just(json!(true)),
        Just(json!({"pattern": "^a+$"})),
        Just(json!({"pattern": "["})),
        Just(json!({"required": ["a"]})),
        Just(json!({"enum": [1, "a"]})),
        Just(json!(7)),
        Just(json!({"$ref": "#/$defs/a"})),
        Just(json!({"$ref": "#"})),
        Just(json!({"$ref": "#/$defs/b/not"})),
        Just(json!({"default": {"a": []}})),
        Just(json!({"$ref": "https://example.com"})),
        Just(json!({"$schema": "x"})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let named = prop::collection::btree_map("[ab]", inner.clone(), 0..3);
        let keyword = prop::sample::select(vec!["not", "items", "additionalProperties", "if", "contains", "unknown"]);
        prop_oneof![
            (keyword, inner.clone()).prop_map(|(keyword, schema)| json!({keyword: schema})),
            (prop::sample::select(vec!["properties", "$defs", "patternProperties"]), named)
                .prop_map(|(key, named)| json!({key: named})),
            (prop::sample::select(vec!["allOf", "anyOf", "prefixItems"]), prop::collection::vec(inner.clone(), 0..3))
                .prop_map(|(key, schemas)| json!({key: schemas})),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| json!({"$defs": {"a": a, "b": {"not": b}}, "properties": {"a": c}})),
        ]
    })
}

fn any_instance() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!("a")), Just(json!({})), Just(json!([]))];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|members| json!(members)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// The fast path of a check compiles nothing that has no need of it, and must come to the same judgement.
    #[test]
    fn a_schema_is_found_good_exactly_if_it_compiles(schema in any_schema()) {
        let faults = SchemaValidator::examine(&schema).faults;
        let compiled = SchemaValidator::compile(&schema);
        prop_assert_eq!(faults.is_empty(), compiled.is_ok(), "{:?} {:?}", faults, compiled);
    }

    #[test]
    fn filling_in_twice_is_filling_in_once_and_keeps_what_is_there(schema in any_schema(), instance in any_instance()) {
        if let Ok(validator) = SchemaValidator::compile(&schema) {
            let mut once = instance.clone();
            validator.fill_defaults(&mut once);
            let mut twice = once.clone();
            validator.fill_defaults(&mut twice);
            prop_assert_eq!(&once, &twice);
            prop_assert!(contains(&once, &instance), "{} in {}", instance, once);
        }
    }

    #[test]
    fn a_value_is_valid_exactly_if_it_has_no_violation(schema in any_schema(), instance in any_instance()) {
        if let Ok(validator) = SchemaValidator::compile(&schema) {
            prop_assert_eq!(validator.is_valid(&instance), validator.validate(&instance).is_ok());
        }
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|whole| contains(whole, value)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| contains(whole, part))
        }
        _ => whole == part,
    }
}

/// What is passed without asking the meta-schema must be what the meta-schema passes.
#[test]
fn a_plain_schema_is_one_to_the_meta_schema_too() {
    let keywords: Vec<_> =
        super::KEYWORDS.iter().copied().chain(["unknown", "additionalItems", "dependencies"]).collect();
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.0),
        json!(0.5),
        json!(""),
        json!("string"),
        json!("object"),
        json!("a"),
        json!("("),
        json!([]),
        json!({}),
        json!(["a"]),
        json!(["a", "a"]),
        json!(["a", "b"]),
        json!([1]),
        json!([{}]),
        json!([true, null]),
        json!({"a": {}}),
        json!({"a": true}),
        json!({"a": 1}),
        json!({"a": {"type": "strng"}}),
        json!({"type": "string"}),
        json!({"type": 1}),
        json!({"items": []}),
        json!({"properties": {"b": {"required": "a"}}}),
        json!([{"minLength": -1}]),
        json!((0..40).map(|n| n.to_string()).collect::<Vec<_>>()),
    ];
    let meta = jsonschema::draft202012::meta::validator();
    let mut plain = 0;
    for keyword in keywords {
        for value in &values {
            for schema in [
                json!({keyword: value}),
                json!({"properties": {"p": {"type": "array", "items": {keyword: value}}}}),
                json!({"anyOf": [{keyword: value}]}),
            ] {
                let Some(nodes) = super::plain::size(&schema) else { continue };
                plain += 1;
                assert!(meta.is_valid(&schema), "{schema}");
                let shape = super::shape::examine(&schema);
                assert_eq!((shape.faults.as_slice(), shape.size.nodes), (&[][..], nodes), "{schema}");
                assert!(SchemaValidator::compile(&schema).is_ok(), "{schema}");
            }
        }
    }
    assert!(plain > 400, "{plain}");
    for scalar in values.iter().filter(|value| !value.is_object() && !value.is_boolean()) {
        assert_eq!(super::plain::size(scalar), None, "{scalar}");
    }
}
