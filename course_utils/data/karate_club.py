"""34 members of a karate club that broke in two, in the package networkx (Zachary, 1977)."""

from __future__ import annotations

import torch

from course_utils.data.dataset import Graph
from course_utils.errors import CourseError

CLASSES = ("Mr. Hi", "Officer")
LEADERS = (0, 33)
DESCRIPTION = (
    "Karate club: 34 members, 78 friendships, and whom each followed when the club broke in two "
    "(W. Zachary, Journal of Anthropological Research 33, 1977), from the package networkx "
    "(BSD 3-Clause)."
)


def load() -> Graph:
    """The club. Features are one-hot (who it is); only the two leaders' labels are for training."""
    try:
        import networkx  # here, not above: its import takes a quarter of a second
    except ImportError as error:
        raise CourseError(
            "The karate club comes with the package networkx, which is not installed: "
            "pip install networkx"
        ) from error
    club = networkx.karate_club_graph()
    edges = torch.tensor(sorted(club.edges)).T  # each once (2, 78)
    nodes = club.number_of_nodes()
    train = torch.zeros(nodes, dtype=torch.bool)
    train[list(LEADERS)] = True
    return Graph(
        x=torch.eye(nodes),
        edge_index=torch.cat([edges, edges.flip(0)], dim=1),
        y=torch.tensor([CLASSES.index(club.nodes[n]["club"]) for n in range(nodes)]),
        train_mask=train,
        val_mask=torch.zeros(nodes, dtype=torch.bool),
        test_mask=~train,
        description=DESCRIPTION,
        classes=CLASSES,
    )
