//! Puts steps in their one order.

use std::{cmp::Reverse, collections::BinaryHeap};

use petgraph::{Direction, graph::DiGraph, graph::NodeIndex};

/// Steps that wait for each other, by index.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cycle(pub(super) Vec<usize>);

/// An order of `0..count` that keeps to the edges; among those that may come next, the
/// lowest number comes first, so the order does not depend on that of the edges.
///
/// An edge is (before, after). Edges that name no step are left out.
pub(super) fn order(count: usize, edges: impl IntoIterator<Item = (usize, usize)>) -> Result<Vec<usize>, Cycle> {
    let edges: Vec<_> = edges.into_iter().collect();
    if edges.iter().all(|(before, after)| before < after) {
        // The lowest number left never waits.
        return Ok((0..count).collect());
    }
    let mut graph = DiGraph::<(), (), usize>::with_capacity(count, 0);
    for _ in 0..count {
        graph.add_node(());
    }
    for (before, after) in edges {
        if before < count && after < count {
            graph.add_edge(NodeIndex::new(before), NodeIndex::new(after), ());
        }
    }
    let mut waits: Vec<usize> =
        graph.node_indices().map(|n| graph.edges_directed(n, Direction::Incoming).count()).collect();
    let mut ready: BinaryHeap<_> = (0..count).filter(|n| waits[*n] == 0).map(Reverse).collect();
    let mut ordered = Vec::with_capacity(count);
    while let Some(Reverse(next)) = ready.pop() {
        ordered.push(next);
        for follower in graph.neighbors(NodeIndex::new(next)) {
            let follower = follower.index();
            waits[follower] -= 1;
            if waits[follower] == 0 {
                ready.push(Reverse(follower));
            }
        }
    }
    if ordered.len() == count { Ok(ordered) } else { Err(Cycle((0..count).filter(|n| waits[*n] > 0).collect())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_win_over_numbers_and_their_order_does_not_matter() {
        assert_eq!(order(4, [(3, 0), (2, 1)]), Ok(vec![2, 1, 3, 0]));
        assert_eq!(order(4, [(2, 1), (3, 0)]), Ok(vec![2, 1, 3, 0]));
        assert_eq!(order(0, []), Ok(vec![]));
    }

    #[test]
    fn a_cycle_is_named_not_walked() {
        assert_eq!(order(4, [(1, 2), (2, 1), (0, 1)]), Err(Cycle(vec![1, 2])));
        assert_eq!(order(1, [(0, 0)]), Err(Cycle(vec![0])));
    }
}
