//! For each code an example of a `plugin.json` that leads to it.

use super::FaultCode;

/// An example of a `plugin.json` with one fault.
///
/// ```
/// use apex_meta::{FaultCode, check};
/// let example = FaultCode::InvalidVersion.example();
/// assert_eq!(example.shown(), r#""version": "1.0""#);
/// let report = check(example.plugin_json().as_bytes());
/// assert_eq!(report.faults()[0].code, FaultCode::InvalidVersion);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct FaultExample(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Members that stand in place of those of a valid manifest, or beside them.
    Members(&'static str),
    /// A valid manifest lacks this member.
    Without(&'static str),
    /// The whole file.
    File(&'static str),
    /// Too large to be shown: what it is, and how it is made.
    Made(&'static str, fn() -> String),
}

/// A valid manifest, member by member.
const VALID: [(&str, &str); 7] = [
    ("id", r#""id": "com.acme.greeter""#),
    ("name", r#""name": "Greeter""#),
    ("version", r#""version": "1.0.0""#),
    ("description", r#""description": "Greets people.""#),
    ("author", r#""author": "Acme Ltd""#),
    ("entry_point", r#""entry_point": "greeter::Greeter""#),
    ("actions", r#""actions": [{"name": "greet", "description": "Greets a person."}]"#),
];

impl FaultExample {
    /// What matters of the example: a few members, the whole file, or a sentence on what is in it.
    pub fn shown(&self) -> String {
        match self.0 {
            Kind::Members(text) | Kind::File(text) => text.to_owned(),
            Kind::Without(member) => format!("a file without the member `{member}`"),
            Kind::Made(what, _) => what.to_owned(),
        }
    }

    /// Whether [`FaultExample::shown`] is a piece of JSON, be it a broken one, and not a sentence.
    pub fn is_shown_in_full(&self) -> bool {
        matches!(self.0, Kind::Members(_) | Kind::File(_))
    }

    /// The whole file.
    pub fn plugin_json(&self) -> String {
        match self.0 {
            Kind::Members(members) => {
                let is_replaced = |name: &str| members.starts_with(&format!("\"{name}\""));
                manifest(VALID.iter().filter(|(name, _)| !is_replaced(name)).map(|(_, text)| *text).chain([members]))
            }
            Kind::Without(member) => manifest(VALID.iter().filter(|(name, _)| *name != member).map(|(_, text)| *text)),
            Kind::File(text) => text.to_owned(),
            Kind::Made(_, make) => make(),
        }
    }
}

fn manifest<'a>(members: impl Iterator<Item = &'a str>) -> String {
    let members: Vec<_> = members.map(|member| format!("  {member}")).collect();
    format!("{{\n{}\n}}\n", members.join(",\n"))
}

impl FaultCode {
    /// A `plugin.json` that leads to this fault.
    pub const fn example(self) -> FaultExample {
        use Kind::{File, Made, Members, Without};
        FaultExample(match self {
            Self::MetadataSyntax => File("{\n  \"id\": \"com.acme.greeter\",\n}"),
            Self::MetadataTooLarge => Made("a file of more than 1 MiB", || format!("\"{}\"", "a".repeat(1 << 20))),
            Self::MetadataTooDeep => {
                Made("a list in a list, and so on, 65 times", || format!("{}{}", "[".repeat(65), "]".repeat(65)))
            }
            Self::DuplicateKey => Members("\"tags\": [\"demo\"],\n  \"tags\": [\"text\"]"),
            Self::NumberOutOfRange => Members(r#""x-build": 9007199254740993"#),
            Self::MissingProperty => Without("author"),
            Self::WrongType => Members(r#""dependencies": ["requests==2.31.0"]"#),
            Self::InvalidValue => Members(r#""author": """#),
            Self::UnknownProperty => Members(r#""defualt_enabled": false"#),
            Self::InvalidId => Members(r#""id": "com.acme.my plugin""#),
            Self::InvalidVersion => Members(r#""version": "1.0""#),
            Self::VersionOutOfRange => Members(r#""version": "20240101000000.0.0""#),
            Self::InvalidEntryPoint => Members(r#""entry_point": "greeter""#),
            Self::PathEscape => Members(r#""icon": "../icon.svg""#),
            Self::InvalidActionName => Members(r#""actions": [{"name": "send e-mail", "description": "Sends it."}]"#),
            Self::DuplicateAction => Members(
                "\"actions\": [\n    {\"name\": \"greet\", \"description\": \"Greets.\"},\n    {\"name\": \"greet\", \"description\": \"Greets again.\"}\n  ]",
            ),
            Self::DuplicateParameter => Members(
                "\"actions\": [{\n    \"name\": \"greet\", \"description\": \"Greets.\",\n    \"parameters\": [{\"name\": \"who\", \"type\": \"string\"}, {\"name\": \"who\", \"type\": \"integer\"}]\n  }]",
            ),
            Self::ConflictingProperties => Members(
                "\"actions\": [{\n    \"name\": \"greet\", \"description\": \"Greets.\",\n    \"parameters\": [], \"parameters_schema\": {\"type\": \"object\"}\n  }]",
            ),
            Self::StreamMetadataUnused => Members(
                "\"actions\": [{\n    \"name\": \"greet\", \"description\": \"Greets.\",\n    \"stream_metadata\": {\"content_type\": \"text/plain\"}\n  }]",
            ),
            Self::InvalidSchema => {
                Members(r#""configuration_schema": {"type": "object", "properties": {"greeting": {"type": "strng"}}}"#)
            }
            Self::RefNotLocal => Members(r#""configuration_schema": {"$ref": "https://example.com/schema.json"}"#),
            Self::RefUnresolved => Members(r##""configuration_schema": {"$ref": "#/$defs/greeting"}"##),
            Self::RefCyclic => Members(r##""configuration_schema": {"properties": {"inner": {"$ref": "#"}}}"##),
            Self::SchemaTooComplex => Made("a schema with a list of more than 10000 allowed values", || {
                let member = format!("\"configuration_schema\": {{\"enum\": [{}0]}}", "0,".repeat(10_000));
                manifest(VALID.iter().map(|(_, text)| *text).chain([member.as_str()]))
            }),
            Self::ExampleMismatch => Members(
                "\"actions\": [{\n    \"name\": \"greet\", \"description\": \"Greets.\",\n    \"parameters\": [{\"name\": \"who\", \"type\": \"string\"}],\n    \"examples\": [{\"params\": {\"who\": 5}}]\n  }]",
            ),
            Self::InvalidSpecifier => Members(r#""api_version": ">=1.0 || <3""#),
            Self::SelfDependency => Members(r#""dependencies": {"plugins": [{"id": "com.acme.greeter"}]}"#),
            Self::DuplicateDependency => Members(
                r#""dependencies": {"plugins": [{"id": "com.acme.base"}, {"id": "com.acme.base", "optional": true}]}"#,
            ),
            Self::UnknownPermission => Members(r#""permissions_required": ["net.conect:443"]"#),
            Self::InvalidPermission => Members(r#""permissions_required": ["fs.read:data"]"#),
            Self::InvalidLicense => Members(r#""license": "GPLv3""#),
            Self::HomepageUrl => Members(r#""homepage": "http://example.com/greeter""#),
            Self::IconUrlRejected => Members(r#""icon": "http://example.com/icon.svg""#),
            Self::InvalidIcon => Members(r#""icon": "assets/my icon.svg""#),
            Self::UnsupportedAlgorithm => {
                Members(r#""checksum": {"algorithm": "md5", "value": "d41d8cd98f00b204e9800998ecf8427e"}"#)
            }
            Self::MalformedChecksum => Members(r#""checksum": {"algorithm": "blake3", "value": ""}"#),
            Self::UnsupportedSignatureMethod => Members(
                "\"checksum\": {\"algorithm\": \"blake3\", \"value\": \"af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262\"},\n  \"signature\": {\"method\": \"rsa\", \"key_id\": \"1\", \"value\": \"AA==\"}",
            ),
            Self::MalformedSignature => Members(
                r#""signature": {"method": "ed25519", "key_id": "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9", "value": "5VZDAMNgrHKQhuLMgG6CihSHfxZ80gOwbBzLPPBG8bNcQe3xOgPLbSBDnHqUlhbEFUfEGNkDQRXWA06ybeYNCA=="}"#,
            ),
        })
    }
}

#[cfg(all(test, feature = "validate"))]
mod tests {
    use crate::{FaultCode, check};

    /// R1.8: whoever looks a code up sees a file that leads to it, and to nothing else.
    #[test]
    fn each_code_has_a_meaning_and_an_example_that_yields_it_alone_with_a_remedy() {
        for &code in FaultCode::ALL {
            assert!(code.meaning().len() > 10 && code.meaning().ends_with('.'), "{code}");
            let text = code.example().plugin_json();
            let report = check(text.as_bytes());
            let found: Vec<_> = report.all().map(|fault| fault.code).collect();
            assert_eq!(found, [code], "{}", &text[..text.len().min(2000)]);
            assert!(report.all().all(|fault| fault.hint.is_some()), "{code}: {report:?}");
        }
    }
}
