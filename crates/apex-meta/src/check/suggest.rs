//! "Did you mean": the known name that a text is most likely meant to be.

/// What other systems, and people, call a thing.
const ALIASES: &[(&str, &str)] = &[
    ("classname", "entry_point"),
    ("configschema", "configuration_schema"),
    ("configurationschema", "configuration_schema"),
    ("enabled", "default_enabled"),
    ("homepageurl", "homepage"),
    ("inputschema", "parameters_schema"),
    ("keywords", "tags"),
    ("libraries", "python_libraries"),
    ("licence", "license"),
    ("main", "entry_point"),
    ("mainmodule", "entry_point"),
    ("module", "entry_point"),
    ("outputschema", "returns_schema"),
    ("params", "parameters"),
    ("permissions", "permissions_required"),
    ("pluginid", "id"),
    ("readonlyhint", "read_only"),
    ("streaming", "returns_stream"),
    ("timeout", "timeout_ms"),
    ("url", "homepage"),
    ("website", "homepage"),
    // Types, as other languages call them.
    ("bool", "boolean"),
    ("dict", "object"),
    ("double", "number"),
    ("float", "number"),
    ("int", "integer"),
    ("list", "array"),
    ("map", "object"),
    ("nil", "null"),
    ("none", "null"),
    ("str", "string"),
    ("text", "string"),
];

/// The known name that is meant by another one, if there is one that is close enough.
pub(super) fn closest<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    // Nothing that we know is longer, and comparing is quadratic.
    if name.len() > 40 {
        return None;
    }
    let plain = plain(name);
    let alias = ALIASES.iter().find(|(alias, _)| *alias == plain).map(|(_, meant)| *meant);
    if let Some(found) = alias.and_then(|meant| known.clone().find(|known| *known == meant)) {
        return Some(found);
    }
    let scored = known.filter_map(|known| Some((distance(&plain, &self::plain(known))?, known)));
    scored.min_by_key(|(distance, _)| *distance).map(|(_, best)| best)
}

/// Spelling conventions aside.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | '$' | ' ')).flat_map(char::to_lowercase).collect()
}

/// How many letters must be changed, added, dropped or swapped with their neighbour (optimal string alignment), if it
/// is no more than one in three.
fn distance(a: &str, b: &str) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let bearable = a.len().min(b.len()) / 3;
    if a.len().abs_diff(b.len()) > bearable {
        return None;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    Some(rows[a.len()][b.len()]).filter(|distance| *distance <= bearable)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn close_names_are_found_and_far_ones_are_not() {
        let known =
            ["default_enabled", "entry_point", "id", "license", "name", "permissions_required", "tags", "version"];
        for (name, meant) in [
            ("defualt_enabled", Some("default_enabled")),
            ("defaultEnabled", Some("default_enabled")),
            ("enabled", Some("default_enabled")),
            ("Entry-Point", Some("entry_point")),
            ("main", Some("entry_point")),
            ("licence", Some("license")),
            ("verison", Some("version")),
            ("permission_required", Some("permissions_required")),
            ("tag", Some("tags")),
            ("ID", Some("id")),
            ("xy", None),
            ("", None),
            ("something_else", None),
            ("params", None),
            ("ünïcödé", None),
        ] {
            assert_eq!(closest(name, known.into_iter()), meant, "{name}");
        }
        assert_eq!(closest(&"a".repeat(1 << 20), known.into_iter()), None);
    }
}
