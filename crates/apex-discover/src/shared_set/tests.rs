//! A set as an ordinary map has it, and what its clones share.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Set = SharedSet<(u16, u8)>;

/// What was there and what is there now.
type Difference = (Option<(u16, u8)>, Option<(u16, u8)>);

fn put(set: &mut Set, key: u16, value: u8) {
    set.put((key, value), |(other, _)| other.cmp(&key));
}

fn differences(now: &Set, before: &Set) -> Vec<Difference> {
    let told = now.differences(before, |(one, _), (other, _)| one.cmp(other), |one, other| one == other);
    told.into_iter().map(|(was, is)| (was.copied(), is.copied())).collect()
}

/// How deep it is; fails where one side is heavier than it may be, or a size is wrong.
fn depth(link: Option<&Arc<Node<(u16, u8)>>>) -> usize {
    let Some(node) = link else { return 0 };
    let (left, right) = (size(node.left.as_ref()), size(node.right.as_ref()));
    assert_eq!(node.size, left + right + 1);
    assert!(left + right <= 1 || (left <= DELTA * right && right <= DELTA * left), "{left} and {right}");
    1 + depth(node.left.as_ref()).max(depth(node.right.as_ref()))
}

fn steps() -> impl Strategy<Value = Vec<(u16, Option<u8>)>> {
    proptest::collection::vec((0..200_u16, proptest::option::weighted(0.6, any::<u8>())), 0..300)
}

proptest! {
    #[test]
    fn it_holds_what_an_ordinary_map_holds_and_tells_how_clones_differ(
        start in proptest::collection::btree_map(0..200_u16, any::<u8>(), 0..200),
        steps in steps(),
        cut in 0..300_usize,
    ) {
        let mut set = Set::of_sorted(start.iter().map(|(key, value)| (*key, *value)).collect());
        let mut model = start;
        let mut earlier = (set.clone(), model.clone());
        for (number, (key, value)) in steps.into_iter().enumerate() {
            match value {
                Some(value) => {
                    put(&mut set, key, value);
                    model.insert(key, value);
                }
                None => {
                    set.remove(|(other, _)| other.cmp(&key));
                    model.remove(&key);
                }
            }
            if number == cut {
                earlier = (set.clone(), model.clone());
            }
            depth(set.0.as_ref());
        }
        let held: Vec<_> = set.iter().copied().collect();
        let expected: Vec<_> = model.iter().map(|(key, value)| (*key, *value)).collect();
        prop_assert_eq!(held, expected);
        for key in 0..200 {
            let found = set.get(|(other, _)| other.cmp(&key)).map(|(_, value)| *value);
            prop_assert_eq!(found, model.get(&key).copied());
        }
        let (set_before, model_before) = earlier;
        let keys: BTreeMap<_, _> = model.iter().chain(&model_before).map(|(key, _)| (*key, ())).collect();
        let pair = |key: &u16| {
            let of = |model: &BTreeMap<u16, u8>| model.get(key).map(|value| (*key, *value));
            (of(&model_before), of(&model))
        };
        let expected: Vec<_> = keys.keys().map(pair).filter(|(was, is)| was != is).collect();
        prop_assert_eq!(differences(&set, &set_before), expected);
        prop_assert_eq!(differences(&set, &set), vec![]);
    }
}

#[test]
fn a_change_and_telling_it_take_as_many_steps_as_the_set_is_deep() {
    for size in [10_u16, 1_000, 60_000] {
        let before = Set::of_sorted((0..size).map(|key| (key, 0)).collect());
        let deep = depth(before.0.as_ref());
        assert!(deep <= 17, "{size}: {deep}");
        for key in [0, size / 3, size - 1] {
            let mut now = before.clone();
            let (_, steps) = work::of(|| put(&mut now, key, 1));
            assert!(steps <= deep, "{size}: {steps}");
            let (told, steps) = work::of(|| differences(&now, &before));
            assert_eq!(told, [(Some((key, 0)), Some((key, 1)))]);
            assert!(steps <= 2 * deep, "{size}: {steps}");
            let (_, steps) = work::of(|| now.remove(|(other, _)| other.cmp(&key)));
            assert!(steps <= 5 * deep, "{size}: {steps}");
            let (told, steps) = work::of(|| differences(&now, &before));
            assert_eq!(told, [(Some((key, 0)), None)]);
            assert!(steps <= 10 * deep, "{size}: {steps}");
        }
    }
}

#[test]
fn items_that_come_in_order_leave_it_balanced() {
    let (mut up, mut down) = (Set::default(), Set::default());
    for key in 0..10_000 {
        put(&mut up, key, 0);
        put(&mut down, 10_000 - key, 0);
    }
    assert!(depth(up.0.as_ref()) <= 32 && depth(down.0.as_ref()) <= 32);
    assert_eq!(up.iter().count(), 10_000);
}
