//! Arbitrary keys and states for property tests.
#![allow(clippy::unwrap_used, reason = "the patterns below give valid names only")]

use apex_meta::{Digest, DigestAlgorithm, Owner};
use proptest::prelude::*;
use serde_json::Value;

use crate::{Scope, ScopeName, StateKey};

/// Names of every alphabet, path separators and dots included.
pub(crate) fn scope_name() -> impl Strategy<Value = ScopeName> {
    prop_oneof!["[a-zA-Z0-9_.@/-]{1,12}", "\\PC{1,20}", "[A-C=~%]{1,3}", "[xé]{60,90}", Just("..".to_owned())]
        .prop_map(|text| ScopeName::new(&text).unwrap())
}

pub(crate) fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::Global),
        scope_name().prop_map(Scope::Tenant),
        (prop::option::of(scope_name()), scope_name()).prop_map(|(tenant, user)| Scope::User { tenant, user }),
    ]
}

pub(crate) fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![
        "\\PC{1,12}".prop_map(Owner::Publisher),
        Just(Owner::Linked),
        any::<[u8; 32]>().prop_map(|bytes| Owner::Digest(Digest::new(DigestAlgorithm::Blake3, bytes))),
    ]
}

pub(crate) fn key() -> impl Strategy<Value = StateKey> {
    let id = "[a-z][a-z0-9]{0,5}(\\.[A-Za-z0-9][A-Za-z0-9_-]{0,5}){0,3}";
    let version = "(0|[1-9][0-9]{0,3})\\.(0|[1-9][0-9]?)\\.(0|[1-9])(-[a-z]{1,4}(\\.[1-9]))?(\\+[a-z0-9]{1,6})?";
    (id, version, scope(), prop::option::of(owner())).prop_map(|(id, version, scope, owner)| StateKey {
        plugin: id.parse().unwrap(),
        version: version.parse().unwrap(),
        scope,
        owner,
    })
}

/// States of every JSON type, numbers at their limits included.
pub(crate) fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no NaN and no infinity", |number| number.is_finite()).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}
