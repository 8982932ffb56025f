"""Where the nodes and edges of a computation graph are drawn: for graph.js and for the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import atan2, degrees
from typing import Any

# In pixels, at a size that needs no shrinking on a phone 360 pixels wide.
NODE_WIDTH, NODE_HEIGHT, COLUMN, ROW, MARGIN = 126, 60, 152, 96, 4
BEND = 76  # free space on the right for edges that pass other nodes

Operations = Sequence[Sequence[str | float]]


def layout(leaves: Mapping[str, float], operations: Operations) -> dict[str, Any]:
    """Size of the drawing, corners of the nodes, and paths, labels and ends of the edges.

    ``order`` lists the nodes' names: a notebook file sorts the keys of dictionaries.

    Operations go down the left; a leaf stands beside them, one row above its first use. An edge
    that skips rows, or the second of two between the same nodes, is bent to the right.
    """
    places = _places(leaves, operations)
    corners = {n: (MARGIN + c * COLUMN, MARGIN + r * ROW) for n, (r, c) in places.items()}
    right = max(x for x, _ in corners.values()) + NODE_WIDTH
    edges, bent = [], False
    for name, _, *inputs in operations:
        sources = [i for i in inputs if isinstance(i, str)]
        for position, source in enumerate(sources):
            x1, y1 = corners[source][0] + NODE_WIDTH / 2, corners[source][1] + NODE_HEIGHT
            x2, y2 = corners[name][0] + NODE_WIDTH / 2, corners[name][1]
            skips = places[name][0] - places[source][0] > 1
            if skips or source in sources[:position]:
                bent = bent or skips
                far = right + BEND if skips else max(x1, x2) + 40
                near = (y2 - y1) / 3
                path = f"M{x1} {y1}C{far} {y1 + near} {far} {y2 - near} {x2} {y2}"
                label = (0.75 * far + 0.125 * (x1 + x2) + 5, (y1 + y2) / 2 + 4, "start")
                out = (far - x1, near)
                into = (x2 - far, near)
            else:
                path = f"M{x1} {y1}L{x2} {y2}"
                middle = ((x1 + x2) / 2, (y1 + y2) / 2)
                # Beside an upright edge, below a slanting one.
                if x1 == x2:
                    label = (middle[0] - 8, middle[1] + 4, "end")
                elif x1 > x2:
                    label = (middle[0] + 26, middle[1] + 13, "start")
                else:
                    label = (middle[0] - 26, middle[1] + 13, "end")
                out = into = (x2 - x1, y2 - y1)
            edges.append(
                {
                    "name": name,
                    "source": source,
                    "position": position,
                    "path": path,
                    "label": label,
                    "head": (x2, y2, degrees(atan2(into[1], into[0]))),
                    "tail": (x1, y1, degrees(atan2(-out[1], -out[0]))),
                }
            )
    return {
        "width": right + MARGIN + (BEND + 10 if bent else 0),
        "height": max(y for _, y in corners.values()) + NODE_HEIGHT + MARGIN,
        "node": (NODE_WIDTH, NODE_HEIGHT),
        "order": [*leaves, *(operation[0] for operation in operations)],
        "corners": corners,
        "edges": edges,
    }


def _places(leaves: Mapping[str, float], operations: Operations) -> dict[str, tuple[int, int]]:
    rows = dict.fromkeys(leaves, 0)
    for name, _, *inputs in operations:
        rows[name] = 1 + max(rows[i] for i in inputs if isinstance(i, str))
    for leaf in leaves:
        uses = [rows[name] for name, _, *inputs in operations if leaf in inputs]
        rows[leaf] = min(uses, default=1) - 1
    taken: dict[int, int] = {}
    places = {}
    for name in [operation[0] for operation in operations] + list(leaves):
        column = taken.get(rows[name], 0)
        taken[rows[name]] = column + 1
        places[name] = (rows[name], column)
    return places
