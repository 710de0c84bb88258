//! Home page, icon and licence.

use spdx::{Expression, ParseMode};
use url::Url;

use crate::{
    FaultCode,
    finding::{At, Finding, Mark},
    rules::{IconForm, icon_form},
    schema_validator::quoted,
};

pub(super) fn check(root: &At<'_, '_>, findings: &mut Vec<Finding>) {
    if let Some(homepage) = root.member("homepage")
        && let Some(Err(message)) = homepage.text().map(https)
    {
        let finding = homepage.error(FaultCode::HomepageUrl, message);
        findings.push(finding.hint("write the whole address, such as https://example.com/plugin"));
    }
    if let Some(icon) = root.member("icon")
        && let Some(text) = icon.text().filter(|text| icon_form(text) == IconForm::Https)
        && let Err(message) = https(text)
    {
        findings.push(icon.error(FaultCode::IconUrlRejected, message));
    }
    if let Some(license) = root.member("license")
        && let Some(text) = license.text()
    {
        findings.extend(check_license(&license, text));
    }
}

fn https(text: &str) -> Result<(), String> {
    // The parser strips what it should not: control characters, and white space at both ends.
    let is_clean = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    match Url::parse(text) {
        Ok(url) if is_clean && url.scheme() == "https" && url.username().is_empty() && url.password().is_none() => {
            Ok(())
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("expected an https URL without a user name or password".to_owned())
        }
        Ok(url) if is_clean => Err(format!("expected an https URL, found the scheme {}", quoted(url.scheme()))),
        Ok(_) => Err(format!("expected an https URL without white space, found {}", quoted(text))),
        Err(error) => Err(format!("expected an https URL, found {}: {error}", quoted(text))),
    }
}

fn check_license(license: &At<'_, '_>, text: &str) -> Option<Finding> {
    let error = Expression::parse_mode(text, ParseMode::STRICT).err()?;
    let message = format!("{} is not an SPDX licence expression: {}", quoted(text), error.reason);
    let meant = spdx::imprecise_license_id(text).filter(|(_, length)| *length == text.len());
    let hint = match meant {
        Some((id, _)) => format!("did you mean `{}`?", id.name),
        None => "see https://spdx.org/licenses, and write `LicenseRef-…` for a licence of your own".to_owned(),
    };
    Some(license.warning(FaultCode::InvalidLicense, message).mark(Mark::Character(error.span.start)).hint(hint))
}
