//! A second evaluator, written from PEP 440, Cargo's reference and SemVer's section 11 without a look at the first.

use std::cmp::Ordering;

use proptest::prelude::*;
use semver::Version;

/// A clause as its author means it: an operator, the numbers written, a wildcard or a pre-release after them.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    operator: &'static str,
    numbers: Vec<u64>,
    wildcard: bool,
    pre: String,
}

pub(super) fn clause() -> impl Strategy<Value = Clause> {
    let operators = vec!["==", "!=", ">=", "<=", ">", "<", "~=", "^", "~", "=", ""];
    let parts = (
        prop::sample::select(operators),
        prop::collection::vec(0..4_u64, 1..4),
        any::<bool>(),
        super::any_prerelease(),
    );
    parts.prop_map(|(operator, mut numbers, wildcard, pre)| {
        if operator == "~=" && numbers.len() == 1 {
            numbers.push(1);
        }
        let wildcard = wildcard
            && match operator {
                "==" | "!=" => true,
                "^" | "~" | "=" | "" => numbers.len() < 3,
                _ => false,
            };
        let cargo = matches!(operator, "^" | "~" | "=" | "");
        let pre = if wildcard || (cargo && numbers.len() < 3) { "" } else { pre.strip_prefix('-').unwrap_or("") };
        Clause { operator, numbers, wildcard, pre: pre.to_owned() }
    })
}

type Point = ([u64; 3], Vec<String>);

fn precedence(a: &Point, b: &Point) -> Ordering {
    a.0.cmp(&b.0).then_with(|| match (a.1.is_empty(), b.1.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            for (x, y) in a.1.iter().zip(&b.1) {
                let order = match (x.parse::<u64>(), y.parse::<u64>()) {
                    (Ok(x), Ok(y)) => x.cmp(&y),
                    (Ok(_), Err(_)) => Ordering::Less,
                    (Err(_), Ok(_)) => Ordering::Greater,
                    (Err(_), Err(_)) => x.as_bytes().cmp(y.as_bytes()),
                };
                if order.is_ne() {
                    return order;
                }
            }
            a.1.len().cmp(&b.1.len())
        }
    })
}

fn identifiers(pre: &str) -> Vec<String> {
    if pre.is_empty() { Vec::new() } else { pre.split('.').map(str::to_owned).collect() }
}

impl Clause {
    pub(super) fn text(&self) -> String {
        let numbers = self.numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
        let wildcard = if self.wildcard { ".*" } else { "" };
        let dash = if self.pre.is_empty() { "" } else { "-" };
        format!("{}{numbers}{wildcard}{dash}{}", self.operator, self.pre)
    }

    pub(super) fn holds(&self, version: &Version) -> bool {
        let point: Point = ([version.major, version.minor, version.patch], identifiers(version.pre.as_str()));
        let mut padded = self.numbers.clone();
        padded.resize(3, 0);
        let named: Point = ([padded[0], padded[1], padded[2]], identifiers(&self.pre));
        let order = precedence(&point, &named);
        let starts_with = |count: usize| point.0[..count] == self.numbers[..count];
        let equal = if self.wildcard { starts_with(self.numbers.len()) } else { order.is_eq() };
        match self.operator {
            "==" => equal,
            "!=" => !equal,
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            "<" if named.1.is_empty() => order.is_lt() && point.0 != named.0,
            "<" => order.is_lt(),
            "~=" => order.is_ge() && starts_with(self.numbers.len() - 1),
            "=" if self.numbers.len() == 3 => order.is_eq(),
            "=" => order.is_ge() && starts_with(self.numbers.len()),
            "~" => order.is_ge() && starts_with(self.numbers.len().min(2)),
            "" if self.wildcard => order.is_ge() && starts_with(self.numbers.len()),
            _ => {
                let leading_zeros = self.numbers.iter().take_while(|&&number| number == 0).count();
                order.is_ge() && starts_with((leading_zeros + 1).min(self.numbers.len()))
            }
        }
    }
}
