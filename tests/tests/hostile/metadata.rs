//! Attacks on the text of the metadata and the paths in it (27-32).

use serde_json::json;

use crate::{Attack, Scene, withstands};

/// Puts a text in front of the first member of the metadata.
fn insert(scene: &Scene, text: &str) {
    scene.write(scene.text().replacen('{', &format!("{{{text},"), 1));
}

fn set(scene: &Scene, member: &str, value: &str) {
    scene.edit(|metadata| metadata[member] = json!(value));
}

fn nest(scene: &mut Scene) {
    insert(scene, &format!("\"x\": {}{}", "[".repeat(10_000), "]".repeat(10_000)));
}

fn end_in_garbage(scene: &mut Scene) {
    let text = scene.text().into_bytes();
    scene.write([b"{\"name\": \"\xff\xfe\",", &text[1..]].concat());
}

#[test]
fn metadata_that_parsers_read_differently_is_named() {
    let attacks: &[Attack] = &[
        (27, "a member twice", |scene| insert(scene, "\"id\": \"com.acme.other\""), "DuplicateKey"),
        (
            27,
            "a member twice, far down",
            |scene| {
                insert(scene, "\"x\": {\"y\": [{\"a\": 1, \"a\": 2}]}");
            },
            "DuplicateKey",
        ),
        (27, "a member twice, once escaped", |scene| insert(scene, "\"\\u0069d\": \"com.acme.other\""), "DuplicateKey"),
        (28, "2^53 + 1", |scene| insert(scene, "\"x\": 9007199254740993"), "NumberOutOfRange"),
        (29, "too large", |scene| insert(scene, &format!("\"x\": \"{}\"", "y".repeat(2 << 20))), "MetadataTooLarge"),
        (29, "too deep", nest, "MetadataTooDeep"),
        (30, "no UTF-8", end_in_garbage, "MetadataSyntax"),
        (30, "a byte order mark", |scene| scene.write(format!("\u{feff}{}", scene.text())), "MetadataSyntax"),
        (30, "half a surrogate pair", |scene| insert(scene, "\"x\": \"\\ud800\""), "MetadataSyntax"),
        (30, "cut off", |scene| scene.write(&scene.text()[..100]), "MetadataSyntax"),
    ];
    withstands(attacks);
}

#[test]
fn paths_that_lead_elsewhere_are_named() {
    let attacks: &[Attack] = &[
        (31, "an entry point above", |scene| set(scene, "entry_point", "../evil.so"), "PathEscape"),
        (31, "an absolute entry point", |scene| set(scene, "entry_point", "/usr/lib/evil.so"), "PathEscape"),
        (31, "an icon above", |scene| set(scene, "icon", "../../icon.svg"), "PathEscape"),
        (31, "an absolute icon", |scene| set(scene, "icon", "/etc/passwd"), "PathEscape"),
        (31, "a zero byte", |scene| set(scene, "icon", "icon.svg\0.png"), "PathEscape"),
        (32, "an icon of the file system", |scene| set(scene, "icon", "file:///etc/passwd"), "IconUrlRejected"),
        (32, "a script for an icon", |scene| set(scene, "icon", "javascript:alert(1)"), "IconUrlRejected"),
    ];
    withstands(attacks);
}
