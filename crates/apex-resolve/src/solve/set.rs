//! Sets of a plugin's versions, as the solver computes with them.

use std::fmt;

use pubgrub::VersionSet;

/// A set of version numbers, and of the room after each: a bit for each number, and one for what could lie between it and the
/// next.
///
/// The solver asks of nearly every pair of sets that it meets whether one contains the other or has anything in common
/// with it. Few plugins have more versions than fit into a word, and then that is one instruction.
///
/// The room is there because the solver is not to know which versions there are. When it has refused every version of a
/// plugin, something of the set is left, and it finds out that there is nothing to choose once it is the plugin's turn. To
/// find it out before would save nothing, and a conflict would be told from the middle instead of from what was decided first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// The bits of the lowest numbers; the highest bit is every bit that is not written anywhere.
    first: u64,
    /// The bits from there on, 64 in each word, without words at the end in which every bit is as those that are not written:
    /// so equal sets are written alike.
    rest: Option<Box<[u64]>>,
}

impl Set {
    /// How many bits the first word has, but for the highest.
    const FIRST: u32 = 63;

    /// What stands in every word that is not written, given the first.
    fn beyond(first: u64) -> u64 {
        if first >> Self::FIRST == 0 { 0 } else { u64::MAX }
    }

    fn new(first: u64, mut rest: Vec<u64>) -> Self {
        let beyond = Self::beyond(first);
        while rest.last() == Some(&beyond) {
            rest.pop();
        }
        Self { first, rest: if rest.is_empty() { None } else { Some(rest.into()) } }
    }

    /// The words after the first that are written.
    fn written(&self) -> &[u64] {
        self.rest.as_deref().unwrap_or_default()
    }

    fn word(&self, place: usize) -> u64 {
        self.written().get(place).copied().unwrap_or_else(|| Self::beyond(self.first))
    }

    /// The places of all words after the first that either has written.
    fn places(&self, other: &Self) -> std::ops::Range<usize> {
        0..self.written().len().max(other.written().len())
    }

    fn combined(&self, other: &Self, operation: impl Fn(u64, u64) -> u64) -> Self {
        let first = operation(self.first, other.first);
        if self.rest.is_none() && other.rest.is_none() {
            return Self { first, rest: None };
        }
        Self::new(first, self.places(other).map(|place| operation(self.word(place), other.word(place))).collect())
    }

    /// Whether an operation leaves nothing of both.
    fn leaves_nothing(&self, other: &Self, operation: impl Fn(u64, u64) -> u64) -> bool {
        operation(self.first, other.first) == 0
            && self.places(other).all(|place| operation(self.word(place), other.word(place)) == 0)
    }

    /// The bit of a number; that of the room after it is the next.
    fn bit(number: u32) -> u64 {
        2 * u64::from(number)
    }

    /// The word after the first that has a bit, and the bit in it; none if it is in the first.
    fn place(bit: u64) -> Option<(usize, u64)> {
        let after = bit.checked_sub(Self::FIRST.into())?;
        Some((usize::try_from(after / 64).unwrap_or(usize::MAX), 1 << (after % 64)))
    }

    fn insert(&mut self, bit: u64) {
        let Some((place, bit)) = Self::place(bit) else {
            self.first |= 1 << bit;
            return;
        };
        let mut rest = self.rest.take().map_or_else(Vec::new, Vec::from);
        if rest.len() <= place {
            rest.resize(place + 1, Self::beyond(self.first));
        }
        rest[place] |= bit;
        *self = Self::new(self.first, rest);
    }

    /// With another number, and the room after it.
    pub(super) fn with(mut self, number: u32) -> Self {
        self.insert(Self::bit(number));
        self.insert(Self::bit(number) + 1);
        self
    }
}

impl VersionSet for Set {
    type V = u32;

    fn empty() -> Self {
        Self { first: 0, rest: None }
    }

    fn singleton(number: u32) -> Self {
        let mut set = Self::empty();
        set.insert(Self::bit(number));
        set
    }

    fn complement(&self) -> Self {
        Self { first: !self.first, rest: self.rest.as_ref().map(|rest| rest.iter().map(|word| !word).collect()) }
    }

    fn intersection(&self, other: &Self) -> Self {
        self.combined(other, |a, b| a & b)
    }

    fn union(&self, other: &Self) -> Self {
        self.combined(other, |a, b| a | b)
    }

    fn contains(&self, number: &u32) -> bool {
        let bit = Self::bit(*number);
        match Self::place(bit) {
            None => self.first >> bit & 1 == 1,
            Some((place, bit)) => self.word(place) & bit != 0,
        }
    }

    fn is_disjoint(&self, other: &Self) -> bool {
        self.leaves_nothing(other, |a, b| a & b)
    }

    fn subset_of(&self, other: &Self) -> bool {
        self.leaves_nothing(other, |a, b| a & !b)
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Self::beyond(self.first) != 0 {
            return write!(f, "all but {}", self.complement());
        }
        let words = 1 + self.written().len();
        let numbers = (0..).take(words * 32).filter(|number| self.contains(number)).map(|number| number.to_string());
        f.write_str(&numbers.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pubgrub::{Ranges, VersionSet};

    use super::Set;

    /// A number, more often one whose bits are at the end of a word.
    fn number() -> impl Strategy<Value = u32> {
        prop_oneof![0..100_u32, 30..33_u32, 62..65_u32]
    }

    /// A set, with what it must be alike.
    fn set() -> impl Strategy<Value = (Set, Ranges<u32>)> {
        let numbers = prop::collection::vec((number(), any::<bool>()), 0..8);
        (numbers, any::<bool>()).prop_map(|(numbers, is_complement)| {
            let (mut set, mut ranges) = (Set::empty(), Ranges::empty());
            for (number, has_room) in numbers {
                (set, ranges) = if has_room {
                    (set.with(number), ranges.union(&Ranges::between(number, number + 1)))
                } else {
                    (set.union(&Set::singleton(number)), ranges.union(&Ranges::singleton(number)))
                };
            }
            if is_complement { (set.complement(), ranges.complement()) } else { (set, ranges) }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn sets_are_like_ranges_of_numbers(
            (a, like_a) in set(),
            (b, like_b) in set(),
            (c, like_c) in set(),
            number in number(),
        ) {
            prop_assert_eq!(a.contains(&number), like_a.contains(&number));
            prop_assert_eq!(a == b, like_a == like_b);
            prop_assert_eq!(a.is_disjoint(&b), like_a.is_disjoint(&like_b));
            prop_assert_eq!(a.subset_of(&b), like_a.subset_of(&like_b));
            let (both, like_both) = (a.intersection(&b), like_a.intersection(&like_b));
            prop_assert_eq!(both == c, like_both == like_c);
            prop_assert_eq!(both.subset_of(&c), like_both.subset_of(&like_c));
            let (either, like_either) = (a.union(&b), like_a.union(&like_b));
            prop_assert_eq!(either.contains(&number), like_either.contains(&number));
            prop_assert_eq!(c.subset_of(&either), like_c.subset_of(&like_either));
        }

        #[test]
        fn sets_that_are_equal_are_written_alike((a, _) in set(), (b, _) in set()) {
            prop_assert_eq!(&a.union(&b).intersection(&a), &a);
            prop_assert_eq!(&a.complement().complement(), &a);
            prop_assert_eq!(a.union(&a.complement()), Set::full());
            prop_assert_eq!(a.intersection(&a.complement()), Set::empty());
            prop_assert_eq!(a.intersection(&b), a.complement().union(&b.complement()).complement());
        }
    }

    #[test]
    fn a_set_tells_its_numbers() {
        let set = Set::singleton(2).with(64);
        assert_eq!(set.to_string(), "2, 64");
        assert_eq!(set.complement().to_string(), "all but 2, 64");
    }
}
