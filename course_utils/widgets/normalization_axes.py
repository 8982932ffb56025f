"""Which entries of a batch of feature maps share a mean and a variance."""

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

AXES = ("N", "C", "H", "W")

# The axes of each method, and how many channels it takes together where it averages over C
# (0: all of them). normalization_axes.js has the same; a test compares the two.
METHODS = {
    "batch norm": ("NHW", 0),
    "layer norm": ("CHW", 0),
    "position-wise norm": ("C", 0),
    "instance norm": ("HW", 0),
    "group norm": ("CHW", 2),
}


def example() -> list[list[list[list[int]]]]:
    """Three examples of four channels, 3 × 3: every channel and every example has a level."""
    n, c, h, w = torch.meshgrid(*map(torch.arange, (3, 4, 3, 3)), indexing="ij")
    levels = torch.tensor([3, -2, 6, 0])[c] + torch.tensor([0, 4, -3])[n]
    return (levels + (4 * h + 3 * w + 2 * c + 7 * n) % 5 - 2).tolist()


class NormalizationAxes(InteractiveFigure):
    """A small tensor (N, C, H, W), every entry in sight; those that share a mean are marked.

    The reader ticks the axes that the average runs over and chooses how many channels go
    together, or a method by its name, and walks over the entries.

    Args:
        values: the tensor, as nested lists of numbers.
        axes: the axes that are averaged over, letters of "NCHW".
        group: how many channels share a mean where C is among ``axes``; 0 takes all.
        entry: the chosen entry (n, c, h, w).
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: values that are no tensor of four dimensions, an unknown axis, groups
            that do not divide the channels, or an entry that is not there.
    """

    _esm = source("figure.js", "normalization_axes.js")
    _css = source("figure.css", "normalization_axes.css")

    values = traitlets.List().tag(sync=True)
    axes = traitlets.List(["N", "H", "W"]).tag(sync=True)
    group = traitlets.Int(0, min=0).tag(sync=True)
    entry = traitlets.List([0, 0, 0, 0]).tag(sync=True)

    @traitlets.default("values")
    def _example(self) -> list:
        return example()

    @traitlets.validate("values")
    def _values_are_a_tensor(self, proposal: traitlets.Bunch) -> list:
        try:
            dims = torch.tensor(proposal["value"]).ndim
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(
                f"NormalizationAxes: values are no tensor: {error}"
            ) from None
        if dims != 4:
            raise traitlets.TraitError(
                f"NormalizationAxes: values must be (N, C, H, W), got {dims}-d"
            )
        return proposal["value"]

    @traitlets.validate("axes")
    def _axes_are_known(self, proposal: traitlets.Bunch) -> list[str]:
        if not set(proposal["value"]) <= set(AXES):
            raise traitlets.TraitError(
                f"NormalizationAxes: axes are letters of NCHW, got {list(proposal['value'])}"
            )
        return [axis for axis in AXES if axis in proposal["value"]]

    @traitlets.validate("group")
    def _groups_divide_the_channels(self, proposal: traitlets.Bunch) -> int:
        channels = len(self.values[0])
        if proposal["value"] and channels % proposal["value"]:
            raise traitlets.TraitError(
                f"NormalizationAxes: {channels} channels do not divide into groups of "
                f"{proposal['value']}"
            )
        return proposal["value"]

    @traitlets.validate("entry")
    def _entry_is_there(self, proposal: traitlets.Bunch) -> list[int]:
        entry, shape = list(proposal["value"]), tuple(torch.tensor(self.values).shape)
        if len(entry) != 4 or not all(0 <= i < size for i, size in zip(entry, shape, strict=True)):
            raise traitlets.TraitError(f"NormalizationAxes: {shape} has no entry {entry}")
        return entry

    def __repr__(self) -> str:
        return f"NormalizationAxes: {self.alt}"

    def groups(self) -> tuple[int, ...]:
        """The shape with the channels split, (N, G, C/G, H, W); G is C where C is not averaged."""
        n, c, h, w = torch.tensor(self.values).shape
        size = (self.group or c) if "C" in self.axes else 1
        return n, c // size, size, h, w

    def dims(self) -> tuple[int, ...]:
        """The dimensions of `groups` that the average runs over."""
        return tuple({"N": 0, "C": 2, "H": 3, "W": 4}[axis] for axis in self.axes)

    def statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each entry's set, as tensors of the shape of ``values``."""
        x = torch.tensor(self.values, dtype=torch.float64)
        split = x.reshape(self.groups())
        mean, var = x.new_zeros(()) + split, torch.zeros_like(split)
        if self.dims():
            mean = split.mean(self.dims(), keepdim=True).expand_as(split)
            var = split.var(self.dims(), keepdim=True, correction=0).expand_as(split)
        return mean.reshape(x.shape), var.reshape(x.shape)

    def members(self) -> Tensor:
        """Which entries share their mean with the chosen one: a mask of the shape of ``values``."""
        shape = self.groups()
        n, c, h, w = self.entry
        chosen = (n, c // shape[2], c % shape[2], h, w)
        here = [
            slice(None) if dim in self.dims() else slice(i, i + 1) for dim, i in enumerate(chosen)
        ]
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[tuple(here)] = True
        return mask.reshape(torch.tensor(self.values).shape)

    def method(self) -> str:
        """The name of what is chosen, or an empty string."""
        _, _, size, _, _ = self.groups()
        channels = len(self.values[0])
        axes = "".join(self.axes)
        if axes == "CHW" and size < channels:
            return "group norm" if size > 1 else "instance norm"
        whole = "C" not in axes or size == channels
        return next((m for m, (over, g) in METHODS.items() if over == axes and not g and whole), "")

    def picture(self) -> str:
        """The entries, one row of feature maps for each example; the chosen set is hatched."""
        x, members = torch.tensor(self.values), self.members()
        n, c, h, w = x.shape
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            size = (0.4 * c * (w + 1) + 0.6, 0.4 * n * (h + 1) + 0.7)
            figure = Figure(figsize=size, layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            for place in torch.cartesian_prod(*map(torch.arange, x.shape)).tolist():
                i, j, row, column = place
                left, top = j * (w + 0.8) + column, i * (h + 0.8) + row
                inside = bool(members[i, j, row, column])
                ax.add_patch(
                    Rectangle(
                        (left, top), 1, 1, fill=inside, facecolor="#cfe3f1", edgecolor="black",
                        hatch="///" if inside else None, linewidth=1.5 if inside else 0.5,
                    )
                )  # fmt: skip
                chosen = place == self.entry
                ax.text(
                    left + 0.5, top + 0.5, f"{x[i, j, row, column].item():g}".replace("-", "−"),
                    ha="center", va="center", fontsize=9, weight="bold" if chosen else "normal",
                    bbox={"boxstyle": "circle" if chosen else "square", "pad": 0.1,
                          "facecolor": "white", "linewidth": 2 if chosen else 0},
                )  # fmt: skip
            for j in range(c):
                ax.text(j * (w + 0.8) + w / 2, -0.4, f"channel {j}", ha="center")
            for i in range(n):
                ax.text(
                    -0.4, i * (h + 0.8) + h / 2, f"example {i}", va="center", ha="center",
                    rotation=90,
                )  # fmt: skip
            count = int(members.sum())
            name, means = self.method() or "no common name", math.prod(x.shape) // count
            ax.set_title(f"{name}: {means} means, {count} entries each", fontsize=11)
            ax.set(xlim=(-1, c * (w + 0.8)), ylim=(n * (h + 0.8), -1.1), aspect="equal")
            ax.axis("off")
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
