//! An ordered set whose clones share all that they have in common: a balanced tree that is never changed in place.
//!
//! To put one item in makes as many new nodes as the tree is deep, and to tell two clones apart takes no more than what
//! one has and the other has not. Balanced by weight, after Adams, "Efficient sets: a balancing act" (1993), with the
//! parameters 3 and 2 that Hirai and Yamamoto proved right in "Balancing weight-balanced trees" (2011).

use std::{cmp::Ordering, sync::Arc};

use crate::work;

#[cfg(test)]
mod tests;

/// How much heavier one side may be than the other.
const DELTA: usize = 3;

/// How much heavier the inner part of the heavier side may be for a single rotation to do.
const RATIO: usize = 2;

/// An ordered set whose clones share all that they have in common.
///
/// Whoever puts items in or looks for them says how an item compares to the one that is meant, always by the same order.
#[derive(Debug, Clone)]
pub(crate) struct SharedSet<T>(Link<T>);

type Link<T> = Option<Arc<Node<T>>>;

/// An item as it was, and as it is now; none where there is none.
pub(crate) type Difference<'a, T> = (Option<&'a T>, Option<&'a T>);

#[derive(Debug)]
struct Node<T> {
    item: T,
    size: usize,
    left: Link<T>,
    right: Link<T>,
}

impl<T> Default for SharedSet<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Clone> SharedSet<T> {
    /// Items that are in order, none of them twice.
    pub(crate) fn of_sorted(items: Vec<T>) -> Self {
        let size = items.len();
        Self(sorted(&mut items.into_iter(), size))
    }

    /// The item that is meant.
    pub(crate) fn get(&self, compare: impl Fn(&T) -> Ordering) -> Option<&T> {
        let mut at = self.0.as_ref();
        while let Some(node) = at {
            at = match compare(&node.item) {
                Ordering::Equal => return Some(&node.item),
                Ordering::Greater => node.left.as_ref(),
                Ordering::Less => node.right.as_ref(),
            };
        }
        None
    }

    /// Puts an item in, in the place of one that compares as equal to it.
    pub(crate) fn put(&mut self, item: T, compare: impl Fn(&T) -> Ordering) {
        self.0 = Some(put(self.0.as_ref(), item, &compare));
    }

    /// Takes the item out that is meant, if there is one.
    pub(crate) fn remove(&mut self, compare: impl Fn(&T) -> Ordering) {
        self.0 = remove(self.0.as_ref(), &compare);
    }

    /// The items, in order.
    pub(crate) fn iter(&self) -> Iter<'_, T> {
        let mut items = Iter(Vec::new());
        items.descend(self.0.as_ref());
        items
    }

    /// The items that are not the same in an earlier set: as they were, and as they are now.
    ///
    /// What both share as a whole is passed over as a whole. Items that are equal by `same` are the same.
    pub(crate) fn differences<'a>(
        &'a self,
        before: &'a Self,
        compare: impl Fn(&T, &T) -> Ordering,
        same: impl Fn(&T, &T) -> bool,
    ) -> Vec<Difference<'a, T>> {
        let (mut old, mut new) = (Pending::of(before), Pending::of(self));
        let mut differences = Vec::new();
        loop {
            match (old.0.last(), new.0.last()) {
                (Some(Part::Below(one)), Some(Part::Below(other))) if Arc::ptr_eq(one, other) => {
                    old.0.pop();
                    new.0.pop();
                }
                (Some(Part::Below(one)), Some(Part::Below(other))) => {
                    let order = one.size.cmp(&other.size);
                    if order.is_ge() {
                        old.open();
                    }
                    if order.is_le() {
                        new.open();
                    }
                }
                (Some(Part::Below(_)), _) => old.open(),
                (_, Some(Part::Below(_))) => new.open(),
                (Some(Part::Item(one)), Some(Part::Item(other))) => {
                    let order = compare(one, other);
                    if order.is_ne() || !same(one, other) {
                        differences.push((order.is_le().then_some(*one), order.is_ge().then_some(*other)));
                    }
                    if order.is_le() {
                        old.0.pop();
                    }
                    if order.is_ge() {
                        new.0.pop();
                    }
                }
                (Some(Part::Item(one)), None) => {
                    differences.push((Some(*one), None));
                    old.0.pop();
                }
                (None, Some(Part::Item(other))) => {
                    differences.push((None, Some(*other)));
                    new.0.pop();
                }
                (None, None) => return differences,
            }
        }
    }
}

/// The items of a set, in order.
pub(crate) struct Iter<'a, T>(Vec<&'a Node<T>>);

impl<'a, T> Iter<'a, T> {
    fn descend(&mut self, mut at: Option<&'a Arc<Node<T>>>) {
        while let Some(node) = at {
            self.0.push(node);
            at = node.left.as_ref();
        }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        let node = self.0.pop()?;
        work::done(1);
        self.descend(node.right.as_ref());
        Some(&node.item)
    }
}

/// What of a set is still to be compared, the next at the end.
struct Pending<'a, T>(Vec<Part<'a, T>>);

enum Part<'a, T> {
    Below(&'a Arc<Node<T>>),
    Item(&'a T),
}

impl<'a, T> Pending<'a, T> {
    fn of(set: &'a SharedSet<T>) -> Self {
        Self(set.0.iter().map(Part::Below).collect())
    }

    /// Takes the next part apart.
    fn open(&mut self) {
        if let Some(Part::Below(node)) = self.0.pop() {
            work::done(1);
            self.0.extend(node.right.iter().map(Part::Below));
            self.0.push(Part::Item(&node.item));
            self.0.extend(node.left.iter().map(Part::Below));
        }
    }
}

fn size<T>(link: Option<&Arc<Node<T>>>) -> usize {
    link.map_or(0, |node| node.size)
}

fn node<T>(item: T, left: Link<T>, right: Link<T>) -> Arc<Node<T>> {
    work::done(1);
    let size = size(left.as_ref()) + size(right.as_ref()) + 1;
    Arc::new(Node { item, size, left, right })
}

fn sorted<T>(items: &mut impl Iterator<Item = T>, size: usize) -> Link<T> {
    if size == 0 {
        return None;
    }
    let left = sorted(items, size / 2);
    let item = items.next()?;
    let right = sorted(items, size - size / 2 - 1);
    Some(node(item, left, right))
}

fn put<T: Clone>(link: Option<&Arc<Node<T>>>, item: T, compare: &impl Fn(&T) -> Ordering) -> Arc<Node<T>> {
    let Some(at) = link else { return node(item, None, None) };
    match compare(&at.item) {
        Ordering::Equal => node(item, at.left.clone(), at.right.clone()),
        Ordering::Greater => balanced(&at.item, Some(put(at.left.as_ref(), item, compare)), at.right.clone()),
        Ordering::Less => balanced(&at.item, at.left.clone(), Some(put(at.right.as_ref(), item, compare))),
    }
}

fn remove<T: Clone>(link: Option<&Arc<Node<T>>>, compare: &impl Fn(&T) -> Ordering) -> Link<T> {
    let at = link?;
    Some(match compare(&at.item) {
        Ordering::Equal => return joined(at.left.as_ref(), at.right.as_ref()),
        Ordering::Greater => balanced(&at.item, remove(at.left.as_ref(), compare), at.right.clone()),
        Ordering::Less => balanced(&at.item, at.left.clone(), remove(at.right.as_ref(), compare)),
    })
}

/// All of two neighbours, which differ in weight no more than they may.
fn joined<T: Clone>(left: Option<&Arc<Node<T>>>, right: Option<&Arc<Node<T>>>) -> Link<T> {
    let (Some(one), Some(other)) = (left, right) else { return left.or(right).cloned() };
    Some(if one.size > other.size {
        let (rest, last) = without_last(one);
        balanced(last, rest, right.cloned())
    } else {
        let (first, rest) = without_first(other);
        balanced(first, left.cloned(), rest)
    })
}

fn without_last<T: Clone>(at: &Arc<Node<T>>) -> (Link<T>, &T) {
    let Some(right) = &at.right else { return (at.left.clone(), &at.item) };
    let (rest, last) = without_last(right);
    (Some(balanced(&at.item, at.left.clone(), rest)), last)
}

fn without_first<T: Clone>(at: &Arc<Node<T>>) -> (&T, Link<T>) {
    let Some(left) = &at.left else { return (&at.item, at.right.clone()) };
    let (first, rest) = without_first(left);
    (first, Some(balanced(&at.item, rest, at.right.clone())))
}

/// An item between two sides, of which one may have become too heavy by one item.
fn balanced<T: Clone>(item: &T, left: Link<T>, right: Link<T>) -> Arc<Node<T>> {
    let (lefts, rights) = (size(left.as_ref()), size(right.as_ref()));
    let is_light = lefts + rights <= 1;
    match (&left, &right) {
        (_, Some(heavy)) if !is_light && rights > DELTA * lefts => {
            let (inner, outer) = (&heavy.left, &heavy.right);
            match inner {
                Some(middle) if middle.size >= RATIO * size(outer.as_ref()) => node(
                    middle.item.clone(),
                    Some(node(item.clone(), left, middle.left.clone())),
                    Some(node(heavy.item.clone(), middle.right.clone(), outer.clone())),
                ),
                _ => node(heavy.item.clone(), Some(node(item.clone(), left, inner.clone())), outer.clone()),
            }
        }
        (Some(heavy), _) if !is_light && lefts > DELTA * rights => {
            let (outer, inner) = (&heavy.left, &heavy.right);
            match inner {
                Some(middle) if middle.size >= RATIO * size(outer.as_ref()) => node(
                    middle.item.clone(),
                    Some(node(heavy.item.clone(), outer.clone(), middle.left.clone())),
                    Some(node(item.clone(), middle.right.clone(), right)),
                ),
                _ => node(heavy.item.clone(), outer.clone(), Some(node(item.clone(), inner.clone(), right))),
            }
        }
        _ => node(item.clone(), left, right),
    }
}
