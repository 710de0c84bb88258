//! Texts whose form a type knows.

use std::{fmt::Display, str::FromStr};

use super::remedies;
use crate::{
    ActionName, Digest, DigestAlgorithm, EntryPoint, FaultCode, PluginId, PluginVersion, VersionSpecifier,
    finding::{At, Finding, Mark},
};

/// Nobody computes a checksum by hand.
const CHECKSUM: &str = "remove `checksum` here: packaging the plugin computes it and writes it";

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    if let Some(id) = root.member("id") {
        form::<PluginId>(&id, findings, |_| FaultCode::InvalidId, remedies::id);
    }
    if let Some(version) = root.member("version") {
        form::<PluginVersion>(&version, findings, |error| coded(error.code()), remedies::version);
    }
    if let Some(entry_point) = root.member("entry_point") {
        form::<EntryPoint>(&entry_point, findings, |error| coded(error.code()), remedies::entry_point);
    }
    if let Some(api_version) = root.member("api_version") {
        specifier(&api_version, findings);
    }
    if let Some(checksum) = root.member("checksum") {
        digest(&checksum, findings);
    }
    if let Some(actions) = root.member("actions") {
        for action in actions.items() {
            if let Some(name) = action.member("name") {
                form::<ActionName>(&name, findings, |_| FaultCode::InvalidActionName, remedies::action_name);
            }
        }
    }
    if let Some(dependencies) = root.member("dependencies")
        && let Some(plugins) = dependencies.member("plugins")
    {
        for plugin in plugins.items() {
            if let Some(id) = plugin.member("id") {
                form::<PluginId>(&id, findings, |_| FaultCode::InvalidId, remedies::id);
            }
            if let Some(text) = plugin.member("version_specifier") {
                specifier(&text, findings);
            }
        }
    }
}

/// The code whose name a type gives.
fn coded(name: &str) -> FaultCode {
    name.parse().unwrap_or(FaultCode::InvalidValue)
}

fn form<T: FromStr<Err: Display>>(
    at: &At<'_, '_>,
    findings: &mut Vec<Finding>,
    code: impl Fn(&T::Err) -> FaultCode,
    remedy: fn(&str) -> String,
) {
    if let Some(text) = at.text()
        && let Err(error) = T::from_str(text)
    {
        findings.push(at.error(code(&error), error.to_string()).hint(remedy(text)));
    }
}

fn specifier(at: &At<'_, '_>, findings: &mut Vec<Finding>) {
    if let Some(Err(error)) = at.text().map(VersionSpecifier::from_str) {
        let finding = at.error(FaultCode::InvalidSpecifier, error.to_string()).mark(Mark::Character(error.offset()));
        findings.push(Finding { hint: error.hint(), ..finding });
    }
}

/// An unknown algorithm says nothing about the form of its digests, so only one of the two is reported.
fn digest(checksum: &At<'_, '_>, findings: &mut Vec<Finding>) {
    let (Some(algorithm), Some(value)) = (checksum.member("algorithm"), checksum.member("value")) else { return };
    let Some(name) = algorithm.text() else { return };
    if let Err(error) = DigestAlgorithm::from_str(name) {
        findings.push(algorithm.error(FaultCode::UnsupportedAlgorithm, error.to_string()).hint(CHECKSUM));
    } else if let Some(Err(error)) = value.text().map(|hex| Digest::from_parts(name, hex)) {
        findings.push(value.error(coded(error.code()), error.to_string()).hint(CHECKSUM));
    }
}
