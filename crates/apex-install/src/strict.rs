//! Files of strict JSON with a format's name: read in one way, written in one form.

use std::{fs::OpenOptions, io::Read as _, path::Path};

use apex_meta::{JsonLimits, parse_strict_json};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{FileFault, FileKind, InstallError};

/// What a file of a store or source may hold: 64 MiB, since an index may list ten thousands of packages.
pub(crate) const LIMITS: JsonLimits = JsonLimits { max_bytes: 64 << 20, max_depth: 16 };

/// Reads a form whose member `format` must have the value given.
pub(crate) fn read<T: DeserializeOwned>(
    file: FileKind,
    path: &Path,
    format: &str,
    bytes: &[u8],
) -> Result<T, InstallError> {
    let invalid = |fault| InstallError::Invalid { file, path: path.to_owned(), fault };
    let mut value = parse_strict_json(bytes, LIMITS).map_err(|error| invalid(FileFault::Json(error)))?;
    let found = value.as_object_mut().and_then(|members| members.remove("format"));
    if found != Some(Value::from(format)) {
        let fault = format!("its format is {}, expected \"{format}\"", found.unwrap_or(Value::Null));
        return Err(InstallError::content(file, path, fault));
    }
    if let Some(version) = out_of_range(&value) {
        return Err(invalid(FileFault::Version(version)));
    }
    T::deserialize(value).map_err(|error| invalid(FileFault::Form(error)))
}

/// A version that would block every later one has an error of its own, wherever it stands.
fn out_of_range(value: &Value) -> Option<apex_meta::InvalidVersion> {
    match value {
        Value::Array(items) => items.iter().find_map(out_of_range),
        Value::Object(members) => members.iter().find_map(|(name, member)| match member {
            Value::String(text) if name == "version" => text
                .parse::<apex_meta::PluginVersion>()
                .err()
                .filter(|error| matches!(error, apex_meta::InvalidVersion::OutOfRange { .. })),
            member => out_of_range(member),
        }),
        _ => None,
    }
}

/// Reads a file that anybody may have made, and what it says.
///
/// # Errors
/// As [`read_file`], and whatever `parse` finds.
pub(crate) fn load<T>(
    file: FileKind,
    path: &Path,
    parse: impl FnOnce(&Path, &[u8]) -> Result<T, InstallError>,
) -> Result<T, InstallError> {
    parse(path, &read_file(file, path)?)
}

/// Reads a file that anybody may have made, whole if it is no longer than a form may be.
///
/// # Errors
/// It cannot be read; or it is no regular file, which may never end, or never begin.
fn read_file(file: FileKind, path: &Path) -> Result<Vec<u8>, InstallError> {
    let mut options = OpenOptions::new();
    // A FIFO in its place must not hang the reader.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let opened = options.read(true).open(path).map_err(InstallError::io("open", path))?;
    if !opened.metadata().map_err(InstallError::io("read", path))?.is_file() {
        return Err(InstallError::content(file, path, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    opened.take(LIMITS.max_bytes as u64 + 1).read_to_end(&mut bytes).map_err(InstallError::io("read", path))?;
    Ok(bytes)
}

/// Writes a form, indented, with its format's name first; `path` is for messages.
///
/// # Errors
/// It has no form as JSON, which none of ours lacks.
pub(crate) fn write(format: &str, form: &impl Serialize, path: &Path) -> Result<Vec<u8>, InstallError> {
    #[derive(Serialize)]
    struct Named<'a, T> {
        format: &'a str,
        #[serde(flatten)]
        form: &'a T,
    }
    let written = serde_json::to_vec_pretty(&Named { format, form });
    let mut bytes = written.map_err(|error| InstallError::io("write", path)(error.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Values that have a form as text: `#[serde(with = "strict::text")]`.
pub(crate) mod text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The same for what may be `null`: `#[serde(with = "strict::optional_text")]`.
pub(crate) mod optional_text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}
