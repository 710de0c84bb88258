//! Findings, which are faults before anybody has looked up their lines, and the walk that yields their pointers.

use serde_json::Value;

use crate::{FaultCode, Severity, strict_json::push_key};

/// A fault without its line and column.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "validate"),
    expect(dead_code, reason = "without spans only code, pointer and message are told")
)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) code: FaultCode,
    pub(crate) pointer: String,
    pub(crate) mark: Mark,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

/// What to underline at a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The value.
    Value,
    /// The key that the value stands under.
    #[cfg(feature = "validate")]
    Key,
    /// The key's repetition: 1 for the second key of that name.
    #[cfg(feature = "validate")]
    Repetition(usize),
    /// The character of the value, a string, at this byte.
    Character(usize),
}

impl Finding {
    pub(crate) fn error(code: FaultCode, pointer: String, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, pointer, mark: Mark::Value, message: message.into(), hint: None }
    }

    pub(crate) fn warning(code: FaultCode, pointer: String, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, pointer, message) }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    pub(crate) fn mark(self, mark: Mark) -> Self {
        Self { mark, ..self }
    }
}

/// A value with the way to it; the pointer is only written out when something is found.
#[derive(Clone, Copy)]
pub(crate) struct At<'v, 'p> {
    pub(crate) value: &'v Value,
    way: Way<'v, 'p>,
}

#[derive(Clone, Copy)]
enum Way<'v, 'p> {
    Root,
    Member(&'p At<'v, 'p>, &'v str),
    Item(&'p At<'v, 'p>, usize),
}

impl<'v, 'p> At<'v, 'p> {
    pub(crate) fn root(value: &'v Value) -> Self {
        Self { value, way: Way::Root }
    }

    pub(crate) fn member(&'p self, name: &str) -> Option<At<'v, 'p>> {
        let (name, value) = self.value.as_object()?.get_key_value(name)?;
        Some(At { value, way: Way::Member(self, name) })
    }

    /// The members of an object; none of anything else.
    #[cfg(feature = "validate")]
    pub(crate) fn members(&'p self) -> impl Iterator<Item = (&'v str, At<'v, 'p>)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(name, value)| (name.as_str(), At { value, way: Way::Member(self, name) }))
    }

    /// The items of an array; none of anything else.
    pub(crate) fn items(&'p self) -> impl Iterator<Item = At<'v, 'p>> {
        let items = self.value.as_array().into_iter().flatten();
        items.enumerate().map(|(index, value)| At { value, way: Way::Item(self, index) })
    }

    pub(crate) fn text(&self) -> Option<&'v str> {
        self.value.as_str()
    }

    /// The JSON pointer (RFC 6901).
    pub(crate) fn pointer(&self) -> String {
        match self.way {
            Way::Root => String::new(),
            Way::Member(parent, name) => {
                let mut pointer = parent.pointer();
                push_key(&mut pointer, name);
                pointer
            }
            Way::Item(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }

    pub(crate) fn error(&self, code: FaultCode, message: impl Into<String>) -> Finding {
        Finding::error(code, self.pointer(), message)
    }

    pub(crate) fn warning(&self, code: FaultCode, message: impl Into<String>) -> Finding {
        Finding::warning(code, self.pointer(), message)
    }
}
