//! "Did you mean …?"

/// The known name nearest to a wrong one, if it is near enough to be a slip of the pen.
pub(crate) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wrong: Vec<char> = wrong.chars().take(64).flat_map(char::to_lowercase).collect();
    known
        .map(|name| (distance(&wrong, name), name))
        .filter(|(distance, name)| *distance <= name.len().max(wrong.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// How many letters must be inserted, deleted or replaced (Levenshtein), regardless of case.
fn distance(left: &[char], right: &str) -> usize {
    let mut row: Vec<usize> = (0..=left.len()).collect();
    for (index, letter) in right.chars().flat_map(char::to_lowercase).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, other) in left.iter().enumerate() {
            let replaced = diagonal + usize::from(*other != letter);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[left.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_recognized_and_other_words_are_not() {
        let check = |wrong, expected| {
            let known = ["greet", "greet_slowly", "count"];
            assert_eq!(nearest(wrong, known.into_iter()), expected, "{wrong}");
        };
        check("gret", Some("greet"));
        check("GREET", Some("greet"));
        check("greetslowly", Some("greet_slowly"));
        check("cuont", None);
        check("counts", Some("count"));
        check("delete", None);
        check("", None);
        check("g", None);
    }
}
