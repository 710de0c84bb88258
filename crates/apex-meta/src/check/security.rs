//! The form of a signature; whether it holds is for `apex-trust` to say.

use crate::{
    FaultCode, Signature,
    finding::{At, Finding},
    schema_validator::quoted,
};

const SIGN_AGAIN: &str = "remove `signature` and sign the plugin again; signing writes this member";

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let Some(signature) = root.member("signature").filter(|signature| signature.value.is_object()) else { return };
    if root.member("checksum").is_none() {
        let message = "a signature without a `checksum` beside it covers none of the plugin's files";
        let finding = signature.error(FaultCode::MalformedSignature, message);
        findings.push(finding.hint("package and sign the plugin again; signing writes both"));
    }
    if let Some(method) = signature.member("method")
        && let Some(name) = method.text().filter(|name| *name != Signature::ED25519)
    {
        let message = format!("signature method {} is not supported; use {}", quoted(name), Signature::ED25519);
        findings.push(method.error(FaultCode::UnsupportedSignatureMethod, message).hint(SIGN_AGAIN));
        return;
    }
    let mut expect = |member: &str, form: fn(&str) -> bool, expected: &str| {
        if let Some(member) = signature.member(member)
            && let Some(text) = member.text().filter(|text| !form(text))
        {
            let message = format!("expected {expected}, found {}", quoted(text));
            findings.push(member.error(FaultCode::MalformedSignature, message).hint(SIGN_AGAIN));
        }
    };
    expect("key_id", is_key_id, "64 lower-case hexadecimal digits");
    expect("value", is_signature, "64 bytes in padded, canonical Base64");
}

fn is_key_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// 64 bytes are 86 characters and two of padding; the last character's low four bits are no part of them, and zero.
fn is_signature(text: &str) -> bool {
    let in_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() == 88
        && text
            .strip_suffix("==")
            .is_some_and(|body| body.bytes().all(in_alphabet) && body.ends_with(['A', 'Q', 'g', 'w']))
}

#[cfg(test)]
mod tests {
    use super::is_signature;

    /// Attack row 26
    #[test]
    fn only_canonical_base64_of_64_bytes_is_a_signature() {
        let good = format!("{}==", "A".repeat(86));
        assert!(is_signature(&good));
        for bad in [
            String::new(),
            format!("{}==", "A".repeat(85)),
            format!("{}=", "A".repeat(87)),
            "A".repeat(88),
            format!("{}B==", "A".repeat(85)),
            format!("{}-A==", "A".repeat(84)),
            format!(" {}==", "A".repeat(85)),
            format!("{good}\n"),
            format!("{}===", "A".repeat(85)),
        ] {
            assert!(!is_signature(&bad), "{bad:?}");
        }
    }
}
