//! Remedies for texts of the wrong form: what to write, made of what was written wherever it shows what was meant.

use std::str::FromStr;

use crate::{ActionName, EntryPoint, PluginId, PluginVersion};

/// Longer texts are no slips of the pen.
const LONGEST: usize = 200;

pub(super) fn id(text: &str) -> String {
    let labels =
        text.split(['.', '/', '\\', ':']).map(|label| portable(label).trim_start_matches(['_', '-']).to_owned());
    let meant = labels.filter(|label| !label.is_empty()).collect::<Vec<_>>().join(".");
    proposal::<PluginId>(text, &meant, "com.acme.greeter")
}

pub(super) fn version(text: &str) -> String {
    let bare = text.trim().trim_start_matches(['v', 'V', '=']).trim_start();
    let (core, rest) = bare.split_at(bare.find(['-', '+']).unwrap_or(bare.len()));
    let number = |digits: &str| match digits.trim_start_matches('0') {
        "" => "0".to_owned(),
        digits => digits.to_owned(),
    };
    let mut numbers: Vec<_> = core.split('.').map(number).collect();
    while numbers.len() < 3 {
        numbers.push("0".to_owned());
    }
    let more = numbers.split_off(3);
    let meant = match more.is_empty() || !rest.is_empty() {
        true => format!("{}{rest}", numbers.join(".")),
        false => format!("{}+{}", numbers.join("."), more.join(".")),
    };
    let meant = if core.starts_with(|c: char| c.is_ascii_digit()) { meant } else { String::new() };
    proposal::<PluginVersion>(text, &meant, "1.2.3")
}

pub(super) fn entry_point(text: &str) -> String {
    if let Some(module) = text.strip_suffix(".py").filter(|_| text.len() <= LONGEST) {
        let module = module.trim_start_matches("./").replace(['/', '-'], "_");
        let meant = format!("{module}.ClassName");
        if EntryPoint::from_str(&meant).is_ok() {
            return format!("write the module and its class, as in `{meant}`");
        }
    }
    let plain = text.trim().replace('-', "_");
    let meant = match plain.split("::").collect::<Vec<_>>()[..] {
        [name, .., class] => format!("{name}::{class}"),
        _ => plain.replacen(':', ".", 1),
    };
    proposal::<EntryPoint>(text, &meant, "greeter::Greeter")
}

pub(super) fn action_name(text: &str) -> String {
    let meant: String =
        portable(text).trim_start_matches(|c: char| !c.is_ascii_alphabetic()).chars().take(64).collect();
    proposal::<ActionName>(text, &meant, "send_email")
}

/// Letters, digits, `_` and `-`, with `_` for anything else.
fn portable(text: &str) -> String {
    let text: String = text.trim().chars().take(LONGEST).collect();
    text.replace(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')), "_")
}

fn proposal<T: FromStr>(text: &str, meant: &str, example: &str) -> String {
    if text.len() <= LONGEST && meant != text && T::from_str(meant).is_ok() {
        return format!("write `{meant}`, if that is what is meant");
    }
    format!("write one such as `{example}`")
}

#[cfg(test)]
mod tests {
    use super::{action_name, entry_point, id, version};

    #[test]
    fn what_is_proposed_is_made_of_what_was_written() {
        for (remedy, text, proposed) in [
            (id as fn(&str) -> String, "../x", "`x`"),
            (id, "com.acme.my plugin", "`com.acme.my_plugin`"),
            (id, "com..acme", "`com.acme`"),
            (id, "", "such as `com.acme.greeter`"),
            (id, "äöü", "such as `com.acme.greeter`"),
            (version, "1.2", "`1.2.0`"),
            (version, "v1.2.3-rc.1", "`1.2.3-rc.1`"),
            (version, "01.2.3", "`1.2.3`"),
            (version, "1.2.3.4", "`1.2.3+4`"),
            (version, "latest", "such as `1.2.3`"),
            (version, "18446744073709551616.0.0", "such as `1.2.3`"),
            (entry_point, "test_plugin.py", "`test_plugin.ClassName`"),
            (entry_point, "greeter:Greeter", "`greeter.Greeter`"),
            (entry_point, "my-greeter::Greeter", "`my_greeter::Greeter`"),
            (entry_point, "greeter::inner::Greeter", "`greeter::Greeter`"),
            (entry_point, "/usr/lib/x.so", "such as `greeter::Greeter`"),
            (action_name, "2fast", "`fast`"),
            (action_name, "send e-mail", "`send_e-mail`"),
            (action_name, "", "such as `send_email`"),
        ] {
            assert!(remedy(text).contains(proposed), "{text}: {}", remedy(text));
            assert!(!remedy(&text.repeat(10_000)).contains(&text.repeat(200)) || text.is_empty());
        }
    }
}
