//! The shape of a schema: where its `$ref`s lead, and how large it is once they are written out.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{
    InvalidSchema, SchemaValidator,
    keywords::{Content, content_of, resolve},
};
use crate::{FaultCode, strict_json::push_key};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What a walk over a schema finds, before anything is compiled.
pub(super) struct Shape {
    pub(super) faults: Vec<InvalidSchema>,
    pub(super) size: Size,
    pub(super) patterns: usize,
    pub(super) has_defaults: bool,
    /// Whether there is something that only compiling shows to be right.
    pub(super) needs_compiling: bool,
}

/// Walks a schema in time linear to its text.
///
/// A schema that doubles through `$ref` takes 1.5 KB to cost a validator a quarter of a second, and four times that
/// for each two levels more; so its size is computed here, where each target is measured once, and bounded before
/// anything is compiled.
pub(super) fn examine(schema: &Value) -> Shape {
    let size = size_of_data(schema);
    let mut shape = Shape { faults: Vec::new(), size, patterns: 0, has_defaults: false, needs_compiling: false };
    if let Some(message) = excess(size, 0) {
        shape.faults.push(too_complex(message));
        return shape;
    }
    let mut walk = Walk {
        root: schema,
        shape,
        targets: HashMap::new(),
        has_references: has_references(schema),
        level: 0,
        pointer: String::new(),
    };
    let size = walk.schema(schema);
    walk.shape.size = size;
    if let Some(message) = excess(size, walk.shape.patterns) {
        walk.shape.faults.push(too_complex(message));
    }
    walk.shape
}

fn excess(size: Size, patterns: usize) -> Option<String> {
    const NODES: u64 = SchemaValidator::MAX_EXPANDED_NODES;
    const DEPTH: usize = SchemaValidator::MAX_EXPANDED_DEPTH;
    const PATTERNS: usize = SchemaValidator::MAX_PATTERNS;
    if size.nodes > NODES {
        Some(format!("the schema grows beyond {NODES} values once its `$ref`s are written out"))
    } else if size.depth > DEPTH {
        Some(format!("the schema nests deeper than {DEPTH} levels once its `$ref`s are written out"))
    } else if patterns > PATTERNS {
        Some(format!("the schema has {patterns} patterns, at most {PATTERNS} are taken"))
    } else {
        None
    }
}

fn too_complex(message: String) -> InvalidSchema {
    InvalidSchema { code: FaultCode::SchemaTooComplex, pointer: String::new(), message }
}

/// The size of a part with every `$ref` in it written out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    pub(super) nodes: u64,
    depth: usize,
}

impl Size {
    fn add(&mut self, child: Self) {
        self.nodes = self.nodes.saturating_add(child.nodes);
        self.depth = self.depth.max(child.depth.saturating_add(1));
    }
}

/// Where a target of a `$ref` stands in the walk.
#[derive(Clone, Copy)]
enum Target {
    Open,
    Measured(Size),
}

struct Walk<'a> {
    root: &'a Value,
    shape: Shape,
    /// By address: two texts may name the same target.
    targets: HashMap<*const Value, Target>,
    /// Without any `$ref` every schema is met once, and there is nothing to remember.
    has_references: bool,
    /// How many schemas are open, so that a long chain of `$ref`s ends before the stack does.
    level: usize,
    pointer: String,
}

impl<'a> Walk<'a> {
    fn fault(&mut self, code: FaultCode, message: String) {
        self.shape.faults.push(InvalidSchema { code, pointer: self.pointer.clone(), message });
    }

    fn below<T>(&mut self, key: &str, enter: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        push_key(&mut self.pointer, key);
        let result = enter(self);
        self.pointer.truncate(length);
        result
    }

    /// Measures a schema, once.
    fn schema(&mut self, schema: &'a Value) -> Size {
        let address = std::ptr::from_ref(schema);
        let known = if self.has_references { self.targets.get(&address) } else { None };
        match known {
            Some(Target::Measured(size)) => return *size,
            Some(Target::Open) => return self.circle("the schema contains itself".to_owned()),
            None if self.level > SchemaValidator::MAX_EXPANDED_DEPTH => return Size { nodes: 1, depth: self.level },
            None => {}
        }
        if self.has_references {
            self.targets.insert(address, Target::Open);
        }
        self.level += 1;
        let size = match schema {
            Value::Object(members) => self.members(members),
            other => size_of_data(other),
        };
        self.level -= 1;
        if self.has_references {
            self.targets.insert(address, Target::Measured(size));
        }
        size
    }

    fn circle(&mut self, message: String) -> Size {
        self.fault(FaultCode::RefCyclic, message);
        Size::default()
    }

    fn members(&mut self, members: &'a Map<String, Value>) -> Size {
        let mut size = Size { nodes: 1, depth: 1 };
        for (keyword, value) in members {
            let child = self.below(keyword, |walk| walk.keyword(keyword, value));
            size.add(child);
        }
        size
    }

    fn keyword(&mut self, keyword: &str, value: &'a Value) -> Size {
        match (keyword, value) {
            ("$ref", Value::String(reference)) => return self.reference(reference),
            ("$dynamicRef", _) => {
                self.fault(FaultCode::InvalidSchema, "`$dynamicRef` is not supported; use `$ref`".into());
            }
            ("$id", _) if self.pointer != "/$id" => {
                self.fault(FaultCode::InvalidSchema, "an `$id` below the top would change where `$ref`s lead".into());
            }
            ("$schema", Value::String(dialect)) if dialect.trim_end_matches('#') != DIALECT => {
                self.fault(FaultCode::InvalidSchema, format!("expected the dialect {DIALECT}, found another"));
            }
            ("default", _) => self.shape.has_defaults = true,
            ("pattern", _) => self.count_patterns(1),
            ("patternProperties", Value::Object(patterns)) => self.count_patterns(patterns.len()),
            _ => {}
        }
        self.content(content_of(keyword), value)
    }

    fn count_patterns(&mut self, count: usize) {
        self.shape.patterns += count;
        self.shape.needs_compiling |= count > 0;
    }

    fn content(&mut self, content: Content, value: &'a Value) -> Size {
        let mut size = Size { nodes: 1, depth: 0 };
        match (content, value) {
            (Content::Schema, schema) => return self.schema(schema),
            (Content::Schemas, Value::Array(schemas)) => {
                for (index, schema) in schemas.iter().enumerate() {
                    size.add(self.below(&index.to_string(), |walk| walk.schema(schema)));
                }
            }
            (Content::NamedSchemas, Value::Object(schemas)) => {
                for (name, schema) in schemas {
                    size.add(self.below(name, |walk| walk.schema(schema)));
                }
            }
            (_, data) => return size_of_data(data),
        }
        size
    }

    fn reference(&mut self, reference: &str) -> Size {
        self.shape.needs_compiling = true;
        if !reference.starts_with('#') {
            let message = format!("`{}` leads out of the schema; expected `#/$defs/…`", reference.escape_debug());
            self.fault(FaultCode::RefNotLocal, message);
            return Size::default();
        }
        let Some(target) = resolve(self.root, reference) else {
            let message = format!("`{}` leads to nothing in this schema", reference.escape_debug());
            self.fault(FaultCode::RefUnresolved, message);
            return Size::default();
        };
        if let Some(Target::Open) = self.targets.get(&std::ptr::from_ref(target)) {
            return self.circle(format!("`{}` leads back to a schema that contains it", reference.escape_debug()));
        }
        let here = std::mem::replace(&mut self.pointer, reference.trim_start_matches('#').to_owned());
        let mut size = Size { nodes: 1, depth: 1 };
        size.add(self.schema(target));
        self.pointer = here;
        size
    }
}

fn has_references(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_references),
        Value::Object(members) => members.contains_key("$ref") || members.values().any(has_references),
        _ => false,
    }
}

fn size_of_data(value: &Value) -> Size {
    let mut size = Size { nodes: 1, depth: 0 };
    match value {
        Value::Array(items) => items.iter().for_each(|item| size.add(size_of_data(item))),
        Value::Object(members) => members.values().for_each(|member| size.add(size_of_data(member))),
        _ => {}
    }
    size
}
