"""AlexNet, layer by layer: what each costs, and what is left without it."""

from __future__ import annotations

import io
import math
from typing import NamedTuple

import matplotlib as mpl
import torch
import traitlets
from matplotlib.figure import Figure
from torch import nn

from course_utils.models import AlexNet, count_parameters, multiply_adds
from course_utils.models.alexnet import REMOVABLE
from course_utils.widgets.base import InteractiveFigure, source

# What makes each version, in `AlexNet`'s words. The JavaScript has the same; a test compares.
VERSIONS = {
    "two GPUs, 2012": {"channels": (96, 256, 384, 384, 256), "groups": 2},
    "one GPU, nothing split": {"channels": (96, 256, 384, 384, 256), "groups": 1},
    "one GPU, 2014": {"channels": (64, 192, 384, 256, 256), "groups": 1},
}


class Cost(NamedTuple):
    """What one layer puts out, (C, H, W) or (K,), and what that takes."""

    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int

    @property
    def neurons(self) -> int:
        return math.prod(self.shape)


class AlexNetBuilder(InteractiveFigure):
    """The eight layers of AlexNet with their costs; the reader takes some of them out.

    Args:
        version: a key of `VERSIONS`.
        without: the layers taken out, of 3, 4, 6 and 7.
        size: rows and columns of the input, 67 to 323. At other sizes than those around 227 the
            first fully connected layer has another number of inputs.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: no such version or size, or a layer that has to stay.
    """

    _esm = source("figure.js", "descent.js", "alexnet_builder.js")
    _css = source("figure.css", "descent.css", "alexnet_builder.css")

    version = traitlets.Enum([*VERSIONS], "two GPUs, 2012").tag(sync=True)
    without = traitlets.List(traitlets.Int()).tag(sync=True)
    size = traitlets.Int(227, min=67, max=323).tag(sync=True)

    @traitlets.validate("without")
    def _layers_can_go(self, proposal: traitlets.Bunch) -> list[int]:
        if not set(proposal["value"]) <= set(REMOVABLE):
            raise traitlets.TraitError(
                f"AlexNetBuilder: of layers 1 to 8 only {REMOVABLE} can be taken out, got "
                f"{proposal['value']}"
            )
        return sorted(set(proposal["value"]))

    def __repr__(self) -> str:
        return f"AlexNetBuilder: {self.alt}"

    def model(self) -> AlexNet:
        """The network, on the device ``meta``: sizes without numbers."""
        with torch.device("meta"):
            model = AlexNet(**VERSIONS[self.version], without=self.without)
            inputs = model.features(torch.zeros(1, 3, self.size, self.size)).numel()
            name, first = next(
                (n, m) for n, m in model.classifier.named_children() if isinstance(m, nn.Linear)
            )
            setattr(model.classifier, name, nn.Linear(inputs, first.out_features))
        return model

    def costs(self) -> dict[str, Cost]:
        """What each layer with weights costs, measured on the library's model."""
        model, found = self.model(), {}
        shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        for part in (model.features, model.classifier):
            for name, layer in part.named_children():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    layer.register_forward_hook(
                        lambda _, x, y, name=name: shapes.update({name: (x[0].shape, y.shape)})
                    )
        model(torch.zeros(1, 3, self.size, self.size, device="meta"))
        for part in (model.features, model.classifier):
            for name, layer in part.named_children():
                if name in shapes:
                    x, y = shapes[name]
                    found[name] = Cost(
                        tuple(y[1:]), count_parameters(layer), multiply_adds(layer, tuple(x))
                    )
        return found

    def picture(self) -> str:
        """Bars for each layer, framed where the whole network has more."""
        names = [*(f"conv{i}" for i in range(1, 6)), *(f"fc{i}" for i in (6, 7, 8))]
        now = self.costs()
        full = AlexNetBuilder(version=self.version, size=self.size).costs()
        panels = {
            "parameters, millions": lambda cost: cost.parameters / 1e6,
            "multiply-adds, millions": lambda cost: cost.multiply_adds / 1e6,
            "outputs, MB in float32": lambda cost: 4 * cost.neurons / 1e6,
        }
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(7.6, 3.6), layout="constrained", facecolor="white")
            axes = figure.subplots(1, 3, sharey=True)
            for ax, (title, value) in zip(axes, panels.items(), strict=True):
                left = [value(now[name]) if name in now else 0 for name in names]
                ax.barh(names, left, color="#0072b2", label="this network")
                ax.barh(
                    names, [value(full[name]) for name in names],
                    fill=False, edgecolor="black", label="all eight layers",
                )  # fmt: skip
                ax.set_xlabel(title)
            axes[0].invert_yaxis()
            figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
            gone = ", ".join(map(str, self.without))
            total = sum(cost.parameters for cost in now.values())
            figure.suptitle(
                f"AlexNet{f' without {gone}' if gone else ''}: {total:,} parameters", fontsize=11
            )
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
