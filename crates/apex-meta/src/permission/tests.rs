//! The vocabulary: what is read, what is refused, and what covers what.

use proptest::prelude::*;

use super::*;

fn permission(text: &str) -> Permission {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_form_has_an_example_that_is_of_this_form_and_is_written_as_it_was_read() {
    for form in Permission::FORMS {
        let read = permission(form.example);
        assert_eq!(read.form().name, form.name);
        assert_eq!(read.to_string(), form.example);
    }
}

#[test]
fn every_alias_stands_for_permissions() {
    for alias in Permission::ALIASES {
        let meant = Permission::named(alias.name).unwrap();
        assert!(!meant.is_empty(), "{}", alias.name);
        assert_eq!(meant.iter().map(ToString::to_string).collect::<Vec<_>>(), alias.stands_for);
    }
}

/// The guide, so that its tables cannot drift.
const GUIDE: &str = include_str!("../../../../docs/permissions.md");

#[test]
fn the_guide_has_a_row_for_each_form_and_each_alias() {
    for form in Permission::FORMS {
        let name = form.argument.map_or_else(|| form.name.to_owned(), |argument| format!("{}:{argument}", form.name));
        let row = format!("| `{name}` | {} | {} |", form.allows, form.enforced_by);
        assert!(GUIDE.contains(&row), "{row}");
    }
    for alias in Permission::ALIASES {
        let stands_for: Vec<_> = alias.stands_for.iter().map(|permission| format!("`{permission}`")).collect();
        let row = format!("| `{}` | {} |", alias.name, stands_for.join(", "));
        assert!(GUIDE.contains(&row), "{row}");
    }
}

#[test]
fn what_is_no_permission_says_why() {
    for (text, why) in [
        ("", "none of this name"),
        ("network", "none of this name"),
        ("FS.READ:/x", "none of this name"),
        ("fs.*:/x", "none of this name"),
        ("fs.read", "needs its PATH"),
        ("fs.read:", "needs its PATH"),
        ("fs.read:data", "must start with"),
        ("fs.read:~/data", "must start with"),
        ("fs.read:${home}/x", "must start with"),
        ("fs.read:${workspace}x", "must start with"),
        ("fs.write:/a/../b", "`..`"),
        ("fs.write:${plugin_data}/..", "`..`"),
        ("fs.read:/a/*", "wildcards"),
        ("fs.read:/a\0b", "control characters"),
        ("net.connect:0", "from 1 to 65535"),
        ("net.connect:65536", "from 1 to 65535"),
        ("net.connect:0443", "from 1 to 65535"),
        ("net.connect:*", "from 1 to 65535"),
        ("net.connect:+5", "from 1 to 65535"),
        ("net.listen:-1", "from 0 to 65535"),
        ("process.spawn:ls", "nothing stands after"),
        ("env:A B", "letters, digits"),
        ("env:1A", "letters, digits"),
        ("env:LD_PRELOAD", "dynamic linker"),
        ("env:GLIBC_TUNABLES", "dynamic linker"),
        ("env:TMPDIR", "the host itself"),
        ("call:../x", "id"),
    ] {
        let error = text.parse::<Permission>().unwrap_err();
        assert!(error.to_string().contains(why), "{text}: {error}");
        assert_eq!(error.is_unknown(), why == "none of this name", "{text}");
        assert!(error.hint().contains("net.connect:PORT"));
    }
    let long = format!("fs.read:/{}", "a".repeat(Permission::MAX_BYTES));
    assert!(long.parse::<Permission>().unwrap_err().to_string().len() < 200);
}

#[test]
fn a_path_stands_for_all_below_it_and_for_nothing_beside_it() {
    for (granted, asked, covered) in [
        ("fs.read:/data", "fs.read:/data", true),
        ("fs.read:/data", "fs.read:/data/x/y", true),
        ("fs.read:/data", "fs.read:/data2", false),
        ("fs.read:/data/x", "fs.read:/data", false),
        ("fs.read:/", "fs.read:/anything", true),
        ("fs.read:/data/", "fs.read://data//x", true),
        ("fs.read:/data", "fs.write:/data", false),
        ("fs.write:/data", "fs.read:/data", false),
        ("fs.read:${workspace}", "fs.read:${workspace}/src", true),
        ("fs.read:${workspace}", "fs.read:${plugin_data}", false),
        ("fs.read:/", "fs.read:${workspace}", false),
        ("net.connect:443", "net.connect:443", true),
        ("net.connect:443", "net.connect:4430", false),
        ("net.connect:443", "net.listen:443", false),
        ("env:A", "env:AB", false),
        ("call:com.acme", "call:com.acme.base", false),
    ] {
        assert_eq!(permission(granted).covers(&permission(asked)), covered, "{granted} {asked}");
    }
}

#[test]
fn no_more_is_in_effect_than_was_granted_and_asked_for() {
    let all = |texts: &[&str]| texts.iter().map(|text| permission(text)).collect::<Vec<_>>();
    let granted = all(&["fs.read:/data/x", "fs.read:/var", "net.connect:443", "process.spawn"]);
    let asked = all(&["fs.read:/data", "fs.read:/var/log", "net.connect:443", "net.connect:80"]);
    let effective = Permission::in_effect(&granted, &asked);
    assert_eq!(effective, all(&["fs.read:/data/x", "fs.read:/var/log", "net.connect:443"]));
}

fn path() -> impl Strategy<Value = String> {
    let root = prop_oneof![Just(""), Just("${workspace}"), Just("${plugin_data}")];
    let segments = proptest::collection::vec("[a-c]{1,2}", 0..4);
    (root, segments).prop_map(|(root, segments)| format!("fs.read:{root}/{}", segments.join("/")))
}

proptest! {
    #[test]
    fn a_permission_survives_being_written_and_read(text in "(fs\\.(read|write):(/|\\$\\{workspace\\}/?)[a-z./ ]{0,12}|net\\.(connect|listen):[0-9]{1,6}|env:[A-Z0-9_]{0,6}|call:[a-z.]{0,8})") {
        if let Ok(read) = text.parse::<Permission>() {
            prop_assert_eq!(read.to_string().parse::<Permission>(), Ok(read));
        }
    }

    #[test]
    fn no_text_makes_reading_panic(text in ".{0,64}") {
        let _ = Permission::named(&text);
    }

    #[test]
    fn covering_is_an_order_and_the_meet_is_covered_by_both(a in path(), b in path(), c in path()) {
        let [a, b, c] = [a, b, c].map(|text| permission(&text));
        prop_assert!(a.covers(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&a)) || a == b);
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
        if let Some(both) = a.meet(&b) {
            prop_assert!(a.covers(both) && b.covers(both));
        }
        prop_assert_eq!(a.meet(&b), b.meet(&a));
    }
}
