//! From text to clauses, with the place and the expectation where the text is wrong.

use semver::Prerelease;

use super::{
    VersionSpecifier,
    clause::{Clause, Operand, Operator},
};
use crate::PluginVersion;

/// Why a text is not a version specifier: what was expected at which character.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a version specifier: expected {expected} at character {}, found {}", text.escape_debug(), self.character(), self.found())]
pub struct InvalidSpecifier {
    text: Box<str>,
    offset: usize,
    expected: &'static str,
}

impl InvalidSpecifier {
    /// The text as given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the text goes wrong, in bytes from its start; its length if something is missing at the end.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What would be right there.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// The stable error code.
    pub fn code(&self) -> &'static str {
        "InvalidSpecifier"
    }

    /// How the text may be meant, if it looks like a common mistake.
    pub fn hint(&self) -> Option<String> {
        let first = self.text[self.offset..].chars().next()?;
        let meant = match first {
            'v' | 'V' => "write the version without `v`",
            '>' | '<' if self.text[..self.offset].ends_with('=') => "write `>=` and `<=`, with the `=` last",
            '|' => "alternatives are not supported; all clauses must hold, and commas separate them",
            'a'..='z' if self.offset > 0 => "pre-releases are written as in SemVer, such as `1.2.0-rc.1`",
            '0'..='9' | '>' | '<' | '=' | '~' | '^' | '!' if self.expected.contains("comma") => {
                "separate clauses with commas"
            }
            _ => return None,
        };
        Some(meant.to_owned())
    }

    fn character(&self) -> usize {
        self.text[..self.offset].chars().count() + 1
    }

    fn found(&self) -> String {
        self.text[self.offset..].chars().next().map_or_else(|| "the end".to_owned(), |c| format!("{c:?}"))
    }
}

/// The clauses of a specifier; none for one that every version satisfies.
pub(super) fn clauses(text: &str) -> Result<Vec<Clause>, InvalidSpecifier> {
    let mut cursor = Cursor { text, offset: 0 };
    if text.len() > VersionSpecifier::MAX_BYTES {
        cursor.offset = text.floor_char_boundary(VersionSpecifier::MAX_BYTES);
        return Err(cursor.expected("the end, since a specifier has at most 1024 bytes"));
    }
    if matches!(text.trim_matches(is_space), "" | "*" | "x" | "X") {
        return Ok(Vec::new());
    }
    let mut clauses = Vec::new();
    loop {
        cursor.skip_spaces();
        clauses.push(cursor.clause()?);
        cursor.skip_spaces();
        if cursor.rest().is_empty() {
            return Ok(clauses);
        }
        if !cursor.eat(",") {
            return Err(cursor.expected("a comma or the end"));
        }
    }
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn expected(&self, expected: &'static str) -> InvalidSpecifier {
        InvalidSpecifier { text: self.text.into(), offset: self.offset, expected }
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.offset += token.len();
        }
        found
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.offset += end;
        &rest[..end]
    }

    fn skip_spaces(&mut self) {
        self.take_while(is_space);
    }

    fn clause(&mut self) -> Result<Clause, InvalidSpecifier> {
        if self.eat("===") {
            self.skip_spaces();
            let text = self.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
            if text.is_empty() {
                return Err(self.expected("a version"));
            }
            return Ok(Clause::Identical(text.into()));
        }
        let operator = self.operator();
        self.skip_spaces();
        let operand = self.operand(operator)?;
        Ok(Clause::Compared(operator, operand))
    }

    fn operator(&mut self) -> Operator {
        const OPERATORS: [(&str, Operator); 10] = [
            ("==", Operator::Equal),
            ("!=", Operator::NotEqual),
            (">=", Operator::AtLeast),
            ("<=", Operator::AtMost),
            ("~=", Operator::Compatible),
            (">", Operator::Greater),
            ("<", Operator::Less),
            ("^", Operator::Caret),
            ("~", Operator::Tilde),
            ("=", Operator::Exact),
        ];
        let found = OPERATORS.into_iter().find(|(token, _)| self.eat(token));
        found.map_or(Operator::Bare, |(_, operator)| operator)
    }

    fn operand(&mut self, operator: Operator) -> Result<Operand, InvalidSpecifier> {
        let major = self.number(if operator == Operator::Bare { "an operator or a version" } else { "a version" })?;
        let mut operand = Operand { major, minor: None, patch: None, pre: Prerelease::EMPTY, wildcard: false };
        while self.eat(".") {
            let room = operand.patch.is_none() || !operator.is_cargo();
            if room && operator.takes_wildcard() && self.wildcard(operator) {
                self.trailing_wildcards(&operand, operator);
                operand.wildcard = true;
                return Ok(operand);
            }
            let number = self.next_number(&operand, operator)?;
            match operand.minor {
                None => operand.minor = Some(number),
                Some(_) => operand.patch = Some(number),
            }
        }
        if operator == Operator::Compatible && operand.minor.is_none() {
            return Err(self.expected("`.` and a second number, which `~=` needs"));
        }
        if operand.patch.is_some() || !operator.is_cargo() {
            self.suffixes(&mut operand)?;
        }
        Ok(operand)
    }

    fn next_number(&mut self, so_far: &Operand, operator: Operator) -> Result<u64, InvalidSpecifier> {
        match (so_far.patch, operator) {
            (None, _) if operator.takes_wildcard() => self.number("a number or `*`"),
            (None, _) => self.number("a number"),
            (Some(_), Operator::Equal | Operator::NotEqual) => {
                Err(self.expected("`*`, since a version has three numbers"))
            }
            (Some(_), _) => {
                self.offset -= 1;
                Err(self.expected("no fourth number"))
            }
        }
    }

    fn wildcard(&mut self, operator: Operator) -> bool {
        self.eat("*") || (operator.is_cargo() && (self.eat("x") || self.eat("X")))
    }

    /// Cargo takes `1.*.*` as `1.*`.
    fn trailing_wildcards(&mut self, operand: &Operand, operator: Operator) {
        let before = self.offset;
        if !(operator.is_cargo() && operand.minor.is_none() && self.eat(".") && self.wildcard(operator)) {
            self.offset = before;
        }
    }

    fn number(&mut self, expected: &'static str) -> Result<u64, InvalidSpecifier> {
        let start = self.offset;
        let digits = self.take_while(|c| c.is_ascii_digit());
        let reset = |cursor: &mut Self, expected| {
            cursor.offset = start;
            Err(cursor.expected(expected))
        };
        if digits.is_empty() {
            return reset(self, expected);
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return reset(self, "a number without leading zeros");
        }
        match digits.parse() {
            Ok(number) if number <= PluginVersion::MAX_NUMBER => Ok(number),
            _ => reset(self, "a number of at most 999999999"),
        }
    }

    /// `-pre.release` and `+build.metadata`; the latter is checked and forgotten.
    fn suffixes(&mut self, operand: &mut Operand) -> Result<(), InvalidSpecifier> {
        if self.eat("-") {
            let start = self.offset;
            self.identifiers(true)?;
            let text = &self.text[start..self.offset];
            operand.pre = Prerelease::new(text).map_err(|_| self.expected("a pre-release after SemVer 2.0.0"))?;
        }
        if self.eat("+") {
            self.identifiers(false)?;
        }
        Ok(())
    }

    fn identifiers(&mut self, numeric: bool) -> Result<(), InvalidSpecifier> {
        loop {
            let start = self.offset;
            let identifier = self.take_while(|c| c.is_ascii_alphanumeric() || c == '-');
            if identifier.is_empty() {
                return Err(self.expected("letters, digits or `-`"));
            }
            let has_leading_zero = identifier.len() > 1 && identifier.starts_with('0');
            if numeric && has_leading_zero && identifier.bytes().all(|byte| byte.is_ascii_digit()) {
                self.offset = start;
                return Err(self.expected("a number without leading zeros"));
            }
            if !self.eat(".") {
                return Ok(());
            }
        }
    }
}
