//! The order in which plugins load: what others depend on goes first, and circles are named.

/// The strongly connected components of a graph, each after all that it leads to (Tarjan 1972, without recursion).
///
/// Nodes are the numbers below `count`; `edges` has those that each leads to. They are visited in their order, so that
/// the result is the same each time.
pub(super) fn components(count: usize, edges: impl Fn(usize) -> Vec<usize>) -> Vec<Vec<usize>> {
    let mut search = Search { marks: vec![Mark::Unseen; count], seen: 0, open: Vec::new(), components: Vec::new() };
    for node in 0..count {
        if matches!(search.marks.get(node), Some(Mark::Unseen)) {
            search.visit(node, &edges);
        }
    }
    search.components
}

#[derive(Clone, Copy)]
enum Mark {
    Unseen,
    /// When it was first seen, and the earliest open node that it reaches.
    Open {
        seen: usize,
        low: usize,
    },
    /// Its component is complete.
    Closed,
}

struct Search {
    marks: Vec<Mark>,
    /// How many nodes were seen.
    seen: usize,
    open: Vec<usize>,
    components: Vec<Vec<usize>>,
}

impl Search {
    fn visit(&mut self, start: usize, edges: &impl Fn(usize) -> Vec<usize>) {
        let mut path = vec![(start, self.enter(start, edges))];
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            match rest.pop() {
                Some(next) => match self.marks.get(next) {
                    Some(Mark::Unseen) => {
                        let rest = self.enter(next, edges);
                        path.push((next, rest));
                    }
                    Some(Mark::Open { seen, .. }) => self.reach(node, *seen),
                    Some(Mark::Closed) | None => {}
                },
                None => {
                    path.pop();
                    self.leave(node, path.last().map(|(parent, _)| *parent));
                }
            }
        }
    }

    /// Opens a node; returns what it leads to, to be popped from the end.
    fn enter(&mut self, node: usize, edges: &impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
        self.marks[node] = Mark::Open { seen: self.seen, low: self.seen };
        self.seen += 1;
        self.open.push(node);
        let mut next = edges(node);
        next.reverse();
        next
    }

    fn reach(&mut self, node: usize, earliest: usize) {
        if let Some(Mark::Open { low, .. }) = self.marks.get_mut(node) {
            *low = (*low).min(earliest);
        }
    }

    /// Closes the component of a node if it is the first of it; otherwise its parent reaches what it reaches.
    fn leave(&mut self, node: usize, parent: Option<usize>) {
        let Mark::Open { seen, low } = self.marks[node] else { return };
        if let Some(parent) = parent {
            self.reach(parent, low);
        }
        if seen != low {
            return;
        }
        let first = self.open.iter().rposition(|open| *open == node).unwrap_or(0);
        let mut component = self.open.split_off(first);
        for member in &component {
            self.marks[*member] = Mark::Closed;
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
            let components = components(edges.len(), |node| edges[node].clone());
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
        let order = components(100_000, |node| if node + 1 < 100_000 { vec![node + 1] } else { Vec::new() });
        assert_eq!((order.len(), order[0].as_slice()), (100_000, [99_999].as_slice()));
    }
}
