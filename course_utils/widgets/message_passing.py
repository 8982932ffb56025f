"""Propagation on a small graph, step by step: what every node holds, and who told it."""

from __future__ import annotations

import io
import itertools
import math

import matplotlib as mpl
import torch
import traitlets
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.widgets.base import InteractiveFigure, source


class MessagePassing(InteractiveFigure):
    """A graph whose nodes hold one number each, and hand it on along the edges.

    A step is a product with D^(−1/2) (A + I) D^(−1/2) (rule "gcn") or with D^(−1) (A + I) (rule
    "mean"), D the degrees of A + I. What all nodes have in common in the end is the product's first
    eigenvector; the view "rest" leaves it out and enlarges what is left.

    Args:
        edges: pairs of nodes, each edge once.
        places: (N, 2), where the nodes are drawn; any scale.
        sides: 0 or 1 for each node, drawn as squares and circles.
        sources: the two nodes that hold 1 and −1 at first, one of each side; all others hold 0.
        steps: how often it was propagated, 0 … 200.
        rule: "gcn" or "mean".
        view: "all" or "rest".
        chosen: the node whose messages are told.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a rule, a view or a number of steps that is not offered, or nodes that
            are not there.

    Example:
        >>> MessagePassing([[0, 1], [1, 2]], [[0, 0], [1, 0], [2, 1]], [0, 1, 1], [0, 2], alt="…")
    """

    _esm = source("figure.js", "message_passing.js")
    _css = source("figure.css", "message_passing.css")

    edges = traitlets.List().tag(sync=True)
    places = traitlets.List().tag(sync=True)
    sides = traitlets.List(traitlets.Int(min=0, max=1)).tag(sync=True)
    sources = traitlets.List(traitlets.Int(), minlen=2, maxlen=2).tag(sync=True)
    steps = traitlets.Int(0, min=0, max=200).tag(sync=True)
    rule = traitlets.Enum(["gcn", "mean"], "gcn").tag(sync=True)
    view = traitlets.Enum(["all", "rest"], "all").tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)

    def __init__(
        self,
        edges: list[list[int]] | Tensor,
        places: list[list[float]] | Tensor,
        sides: list[int] | Tensor,
        sources: list[int],
        **settings: object,
    ) -> None:
        edges, places, sides = (
            part.tolist() if isinstance(part, Tensor) else part for part in (edges, places, sides)
        )
        n = len(sides)
        named = [*itertools.chain(*edges), *sources, settings.get("chosen", 0)]
        if len(places) != n or not all(0 <= node < n for node in named):
            raise traitlets.TraitError(
                f"MessagePassing: {n} sides and {len(places)} places, but the nodes that are named "
                f"are {min(named)} … {max(named)}"
            )
        super().__init__(edges=edges, places=places, sides=sides, sources=sources, **settings)

    def __repr__(self) -> str:
        return f"MessagePassing: {self.alt}"

    def values(self) -> Tensor:
        """What the nodes hold after all steps, as the view shows it (N,)."""
        n = len(self.sides)
        a = torch.eye(n, dtype=torch.float64)
        for i, j in self.edges:
            a[i, j] = a[j, i] = 1
        d = a.sum(1)
        p = a / d[:, None] if self.rule == "mean" else a / (d[:, None] * d).sqrt()
        x = torch.zeros(n, dtype=torch.float64)
        x[self.sources[0]], x[self.sources[1]] = 1, -1
        x = torch.linalg.matrix_power(p, self.steps) @ x
        if self.view == "rest":
            ones, weights = (torch.ones(n).double(), d) if self.rule == "mean" else (d.sqrt(),) * 2
            x = x - ones * (weights @ x) / (weights @ ones)
        return x

    def right(self) -> int:
        """How many nodes have the sign of their side's source."""
        signs = torch.tensor([1 - 2 * (s != self.sides[self.sources[0]]) for s in self.sides])
        return int((self.values() * signs > 0).sum())

    def picture(self) -> str:
        """The graph; a node's area is its number, filled if positive, hollow if negative."""
        x, at = self.values(), torch.tensor(self.places, dtype=torch.float64)
        size = 160 * (x / x.abs().max()).abs()
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(5, 3.8), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            lines = at[torch.tensor(self.edges)].numpy()
            ax.add_collection(LineCollection(lines, color="0.7", lw=0.8, zorder=1))
            for node, ((h, v), value) in enumerate(zip(at.tolist(), x.tolist(), strict=True)):
                shape = "so"[self.sides[node]]
                common = {"marker": shape, "zorder": 2}
                ax.scatter(h, v, s=170, facecolor="white", edgecolor="black", lw=0.8, **common)
                color = "#0072B2" if value > 0 else "#D55E00"
                ax.scatter(h, v, s=max(size[node].item(), 1e-3), edgecolor=color,
                           facecolor=color if value > 0 else "white", **common)  # fmt: skip
            ax.set_axis_off()
            ax.set_title(
                f"propagations: {self.steps}, numbers from {_short(x.min())} to {_short(x.max())}, "
                f"{self.right()} of {len(x)} signs right",
                fontsize=11,
            )
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()


def _short(value: Tensor) -> str:
    number = value.item()
    return "0" if math.isclose(number, 0, abs_tol=1e-12) else f"{number:.2g}".replace("-", "−")
