"""What the units of a chain of layers see of the input."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from course_utils.models import ReceptiveField, receptive_field
from course_utils.widgets.base import InteractiveFigure, source

# The input's size and layers (name, kernel, stride, padding, dilation). The JavaScript has the
# same; a test compares the two, and what they make with the library's models.
PRESETS: dict[str, tuple[int, list[tuple[str, int, int, int, int]]]] = {
    "LeNet-5": (
        32,
        [
            ("C1", 5, 1, 0, 1),
            ("S2", 2, 2, 0, 1),
            ("C3", 5, 1, 0, 1),
            ("S4", 2, 2, 0, 1),
            ("C5", 5, 1, 0, 1),
        ],
    ),
    "AlexNet": (
        227,
        [
            ("conv1", 11, 4, 0, 1),
            ("pool1", 3, 2, 0, 1),
            ("conv2", 5, 1, 2, 1),
            ("pool2", 3, 2, 0, 1),
            ("conv3", 3, 1, 1, 1),
            ("conv4", 3, 1, 1, 1),
            ("conv5", 3, 1, 1, 1),
            ("pool5", 3, 2, 0, 1),
        ],
    ),
    "VGG-16": (
        224,
        [
            layer
            for block, count in enumerate((2, 2, 3, 3, 3), 1)
            for layer in (
                *((f"conv{block}_{i}", 3, 1, 1, 1) for i in range(1, count + 1)),
                (f"pool{block}", 2, 2, 0, 1),
            )
        ],
    ),
    "dilated 1-2-4-8": (40, [(f"dilated {d}", 3, 1, d, d) for d in (1, 2, 4, 8)]),
    "four 3 × 3": (40, [(f"conv{i}", 3, 1, 1, 1) for i in (1, 2, 3, 4)]),
}
LIMITS = ((1, 11), (1, 4), (0, 8), (1, 8))  # of kernel, stride, padding and dilation
MOST_LAYERS = 20


class ReceptiveFieldExplorer(InteractiveFigure):
    """Layers that the reader edits, and the field of one unit drawn on the input.

    A pixel is the darker the more paths lead from it to the unit: with equal weights this is its
    share of the influence, and most of it comes from the middle of the field.

    Args:
        layers: (name, kernel, stride, padding, dilation) of each, from the input upward.
        size: rows and columns of the input, 1 to 256.
        chosen: index of the layer whose unit is drawn.
        place: where in the image, from 0 to 1, the unit's field has its middle (or nearly).
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a number out of its limits, no layers or more than 20, or no layer of
            that index.
    """

    _esm = source("figure.js", "descent.js", "receptive_field_explorer.js")
    _css = source("figure.css", "descent.css", "receptive_field_explorer.css")

    layers = traitlets.List().tag(sync=True)
    size = traitlets.Int(32, min=1, max=256).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)
    place = traitlets.List(traitlets.Float(), [0.5, 0.5], minlen=2, maxlen=2).tag(sync=True)

    @classmethod
    def preset(cls, name: str, **settings: object) -> ReceptiveFieldExplorer:
        """The figure with a network of `PRESETS` and its last layer chosen."""
        size, layers = PRESETS[name]
        settings = {"size": size, "chosen": len(layers) - 1} | settings
        return cls(layers=layers, **settings)

    @traitlets.default("layers")
    def _lenet(self) -> list:
        return [list(layer) for layer in PRESETS["LeNet-5"][1]]

    @traitlets.validate("layers")
    def _layers_are_within_limits(self, proposal: traitlets.Bunch) -> list[list]:
        layers = [list(layer) for layer in proposal["value"]]
        if not 1 <= len(layers) <= MOST_LAYERS:
            raise traitlets.TraitError(
                f"ReceptiveFieldExplorer: 1 to {MOST_LAYERS} layers, got {len(layers)}"
            )
        for layer in layers:
            numbers = layer[1:]
            if len(numbers) != 4 or not all(
                isinstance(i, int) and low <= i <= high
                for i, (low, high) in zip(numbers, LIMITS, strict=True)
            ):
                raise traitlets.TraitError(
                    "ReceptiveFieldExplorer: a layer is (name, kernel, stride, padding, dilation) "
                    f"within {LIMITS}, got {tuple(layer)}"
                )
        return layers

    @traitlets.validate("chosen")
    def _chosen_is_there(self, proposal: traitlets.Bunch) -> int:
        if proposal["value"] >= len(self.layers):
            raise traitlets.TraitError(
                f"ReceptiveFieldExplorer: there are {len(self.layers)} layers, got index "
                f"{proposal['value']}"
            )
        return proposal["value"]

    def __repr__(self) -> str:
        return f"ReceptiveFieldExplorer: {self.alt}"

    def chain(self) -> nn.Sequential:
        """The layers in PyTorch, all weights one: what a unit's gradient counts is then paths."""
        made = [nn.Conv2d(1, 1, k, s, p, d, bias=False) for _, k, s, p, d in self.layers]
        for layer in made:
            nn.init.ones_(layer.weight)
        return nn.Sequential(*made).double()

    def fields(self) -> list[ReceptiveField]:
        """Size, stride and padding of each layer's fields."""
        return receptive_field(self.chain())

    def outs(self) -> list[int]:
        """Units along an axis after each layer; 0 where it does not fit."""
        outs, n = [], self.size
        for _, k, s, p, d in self.layers:
            span = d * (k - 1) + 1
            n = (n + 2 * p - span) // s + 1 if n and n + 2 * p >= span else 0
            outs.append(n)
        return outs

    def unit(self) -> tuple[int, int]:
        """Row and column of the chosen layer's unit whose field has its middle nearest to `place`.

        The JavaScript rounds halves upward, and so does this.
        """
        field, out = self.fields()[self.chosen], self.outs()[self.chosen]
        start = (field.size - 1) / 2 - field.padding
        nearest = (
            int(np.floor((place * self.size - 0.5 - start) / field.stride + 0.5))
            for place in self.place
        )
        row, column = (max(0, min(out - 1, unit)) for unit in nearest)
        return row, column

    def paths(self) -> np.ndarray:
        """How many paths lead from each pixel to the unit, (H, W)."""
        x = torch.zeros(1, 1, self.size, self.size, dtype=torch.float64, requires_grad=True)
        self.chain()[: self.chosen + 1](x)[0, 0][self.unit()].backward()
        return x.grad[0, 0].numpy()

    def picture(self) -> str:
        """The unit's field on the input, and the paths as shading."""
        field, out, n = self.fields()[self.chosen], self.outs()[self.chosen], self.size
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.4, 4.6), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            name = self.layers[self.chosen][0]
            ax.set_title(
                f"{name}: field {field.size} × {field.size}, jump {field.stride}", fontsize=11
            )
            ax.add_patch(Rectangle((-0.5, -0.5), n, n, fill=False, lw=1.5))
            low, high = -1, n
            if out:
                shares = np.sqrt(self.paths() / self.paths().max())
                ax.imshow(shares, cmap="Blues", vmin=0, vmax=1.3, interpolation="nearest")
                corner = [field.interval(unit)[0] - 0.5 for unit in self.unit()]
                side = field.size
                ax.add_patch(
                    Rectangle(corner[::-1], side, side, fill=False, edgecolor="#b84d00", lw=2.5)
                )
                low = min(low, -field.padding - 1)
                high = max(high, field.interval(out - 1)[1] + 1)
            ax.set(xlim=(low, high), ylim=(high, low), xlabel="pixel", ylabel="pixel")
            ax.set(aspect="equal")
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
