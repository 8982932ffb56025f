"""Rosenblatt's rule on points that the reader drops."""

from __future__ import annotations

import io

import matplotlib as mpl
import torch
import traitlets
from matplotlib.figure import Figure

from course_utils.neurons import Perceptron
from course_utils.widgets.base import InteractiveFigure, source

# Coordinates are multiples of a quarter, so that the rule's sums are exact in any order.
REACH = 2.0
EXAMPLES = {
    "OR": [(0, 0, -1), (0, 1, 1), (1, 0, 1), (1, 1, 1)],
    "XOR": [(0, 0, -1), (0, 1, 1), (1, 0, 1), (1, 1, -1)],
    "wide gap": [
        (-1.5, -1, -1), (1, 1.5, 1), (-1, -1.75, -1), (1.5, 0.5, 1),
        (-0.5, -1.25, -1), (0.5, 1.25, 1), (-1.75, 0, -1), (1.75, -0.25, 1),
    ],
    "narrow gap": [
        (-1.5, 0.75, -1), (1.5, 1.75, 1), (-0.5, 1, -1), (0.25, 1.75, 1),
        (1, 1.25, -1), (-1, 1.25, 1), (0.5, -1, -1), (-1.75, 1.25, 1),
    ],
}  # fmt: skip


class PerceptronTrainer(InteractiveFigure):
    """A perceptron that looks at one example at a time; the reader drops and removes the examples.

    Args:
        points: examples (x₁, x₂, label) in the order in which they are looked at, coordinates
            multiples of ¼ from −2 to 2, labels −1 or +1.
        steps: how many examples have been looked at.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a label is neither −1 nor +1, a coordinate is out of reach or off
            the grid, or ``steps`` is negative.
    """

    _esm = source("figure.js", "perceptron.js")
    _css = source("figure.css", "perceptron.css")

    points = traitlets.List().tag(sync=True)
    steps = traitlets.Int(0, min=0).tag(sync=True)
    examples = traitlets.Dict({k: [list(p) for p in v] for k, v in EXAMPLES.items()}).tag(sync=True)

    @traitlets.validate("points")
    def _points_lie_on_the_grid(self, proposal: traitlets.Bunch) -> list[list[float]]:
        for x1, x2, label in proposal["value"]:
            on_grid = all(abs(x) <= REACH and (4 * x) % 1 == 0 for x in (x1, x2))
            if label not in (-1, 1) or not on_grid:
                raise traitlets.TraitError(
                    f"PerceptronTrainer: a point is (x1, x2, label) with multiples of 1/4 from "
                    f"-2 to 2 and label -1 or 1, got {(x1, x2, label)}"
                )
        return [list(point) for point in proposal["value"]]

    def __repr__(self) -> str:
        return f"PerceptronTrainer: {self.alt}"

    def weights(self) -> tuple[float, float, float]:
        """w₁, w₂ and b after ``steps`` examples, from zero."""
        unit = Perceptron(2)
        for step in range(self.steps if self.points else 0):
            x1, x2, label = self.points[step % len(self.points)]
            unit.learn(torch.tensor([x1, x2], dtype=torch.float64), label)
        return (*unit.weight.tolist(), unit.bias.item())

    def picture(self) -> str:
        """The examples and the line that the weights draw."""
        w1, w2, b = self.weights()
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4, 4), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            for label, marker, name in ((1, "o", "label +1"), (-1, "s", "label −1")):
                chosen = [p for p in self.points if p[2] == label]
                ax.plot([p[0] for p in chosen], [p[1] for p in chosen], marker, ms=9, label=name)
            if w1 or w2:
                scale = 10 / (w1 * w1 + w2 * w2) ** 0.5  # long enough to leave the frame
                foot = [-b * w / (w1 * w1 + w2 * w2) for w in (w1, w2)]
                along = [(foot[0] + s * scale * w2, foot[1] - s * scale * w1) for s in (-1, 1)]
                ax.plot(*zip(*along, strict=True), color="black", label="score 0")
            ax.set(xlabel="x₁", ylabel="x₂", xlim=(-2.2, 2.2), ylim=(-2.2, 2.2), aspect="equal")
            ax.set_title(f"after {self.steps} examples", fontsize=11)
            if self.points:
                ax.legend(loc="lower left")
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
