//! The parameters of a call, as the author reads them.

use std::sync::OnceLock;

use apex_abi::RVec;
use apex_meta::ErrorKind;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{Error, Result, ResultExt};

/// The parameters of a call: a JSON object, read only as far as it is asked for.
///
/// The host has checked them against the action's schema and filled in defaults; what is wrong nonetheless is an error
/// of kind `InvalidParameters`.
pub struct Params {
    bytes: RVec<u8>,
    object: OnceLock<Map<String, Value>>,
}

impl Params {
    pub(crate) fn new(bytes: RVec<u8>) -> Self {
        Self { bytes, object: OnceLock::new() }
    }

    /// The bytes as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All parameters as one type.
    ///
    /// # Errors
    /// When they do not fit the type.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T> {
        let bytes: &[u8] = if self.bytes.is_empty() { b"{}" } else { &self.bytes };
        serde_json::from_slice(bytes).context("the parameters do not fit").with_kind(ErrorKind::InvalidParameters)
    }

    /// The parameter of this name, which must be there.
    ///
    /// # Errors
    /// When it is missing or does not fit the type.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<T> {
        match self.object()?.get(name) {
            Some(value) => read(name, value),
            None => Err(about(name, Error::invalid_parameters(format!("parameter `{name}` is missing")))),
        }
    }

    /// The parameter of this name, nothing if it is missing or `null`.
    ///
    /// # Errors
    /// When it does not fit the type.
    pub fn optional<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>> {
        match self.object()?.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => read(name, value).map(Some),
        }
    }

    fn object(&self) -> Result<&Map<String, Value>> {
        if let Some(object) = self.object.get() {
            return Ok(object);
        }
        let object = self.parse()?;
        Ok(self.object.get_or_init(|| object))
    }
}

fn read<'a, T: Deserialize<'a>>(name: &str, value: &'a Value) -> Result<T> {
    T::deserialize(value)
        .context(format!("parameter `{name}` does not fit"))
        .map_err(|error| about(name, error.with_kind(ErrorKind::InvalidParameters)))
}

fn about(name: &str, error: Error) -> Error {
    // RFC 6901: `~` and `/` are escaped in a pointer.
    error.with_details(json!({"pointer": format!("/{}", name.replace('~', "~0").replace('/', "~1"))}))
}

impl From<Value> for Params {
    /// Parameters out of thin air, for tests.
    fn from(value: Value) -> Self {
        Self::new(value.to_string().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn parameters_are_read_one_by_one_or_all_at_once() {
        let params = Params::from(json!({"name": "Ada", "times": 3, "nothing": null}));
        assert_eq!(params.get::<&str>("name").unwrap(), "Ada");
        assert_eq!(params.get::<u8>("times").unwrap(), 3);
        assert_eq!(params.optional::<u8>("times").unwrap(), Some(3));
        assert_eq!(params.optional::<u8>("nothing").unwrap(), None);
        assert_eq!(params.optional::<u8>("missing").unwrap(), None);
        assert_eq!(params.parse::<Value>().unwrap()["times"], 3);
        assert!(Params::new(RVec::new()).optional::<u8>("any").unwrap().is_none(), "no bytes are no parameters");
    }

    #[test]
    fn what_is_wrong_is_an_invalid_parameter_with_its_pointer() {
        let params = Params::from(json!({"a/b": "x"}));
        let missing = params.get::<u8>("name").unwrap_err();
        assert_eq!((missing.kind(), missing.message()), (ErrorKind::InvalidParameters, "parameter `name` is missing"));
        let unfit = params.get::<u8>("a/b").unwrap_err();
        assert_eq!(unfit.kind(), ErrorKind::InvalidParameters);
        assert_eq!(unfit.details(), Some(&json!({"pointer": "/a~1b"})));
        for bytes in [&b"[1]"[..], b"not json", b"\xff"] {
            let error = Params::new(bytes.to_vec().into()).get::<u8>("n").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidParameters);
        }
    }
}
