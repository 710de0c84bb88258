//! The signature of a `plugin.json`.

use std::sync::LazyLock;

use apex_meta::Document;
use apex_trust::{PublicKey, signed_payload, signing_key_id, verify_signature};

/// The key of test 1 in RFC 8032, section 7.1, which signed the seed `genuine.json`.
const KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

static SIGNED: LazyLock<(PublicKey, Document)> = LazyLock::new(|| {
    let genuine = Document::parse(include_bytes!("../seeds/signature/genuine.json")).unwrap();
    let key = PublicKey::from_base64(KEY).unwrap();
    verify_signature(&genuine, &key).unwrap();
    (key, genuine)
});

/// Of all texts, only those are accepted that say what was signed, with the one signature that was made.
pub fn signature(bytes: &[u8]) {
    let Ok(document) = Document::parse(bytes) else { return };
    let (key, genuine) = &*SIGNED;
    let (named, verified) = (signing_key_id(&document), verify_signature(&document, key));
    match &verified {
        Ok(()) => {
            assert_eq!(canonical(document.value()), canonical(genuine.value()), "nobody signed this");
            assert_eq!(signed_payload(&document).unwrap(), signed_payload(genuine).unwrap());
            assert_eq!(named.unwrap(), Some(key.key_id()));
        }
        Err(error) => {
            assert!(!error.code().is_empty());
            assert_ne!(
                canonical(document.value()),
                canonical(genuine.value()),
                "the genuine manifest is refused: {error}"
            );
            match named {
                Ok(None) => assert_eq!(error.code(), "SignatureMissing"),
                Ok(Some(_)) => assert_eq!(error.code(), "SignatureInvalid"),
                Err(form) => assert_eq!(error.code(), form.code(), "one fault of form, one name"),
            }
        }
    }
    let payload = signed_payload(&document).unwrap();
    let body = payload.splitn(5, |byte| *byte == b' ').last().unwrap();
    let again: serde_json::Value = serde_json::from_slice(body).unwrap();
    let mut expected = document.value().clone();
    expected.as_object_mut().unwrap().remove("signature");
    assert_eq!(canonical(&again), canonical(&expected), "the payload is the manifest without its signature");
}

/// `1` and `1.0` are one number where no kinds of numbers are told apart, as in canonical JSON.
fn canonical(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Number(number) => serde_json::json!(number.as_f64().unwrap() + 0.0),
        Value::Array(items) => items.iter().map(canonical).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), canonical(value))).collect(),
        other => other.clone(),
    }
}
