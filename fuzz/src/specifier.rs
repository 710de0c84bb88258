//! Version specifiers and versions.

use apex_meta::{PluginVersion, VersionSpecifier};
use semver::{BuildMetadata, Version};

/// Versions that every specifier is asked about, beside the one in the input.
const VERSIONS: &[&str] = &["0.0.0", "0.0.1", "0.1.0", "1.0.0-alpha.1", "1.0.0", "1.2.3", "1.2.3+build", "2.0.0-rc.1"];

/// The first line is a specifier, the second a version.
///
/// A specifier is written as it was read, means the same when it is read again or said twice, and is deaf to build
/// metadata; a version is read back from what it prints as the same.
pub fn specifier(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (text, version) = text.split_once('\n').unwrap_or((text, "1.0.0"));
    let mut versions: Vec<Version> = VERSIONS.iter().map(|version| version.parse().unwrap()).collect();
    if let Ok(version) = version.parse::<PluginVersion>() {
        let again: PluginVersion = version.to_string().parse().unwrap();
        assert_eq!(again.to_string(), version.to_string());
        assert_eq!(again, version);
        versions.push(version.as_semver().clone());
    }
    let specifier = match text.parse::<VersionSpecifier>() {
        Ok(specifier) => specifier,
        Err(error) => {
            assert!(error.offset() <= text.len() && text.is_char_boundary(error.offset()), "{text:?}: {error:?}");
            return;
        }
    };
    assert_eq!(specifier.to_string(), text);
    assert!(text.len() <= VersionSpecifier::MAX_BYTES);
    let again: VersionSpecifier = specifier.as_str().parse().unwrap();
    let exact = text.contains("===");
    let twice = format!("{text}, {text}").parse::<VersionSpecifier>();
    for version in versions {
        let holds = specifier.matches(&version);
        assert_eq!(again.matches(&version), holds, "{text:?} and {version}");
        // An empty text stands for any version, an empty clause for nothing.
        if let Ok(twice) = &twice {
            assert_eq!(twice.matches(&version), holds, "{text:?} twice and {version}");
        }
        if !exact {
            let bare = Version { build: BuildMetadata::EMPTY, ..version.clone() };
            assert_eq!(specifier.matches(&bare), holds, "{text:?} and {version} without build metadata");
        }
    }
}
