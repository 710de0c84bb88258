//! Attacks on signatures and keys (9-16, 18, 19).

use std::fs;

use apex_plugins::Placement;
use apex_plugins_tests::Publisher;
use serde_json::{Value, json};

use crate::{Attack, Scene, withstands};

/// What somebody without any trusted key can do.
#[test]
fn forged_and_stripped_signatures_are_named() {
    let attacks: &[Attack] = &[
        (9, "more permissions", |scene| set(scene, "permissions_required", json!(["fs_write:/"])), "SignatureInvalid"),
        (9, "another entry point", |scene| set(scene, "entry_point", json!("greeter::Other")), "SignatureInvalid"),
        (
            9,
            "another action",
            |scene| {
                scene.edit(|metadata| metadata["actions"][0]["description"] = json!("Obeys."));
            },
            "SignatureInvalid",
        ),
        (10, "no signature", |scene| remove(scene, &["signature"]), "SignatureStripped"),
        (11, "no checksum", |scene| remove(scene, &["checksum", "signature"]), "MissingChecksum"),
        (12, "an unknown key", |scene| scene.package(&Publisher::new(), |_| {}), "UntrustedKey"),
        (13, "an unknown key under the name of a trusted one", pose, "SignatureInvalid"),
        (16, "replayed on another version", |scene| set(scene, "version", json!("2.0.0")), "SignatureInvalid"),
        (16, "replayed on another plugin", replay, "SignatureInvalid"),
    ];
    withstands(attacks);
}

fn set(scene: &Scene, member: &str, value: Value) {
    scene.edit(|metadata| metadata[member] = value);
}

fn remove(scene: &Scene, members: &[&str]) {
    scene.edit(|metadata| {
        for member in members {
            metadata.as_object_mut().unwrap().remove(*member);
        }
    });
}

fn pose(scene: &mut Scene) {
    scene.package(&Publisher::new(), |_| {});
    let key_id = scene.publisher.key.public_key().key_id().to_string();
    scene.edit(|metadata| metadata["signature"]["key_id"] = json!(key_id));
}

/// The signature of the greeter on a plugin that differs from it in its id alone.
fn replay(scene: &mut Scene) {
    let genuine: Value = serde_json::from_slice(&fs::read(scene.path("plugin.json")).unwrap()).unwrap();
    let publisher = Publisher::new();
    scene.package(&publisher, |metadata| metadata["id"] = json!("com.apexagent.examples.wiper"));
    set(scene, "signature", genuine["signature"].clone());
}

/// What somebody with a key can do, who is trusted with less, for some time, or no longer.
#[test]
fn keys_reach_no_further_than_they_are_trusted() {
    let attacks: &[Attack] = &[
        (14, "another publisher's id", overreach, "PublisherNotAllowed"),
        (
            15,
            "an id that begins like the prefix",
            |scene| {
                let publisher = std::mem::take(&mut scene.publisher);
                scene.package(&publisher, |metadata| metadata["id"] = json!("com.apexagent.examplesevil.greeter"));
                scene.publisher = publisher;
            },
            "PublisherNotAllowed",
        ),
        (18, "a key whose time is over", |scene| set_validity(scene, None, Some("2001-01-01T00:00:00Z")), "KeyExpired"),
        (
            18,
            "a key whose time is to come",
            |scene| {
                set_validity(scene, Some("2999-01-01T00:00:00Z"), None);
            },
            "KeyNotYetValid",
        ),
        (
            19,
            "a key that is revoked from some later time on",
            |scene| {
                let key_id = scene.publisher.key.public_key().key_id();
                scene.store.revoke(&key_id, "2999-01-01T00:00:00Z".parse().unwrap(), "stolen").unwrap();
            },
            "KeyRevoked",
        ),
    ];
    withstands(attacks);
}

fn overreach(scene: &mut Scene) {
    let other = Publisher::new();
    scene.store.add_publisher("other", other.key.public_key(), &["org.other"], Placement::InProcess).unwrap();
    scene.package(&other, |_| {});
}

fn set_validity(scene: &mut Scene, not_before: Option<&str>, not_after: Option<&str>) {
    let key_id = scene.publisher.key.public_key().key_id();
    let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    scene.store.set_validity(&key_id, time(not_before), time(not_after)).unwrap();
}
