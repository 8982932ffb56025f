"""Sinkhorn and Knopp's algorithm step by step: columns and rows are scaled in turns."""

from __future__ import annotations

import io
import math

import matplotlib as mpl
import torch
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.widgets.base import InteractiveFigure, source

# Scores of eight samples for four clusters, drawn from a standard normal distribution once.
RANDOM = [
    [-1.0, -0.9, 0.4, -0.1], [0.7, 0.0, 0.9, -1.4], [0.5, -0.1, 0.9, 0.1], [-0.6, -0.5, 0.1, 0.1],
    [0.1, 0.6, -0.8, -0.5], [1.0, -1.2, 0.6, 1.0], [1.0, 0.6, -0.1, -2.4], [-0.5, -0.1, 0.8, 1.4],
]  # fmt: skip
EXAMPLES = {
    "random": RANDOM,
    # The same with 3 more for cluster B. Balancing takes away whatever a whole column has too much.
    "collapsed": [[a, round(b + 3, 1), c, d] for a, b, c, d in RANDOM],
    # Every score stands in every column as often as in any other, so no temperature unbalances it.
    "balanced": [
        [2, 0, -1, 0.5], [-0.5, 1.5, 0, 0.5], [0, -1, 0.5, 2], [0, 0.5, -0.5, 1.5],
        [-1, 0.5, 2, 0], [1.5, 0, 0.5, -0.5], [0.5, 2, 0, -1], [0.5, -0.5, 1.5, 0],
    ],
    "all rows alike": [[0, 3, 1, 0.5]] * 8,
}  # fmt: skip


class SinkhornBalancing(InteractiveFigure):
    """A small matrix of samples and clusters whose columns and rows the reader scales in turns.

    It begins with the softmax of each row of scores. Then every column is divided by its sum and
    multiplied by N / K, then every row is divided by its sum, and so on. Two steps are what
    `course_utils.sinkhorn` calls an iteration.

    Args:
        scores: N rows (samples) of K numbers (clusters), 2 … 12 by 2 … 6.
        temperature: what the scores are divided by, 0.1 … 10.
        steps: how often it was scaled: columns, rows, columns, …
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: the scores are no such matrix, the temperature is out of range, or
            ``steps`` is negative.

    Example:
        >>> SinkhornBalancing(EXAMPLES["collapsed"], steps=2, alt="One round of balancing")
    """

    _esm = source("figure.js", "descent.js", "sinkhorn_balancing.js")
    _css = source("figure.css", "descent.css", "sinkhorn_balancing.css")

    scores = traitlets.List().tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.1, max=10.0).tag(sync=True)
    steps = traitlets.Int(0, min=0).tag(sync=True)
    examples = traitlets.Dict(EXAMPLES).tag(sync=True)

    def __init__(self, scores: list[list[float]] | Tensor | None = None, **settings: object):
        rows = RANDOM if scores is None else scores
        super().__init__(scores=rows.tolist() if isinstance(rows, Tensor) else rows, **settings)

    @traitlets.validate("scores")
    def _scores_are_a_matrix(self, proposal: traitlets.Bunch) -> list[list[float]]:
        rows = proposal["value"]
        widths = {len(row) for row in rows if isinstance(row, list | tuple)}
        fits = 2 <= len(rows) <= 12 and len(widths) == 1 and 2 <= min(widths) <= 6
        if not fits or not all(math.isfinite(s) for row in rows for s in row):
            raise traitlets.TraitError(
                "SinkhornBalancing: scores are 2 to 12 rows of 2 to 6 finite numbers, got "
                f"{len(rows)} rows of {sorted(widths)}"
            )
        return [list(row) for row in rows]

    def __repr__(self) -> str:
        return f"SinkhornBalancing: {self.alt}"

    @property
    def share(self) -> float:
        """What each column should sum to, N / K."""
        return len(self.scores) / len(self.scores[0])

    def matrix(self) -> Tensor:
        """The shares (N, K) after all steps."""
        scores = torch.tensor(self.scores, dtype=torch.float64)
        log_q = (scores / self.temperature).log_softmax(1)
        for step in range(self.steps):
            if step % 2 == 0:
                log_q = log_q.log_softmax(0) + math.log(self.share)
            else:
                log_q = log_q.log_softmax(1)
        return log_q.exp()

    def deviation(self) -> float:
        """How far the worst sum is from its target, as a fraction of it."""
        q = self.matrix()
        return max((q.sum(0) / self.share - 1).abs().max(), (q.sum(1) - 1).abs().max()).item()

    def picture(self) -> str:
        """The shares as areas and numbers, with all sums beside their targets."""
        q, (n, k) = self.matrix(), (len(self.scores), len(self.scores[0]))
        full = max(1.0, self.share)
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            size = (0.75 * k + 2, 0.36 * n + 1.4)
            figure = Figure(figsize=size, layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            for r, row in enumerate(q.tolist()):
                for c, value in enumerate(row):
                    side = 0.84 * math.sqrt(value / full)
                    corner = (2 * c + 0.5 - side / 2, r - side / 2)
                    ax.add_patch(Rectangle(corner, side, side, facecolor="#0072B2"))
                    ax.text(2 * c + 1.0, r, f"{value:.2f}", va="center")
                    if value == max(row) and sum(value - v < 1e-9 for v in row) == 1:
                        ax.add_patch(Rectangle((2 * c + 0.02, r - 0.47), 1.96, 0.94, fill=False))
                ax.text(2 * k + 0.3, r, f"{q[r].sum().item():.3f}", va="center")
            for c, total in enumerate(q.sum(0).tolist()):
                ax.text(2 * c + 1, n, f"{total:.3f}", va="center", ha="center")
                ax.text(2 * c + 1, n + 0.9, f"{self.share:g}", va="center", ha="center")
            ax.text(2 * k + 0.3, n + 0.9, "1", va="center")
            ax.set_xticks([*range(1, 2 * k, 2), 2 * k + 0.9], [*"ABCDEF"[:k], "row sum"])
            ax.set_yticks(
                [*range(n), n, n + 0.9], [*map(str, range(1, n + 1)), "column sum", "target"]
            )
            ax.set(xlim=(0, 2 * k + 1.9), ylim=(n + 1.4, -0.6), aspect="equal")
            ax.xaxis.tick_top()
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
            ax.set_title(
                f"rounds: {self.steps / 2:g}, temperature {self.temperature:.3g}, "
                f"worst sum off by {100 * self.deviation():.2g} %",
                fontsize=11,
            )
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
