//! Parameters of an action, as given on the command line.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use crate::failure::Failure;

/// Parameters as given: an object of JSON, single values, or both.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    object: Map<String, Value>,
    pairs: Vec<(String, String)>,
}

const HEADING: &str = "Parameters";

/// The options that parameters are given with.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The parameters as a JSON object
    #[arg(long, value_name = "JSON", help_heading = HEADING, conflicts_with = "params_file")]
    params: Option<String>,

    /// A file with the parameters as a JSON object, `-` for standard input
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    params_file: Option<PathBuf>,

    /// One parameter; repeat for more
    ///
    /// The value is read by the type that the action declares; where it declares none, as JSON, or else as a string. It
    /// wins over the same key of the object.
    #[arg(short = 'p', long = "param", value_name = "KEY=VALUE", help_heading = HEADING, value_parser = parse_pair)]
    pairs: Vec<(String, String)>,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as name=Ada".to_owned()),
    }
}

impl Parameters {
    /// Reads what the options say, files and standard input among it.
    pub(crate) fn read(options: &Options) -> Result<Self, Failure> {
        let object = match (&options.params, &options.params_file) {
            (Some(text), _) => object("--params", text.as_bytes())?,
            (None, Some(file)) => object(&file.display().to_string(), &read(file)?)?,
            (None, None) => Map::new(),
        };
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in &options.pairs {
            if pairs.iter().any(|(known, _)| known == key) {
                return Err(Failure::usage(format!("parameter `{}` is given twice", key.escape_debug()))
                    .hint(format!("give one -p {}=..., a list as JSON: -p '{0}=[1, 2]'", key.escape_debug())));
            }
            pairs.push((key.clone(), value.clone()));
        }
        Ok(Self { object, pairs })
    }

    /// The parameters object, each single value read by the type that the action's schema gives it.
    ///
    /// A value that does not fit its type stays a string, so that validation reports it with all other faults.
    pub(crate) fn for_schema(self, schema: &Value) -> Value {
        let mut object = self.object;
        for (key, text) in self.pairs {
            let value = typed(&text, &schema["properties"][&key]["type"]);
            object.insert(key, value);
        }
        Value::Object(object)
    }
}

fn typed(text: &str, kind: &Value) -> Value {
    let kinds: Vec<&str> = match kind {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if kinds == ["string"] {
        return text.into();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) if kinds.is_empty() || kinds.iter().any(|kind| is(&value, kind)) => value,
        _ => text.into(),
    }
}

/// Whether a value is of a type of JSON Schema, which counts 1.0 as an integer.
fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map_err(|error| Failure::io("read the parameters from", file, &error))?;
        return Ok(bytes);
    }
    fs::read(file).map_err(|error| Failure::io("read the parameters from", file, &error))
}

/// Parses a JSON object that `origin` gave.
pub(crate) fn object(origin: &str, json: &[u8]) -> Result<Map<String, Value>, Failure> {
    let invalid = |what: &str| {
        Failure::new("InvalidParameters", format!("{origin} is not a JSON object"))
            .causes([what.to_owned()])
            .hint(r#"write an object such as '{"name": "Ada"}', or single values: -p name=Ada"#)
    };
    match serde_json::from_slice(json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(invalid(&format!("it is {}", kind_of(&other)))),
        Err(error) => Err(invalid(&error.to_string())),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_read_by_the_schemas_type_else_as_json_else_as_a_string() {
        for (text, kind, value) in [
            ("5", json!("string"), json!("5")),
            ("\"x\"", json!("string"), json!("\"x\"")),
            ("5", json!("integer"), json!(5)),
            ("5.0", json!("integer"), json!(5.0)),
            ("5.5", json!("integer"), json!("5.5")),
            ("5.5", json!("number"), json!(5.5)),
            ("five", json!("integer"), json!("five")),
            ("true", json!("boolean"), json!(true)),
            ("yes", json!("boolean"), json!("yes")),
            ("null", json!(["string", "null"]), json!(null)),
            ("5", json!(["string", "null"]), json!("5")),
            ("[1, 2]", json!("array"), json!([1, 2])),
            ("[1", json!("array"), json!("[1")),
            ("{\"a\": 1}", json!("object"), json!({"a": 1})),
            ("5", json!(null), json!(5)),
            ("five", json!(null), json!("five")),
            ("", json!(null), json!("")),
        ] {
            assert_eq!(typed(text, &kind), value, "{text} as {kind}");
        }
    }

    #[test]
    fn single_values_win_over_the_object() {
        let options = Options {
            params: Some(r#"{"name": "Ada", "n": 1}"#.to_owned()),
            params_file: None,
            pairs: vec![("n".to_owned(), "2".to_owned()), ("x.y".to_owned(), "a=b".to_owned())],
        };
        let schema = json!({"properties": {"n": {"type": "integer"}}});
        let parameters = Parameters::read(&options).unwrap().for_schema(&schema);
        assert_eq!(parameters, json!({"name": "Ada", "n": 2, "x.y": "a=b"}));
    }

    #[test]
    fn what_is_no_object_and_what_is_given_twice_is_refused() {
        let with = |params: &str| Options { params: Some(params.to_owned()), ..Options::default() };
        for params in ["[1]", "{", "null", "\"x\""] {
            let failure = Parameters::read(&with(params)).unwrap_err();
            assert_eq!(failure.exit().number(), 5, "{params}");
        }
        let twice = vec![("a".to_owned(), "1".to_owned()), ("a".to_owned(), "2".to_owned())];
        let failure = Parameters::read(&Options { pairs: twice, ..Options::default() }).unwrap_err();
        assert_eq!(failure.exit().number(), 2);
        assert_eq!(parse_pair("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(parse_pair("=x").is_err() && parse_pair("x").is_err());
    }
}
