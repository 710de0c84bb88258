//! The order in which plugins load: what others depend on goes first, and circles are named.

use std::collections::BTreeMap;

/// The strongly connected components of a graph, each after all that it leads to (Tarjan 1972, without recursion).
///
/// `edges` has the nodes that each node leads to; they are visited in the order given, so that the result is the same
/// each time.
pub(super) fn components<N: Copy + Ord>(nodes: &[N], edges: impl Fn(N) -> Vec<N>) -> Vec<Vec<N>> {
    let mut search = Search { marks: BTreeMap::new(), open: Vec::new(), components: Vec::new() };
    for &node in nodes {
        if !search.marks.contains_key(&node) {
            search.visit(node, &edges);
        }
    }
    search.components
}

struct Search<N> {
    /// When a node was first seen, and the earliest open node that it reaches; none once its component is closed.
    marks: BTreeMap<N, Option<(usize, usize)>>,
    open: Vec<N>,
    components: Vec<Vec<N>>,
}

impl<N: Copy + Ord> Search<N> {
    fn visit(&mut self, start: N, edges: &impl Fn(N) -> Vec<N>) {
        let mut path = vec![(start, self.enter(start, edges))];
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            match rest.pop() {
                Some(next) => match self.marks.get(&next) {
                    None => {
                        let rest = self.enter(next, edges);
                        path.push((next, rest));
                    }
                    Some(Some((seen, _))) => self.reach(node, *seen),
                    Some(None) => {}
                },
                None => {
                    path.pop();
                    self.leave(node, path.last().map(|(parent, _)| *parent));
                }
            }
        }
    }

    /// Opens a node; returns what it leads to, to be popped from the end.
    fn enter(&mut self, node: N, edges: &impl Fn(N) -> Vec<N>) -> Vec<N> {
        let now = self.marks.len();
        self.marks.insert(node, Some((now, now)));
        self.open.push(node);
        let mut next = edges(node);
        next.reverse();
        next
    }

    fn reach(&mut self, node: N, seen: usize) {
        if let Some(Some((_, low))) = self.marks.get_mut(&node) {
            *low = (*low).min(seen);
        }
    }

    /// Closes the component of a node if it is the first of it; otherwise its parent reaches what it reaches.
    fn leave(&mut self, node: N, parent: Option<N>) {
        let Some(Some((seen, low))) = self.marks.get(&node).copied() else { return };
        if let Some(parent) = parent {
            self.reach(parent, low);
        }
        if seen != low {
            return;
        }
        let first = self.open.iter().rposition(|open| *open == node).unwrap_or(0);
        let mut component = self.open.split_off(first);
        for member in &component {
            self.marks.insert(*member, None);
        }
        component.sort_unstable();
        self.components.push(component);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::components;

    fn reaches(edges: &[Vec<usize>], from: usize) -> Vec<bool> {
        let mut seen = vec![false; edges.len()];
        let mut open = edges[from].clone();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut seen[node], true) {
                open.extend(&edges[node]);
            }
        }
        seen
    }

    proptest! {
        #[test]
        fn nodes_stand_together_exactly_if_they_reach_each_other_and_after_all_that_they_reach(
            edges in (1..8_usize).prop_flat_map(|n| prop::collection::vec(prop::collection::vec(0..n, 0..4), n))
        ) {
            let nodes: Vec<_> = (0..edges.len()).collect();
            let components = components(&nodes, |node| edges[node].clone());
            let place = |node: usize| components.iter().position(|component| component.contains(&node)).unwrap();
            prop_assert_eq!(components.iter().map(Vec::len).sum::<usize>(), edges.len());
            for from in 0..edges.len() {
                for (to, is_reached) in reaches(&edges, from).into_iter().enumerate() {
                    let mutual = is_reached && reaches(&edges, to)[from];
                    if from != to {
                        prop_assert_eq!(place(from) == place(to), mutual);
                    }
                    if is_reached {
                        prop_assert!(place(to) <= place(from));
                    }
                }
            }
        }
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_needs_no_deep_stack() {
        let nodes: Vec<u32> = (0..100_000).collect();
        let order = components(&nodes, |node| if node + 1 < 100_000 { vec![node + 1] } else { Vec::new() });
        assert_eq!((order.len(), order[0].as_slice()), (100_000, [99_999].as_slice()));
    }
}
