//! Why a text is no permission.

use super::Permission;
use crate::InvalidId;

/// A text that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a permission: {fault}", text.escape_debug())]
pub struct InvalidPermission {
    /// The text, cut after 80 characters.
    text: String,
    fault: Fault,
}

/// What is wrong with it.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    #[error("it is longer than {} bytes", Permission::MAX_BYTES)]
    TooLong,
    #[error("there is none of this name")]
    Unknown,
    #[error("`{name}` needs its {argument}, as in `{name}:{argument}`")]
    Missing { name: &'static str, argument: &'static str },
    #[error("nothing stands after `{name}`")]
    Unexpected { name: &'static str },
    #[error("its path must start with `/`, `${{workspace}}` or `${{plugin_data}}`")]
    RelativePath,
    #[error("its path must not hold `.` or `..` as a part")]
    PathLeadsUp,
    #[error("its path must not hold wildcards or control characters: it stands for all that lies below it")]
    PathCharacter,
    #[error("its port must be a number from {least} to 65535")]
    Port { least: u16 },
    #[error("a variable's name has letters, digits and `_` and starts with no digit")]
    Variable,
    #[error("this variable tells the dynamic linker or the C library what to load, and reaches no plugin")]
    Linker,
    #[error("the host itself sets this variable for each plugin")]
    Given,
    #[error("{source}")]
    Id { source: InvalidId },
}

impl InvalidPermission {
    pub(super) fn new(text: &str, fault: Fault) -> Self {
        Self { text: text.chars().take(80).collect(), fault }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Unknown => "UnknownPermission",
            _ => "InvalidPermission",
        }
    }

    /// Whether nothing of this name is known, rather than its argument being wrong.
    pub fn is_unknown(&self) -> bool {
        self.fault == Fault::Unknown
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> String {
        let forms = Permission::FORMS.iter().map(|form| match form.argument {
            Some(argument) => format!("{}:{argument}", form.name),
            None => form.name.to_owned(),
        });
        format!("permissions are {}", forms.collect::<Vec<_>>().join(", "))
    }
}
