"""Which layers to freeze at which size of the target: recorded runs, side by side."""

from __future__ import annotations

import io
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import traitlets
from matplotlib.figure import Figure

from course_utils.widgets.base import InteractiveFigure, source

PARTS = ("stem", "blocks 1–5", "blocks 6–11", "blocks 12–16", "last convolution", "last layer")

# For each way of training, what happens to each part: kept as it is (-), only its normalization
# layers trained (n), trained from the source (+), trained from a random start (r).
WAYS = {
    "last": ("last layer", "-----r"),
    "norm": ("normalization", "nnnnnr"),
    "top": ("top blocks", "---++r"),
    "layered": ("all, two rates", "+++++r"),
    "all": ("all, one rate", "+++++r"),
    "batch": ("all, batch statistics", "+++++r"),
    "scratch": ("from scratch", "rrrrrr"),
}


class TransferExplorer(InteractiveFigure):
    """Accuracy of several ways of training a pretrained network, for one size of the target.

    The reader chooses the size and ticks the ways; every run is a dot, beside them their mean and
    standard deviation, which parts of the network were trained, how many numbers that is and what
    a run cost.

    Args:
        recorded: what ``chapters/results/finetuning.json`` holds.
        size: number of labeled examples, one that was run.
        shown: keys of `WAYS`, in any order.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a size that was not run, or an unknown way.
    """

    _esm = source("figure.js", "transfer_explorer.js")
    _css = source("figure.css", "transfer_explorer.css")

    ways = traitlets.List().tag(sync=True)
    parts = traitlets.List(list(PARTS)).tag(sync=True)
    sizes = traitlets.List().tag(sync=True)
    runs = traitlets.List().tag(sync=True)
    size = traitlets.Int().tag(sync=True)
    shown = traitlets.List(list(WAYS)).tag(sync=True)

    def __init__(
        self,
        recorded: Mapping[str, Any],
        *,
        size: int | None = None,
        shown: Sequence[str] = tuple(WAYS),
        **options: Any,
    ) -> None:
        (target,) = recorded["targets"].values()
        fields = ("arm", "size", "seed", "accuracy", "seconds")
        super().__init__(
            ways=[
                {"key": key, "name": name, "trained": trained, "count": target["parameters"][key]}
                for key, (name, trained) in WAYS.items()
            ],
            sizes=list(target["sizes"]),
            runs=[
                {name: run[name] for name in fields}
                for run in recorded["runs"]
                if run["steps"] == target["steps"]
            ],
            size=target["sizes"][0] if size is None else size,
            shown=list(shown),
            **options,
        )

    @traitlets.validate("size")
    def _size_was_run(self, proposal: traitlets.Bunch) -> int:
        if self.sizes and proposal["value"] not in self.sizes:
            raise traitlets.TraitError(
                f"TransferExplorer: sizes are {list(self.sizes)}, got {proposal['value']}"
            )
        return proposal["value"]

    @traitlets.validate("shown")
    def _ways_are_known(self, proposal: traitlets.Bunch) -> list[str]:
        if not set(proposal["value"]) <= set(WAYS):
            raise traitlets.TraitError(
                f"TransferExplorer: ways are {list(WAYS)}, got {list(proposal['value'])}"
            )
        return [key for key in WAYS if key in proposal["value"]]

    def __repr__(self) -> str:
        return f"TransferExplorer: {self.alt}"

    def accuracies(self, way: str) -> list[float]:
        """Of all runs of a way at the chosen size."""
        return [r["accuracy"] for r in self.runs if (r["arm"], r["size"]) == (way, self.size)]

    def picture(self) -> str:
        """Every run a dot; mean and standard deviation beside it; a row for each way."""
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(5.6, 3.4), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            for row, way in enumerate(self.shown):
                values = self.accuracies(way)
                ax.plot(values, [row - 0.15] * len(values), "o", color="black", mfc="none", ms=5)
                spread = statistics.stdev(values) if len(values) > 1 else 0
                if values:
                    ax.errorbar(
                        statistics.mean(values), row + 0.15, xerr=spread, fmt="s", capsize=4
                    )
            ax.set_yticks(range(len(self.shown)), [WAYS[way][0] for way in self.shown])
            ax.set(
                xlim=(0.4, 1),
                ylim=(len(self.shown) - 0.5, -0.5),
                xlabel=f"accuracy from {self.size} labels",
            )
            ax.grid(axis="x", alpha=0.3)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
