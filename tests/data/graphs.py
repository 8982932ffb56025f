"""What holds for every graph."""

from __future__ import annotations

from course_utils.data import Graph


def assert_undirected(graph: Graph) -> None:
    """Each edge goes both ways, once each way, and none is a loop or leads out of the graph."""
    edges = list(map(tuple, graph.edge_index.T.tolist()))
    assert len(set(edges)) == len(edges)
    assert {(v, u) for u, v in edges} == set(edges)
    assert all(u != v for u, v in edges)
    assert 0 <= graph.edge_index.min() <= graph.edge_index.max() < len(graph.x)
