//! Icons: a relative path inside the plugin, or an https URL.

use crate::{
    FaultCode,
    finding::{At, Finding},
};

/// What an icon's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IconForm {
    /// A relative path of portable names.
    Path,
    /// An https URL, as far as its scheme goes.
    Https,
    /// A URL of another scheme.
    OtherUrl,
    /// A path that leads, or could lead on some platform, out of the plugin.
    Escape,
    /// Neither path nor URL.
    Unportable,
}

pub(crate) fn form_of(text: &str) -> IconForm {
    let is_scheme = |scheme: &&str| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    match text.split_once(':').map(|(scheme, _)| scheme).filter(is_scheme) {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => return IconForm::Https,
        // One letter is a drive of Windows.
        Some(scheme) if scheme.len() == 1 => return IconForm::Escape,
        Some(_) => return IconForm::OtherUrl,
        None => {}
    }
    let mut segments = text.split('/');
    if text.starts_with('/') || text.contains(['\\', '\0']) || segments.clone().any(|segment| segment == "..") {
        return IconForm::Escape;
    }
    let is_portable = |segment: &str| {
        !segment.is_empty()
            && !segment.ends_with('.')
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    if text.len() <= 240 && segments.all(is_portable) { IconForm::Path } else { IconForm::Unportable }
}

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let Some(icon) = root.member("icon") else { return };
    let Some(text) = icon.text() else { return };
    let shown: String = text.chars().take(80).collect();
    let shown = shown.escape_debug();
    let (code, message) = match form_of(text) {
        IconForm::Path | IconForm::Https => return,
        IconForm::OtherUrl => {
            (FaultCode::IconUrlRejected, format!("expected an https URL or a path inside the plugin, found `{shown}`"))
        }
        IconForm::Escape => (FaultCode::PathEscape, format!("icon `{shown}` is a path out of the plugin")),
        IconForm::Unportable => {
            let message =
                format!("expected a relative path of letters, digits, `.`, `_`, `-` and `/`, found `{shown}`");
            (FaultCode::InvalidIcon, message)
        }
    };
    findings
        .push(icon.error(code, message).hint("write the path from the plugin's directory, such as `assets/icon.svg`"));
}
