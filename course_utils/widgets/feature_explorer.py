"""A small trained network, opened: what a unit answers to, and what changes when pixels do."""

from __future__ import annotations

import base64
import io
from functools import cached_property

import matplotlib as mpl
import numpy as np
import torch
import traitlets
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.layers import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
from course_utils.widgets.base import InteractiveFigure, source

SIDE = 28  # pixels of an image, either way
LEVELS = 15  # the brightest gray; an image is carried with four bits a pixel
KINDS = (Conv2d, ReLU, MaxPool2d, Conv2d, ReLU, MaxPool2d, Flatten, Linear)
TOP = 8  # patches shown


class FeatureExplorer(InteractiveFigure):
    """The units of a network with two convolutions, on digits that the reader may change.

    ``FeatureExplorer.of(net, images, labels)`` takes the weights out of a network.

    Args:
        network: ``shapes`` of the weights of both convolutions and of the linear layer, and
            ``numbers``: all weights and biases in order, float32 in base64.
        images: gray levels 0 … 15, two pixels a byte, in base64, one image after the other.
        labels: the digit that each image shows.
        chosen: index of the image.
        layer: 1 and 2 are the convolutions, after ReLU; 3 is the scores of the classes.
        unit: a channel of that layer, or a class, from 0.
        drawn: the image as the reader changed it, 784 gray levels; empty while it is as it came.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: there is no such image, layer or unit, or ``drawn`` is no image.
    """

    _esm = source("figure.js", "feature_explorer.js")
    _css = source("figure.css", "feature_explorer.css")

    network = traitlets.Dict().tag(sync=True)
    images = traitlets.Unicode().tag(sync=True)
    labels = traitlets.List(traitlets.Int()).tag(sync=True)
    chosen = traitlets.Int(0, min=0).tag(sync=True)
    layer = traitlets.Int(1, min=1, max=3).tag(sync=True)
    unit = traitlets.Int(0, min=0).tag(sync=True)
    drawn = traitlets.List(traitlets.Int(min=0, max=LEVELS), []).tag(sync=True)

    @classmethod
    def of(
        cls, net: Sequential, images: Tensor, labels: Tensor, **settings: object
    ) -> FeatureExplorer:
        """The figure of a network and of images (N, 1, 28, 28) in [0, 1].

        Raises:
            TypeError: the network is no chain of convolution, ReLU, pooling, twice, and a linear
                layer, or its convolutions change the size of an image.
        """
        same = all(
            conv.padding == [(conv.kernel_size[0] // 2,) * 2] * 2
            and (conv.stride, conv.dilation) == ((1, 1), (1, 1))
            for conv in net.layers
            if isinstance(conv, Conv2d)
        )
        if not same or tuple(map(type, net.layers)) != KINDS:
            raise TypeError(
                f"FeatureExplorer: expected {[kind.__name__ for kind in KINDS]} that keep the "
                f"size of an image, got {net!r}"
            )
        layers = [net[0], net[3], net[7]]
        numbers = [t.detach().cpu().flatten() for each in layers for t in (each.weight, each.bias)]
        gray = (LEVELS * images.detach().cpu().flatten(1)).round().to(torch.uint8).numpy()
        return cls(
            network={
                "shapes": [list(each.weight.shape) for each in layers],
                "numbers": _text(torch.cat(numbers).float().numpy().astype("<f4")),
            },
            images=_text(gray[:, ::2] << 4 | gray[:, 1::2]),
            labels=labels.tolist(),
            **settings,
        )

    @traitlets.validate("chosen", "layer", "unit")
    def _it_is_there(self, proposal: traitlets.Bunch) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        there = {"chosen": len(self.labels), "layer": 4, "unit": len(self._sizes[self.layer - 1])}
        if value >= there[name]:
            raise traitlets.TraitError(f"FeatureExplorer: no {name} {value} of {there[name]}")
        return value

    @traitlets.validate("drawn")
    def _drawn_is_an_image(self, proposal: traitlets.Bunch) -> list[int]:
        if len(proposal["value"]) not in (0, SIDE * SIDE):
            raise traitlets.TraitError(
                f"FeatureExplorer: an image is {SIDE * SIDE} levels, got {len(proposal['value'])}"
            )
        return proposal["value"]

    def __repr__(self) -> str:
        return f"FeatureExplorer: {self.alt}"

    @property
    def _sizes(self) -> list[range]:
        return [range(shape[0]) for shape in self.network["shapes"]]

    @cached_property
    def _net(self) -> Sequential:
        """The network in double precision, from the numbers that the browser gets."""
        first, second, last = self.network["shapes"]
        net = Sequential(
            *(Conv2d(first[1], first[0], first[2], padding=first[2] // 2), ReLU(), MaxPool2d(2)),
            *(Conv2d(second[1], second[0], second[2], padding=second[2] // 2), ReLU()),
            *(MaxPool2d(2), Flatten(), Linear(last[1], last[0])),
        ).to(torch.float64)
        numbers = np.frombuffer(base64.b64decode(self.network["numbers"]), "<f4")
        own = net.state_dict()
        parts = torch.from_numpy(numbers.astype(float)).split([t.numel() for t in own.values()])
        state = zip(own.items(), parts, strict=True)
        net.load_state_dict({name: part.view(old.shape) for (name, old), part in state})
        return net

    @cached_property
    def pictures(self) -> Tensor:
        """The images (N, 1, 28, 28), as the figure carries them."""
        packed = np.frombuffer(base64.b64decode(self.images), np.uint8)
        levels = np.stack([packed >> 4, packed & 15], 1).reshape(-1, 1, SIDE, SIDE)
        return torch.from_numpy(levels.astype(float)) / LEVELS

    def now(self) -> Tensor:
        """The chosen image as it is now, (1, 1, 28, 28)."""
        if not self.drawn:
            return self.pictures[self.chosen : self.chosen + 1]
        return torch.tensor(self.drawn, dtype=torch.float64).view(1, 1, SIDE, SIDE) / LEVELS

    def answers(self, x: Tensor) -> list[Tensor]:
        """What the three layers answer to images: (B, C, 28, 28), (B, C, 14, 14), (B, 10)."""
        found = []
        for position, each in enumerate(self._net.layers):
            x = each(x)
            if position in (1, 4, 7):
                found.append(x)
        return found

    def field(self, row: int, column: int) -> tuple[int, int, int]:
        """First row, first column and size of what a unit at this place sees."""
        if self.layer == 3:
            return 0, 0, SIDE
        first, second = (shape[2] // 2 for shape in self.network["shapes"][:2])
        if self.layer == 1:
            return row - first, column - first, 2 * first + 1
        return (
            2 * (row - second) - first,
            2 * (column - second) - first,
            2 * (2 * second + 1 + first),
        )

    def top(self) -> list[tuple[int, float, int, int]]:
        """The images that excite the unit most: index, answer, row and column of the place."""
        maps = self.answers(self.pictures)[self.layer - 1][:, self.unit].reshape(
            len(self.labels), -1
        )
        side = round(maps.shape[1] ** 0.5)
        value, place = maps.max(1)
        best = value.argsort(descending=True, stable=True)[:TOP].tolist()
        return [(i, value[i].item(), *divmod(int(place[i]), side)) for i in best]

    def picture(self) -> str:
        """The image and its answer above, the patches that excite the unit most below."""
        x = self.now()
        answer = self.answers(x)[self.layer - 1][0, self.unit].reshape(-1)
        side = round(len(answer) ** 0.5)
        row, column = divmod(int(answer.argmax()), side)
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(6.4, 4.2), layout="constrained", facecolor="white")
            axes = figure.subplots(2, 4)
            shown = [each.numpy() for each in (self._slices(), x[0, 0], answer.view(side, side))]
            names = ["weights", "image", f"answer, at most {answer.max():.1f}"]
            for ax, values, name in zip(axes[0], shown, names, strict=False):
                signed = name == "weights"
                low = -abs(values).max() if signed else None
                ax.imshow(
                    values, "PuOr" if signed else "gray", vmin=low, vmax=-low if low else None
                )
                ax.set_title(name, fontsize=10)
            axes[0, 1].add_patch(_frame(*self.field(row, column), "#D55E00"))
            for ax, (i, value, *place) in zip([axes[0, 3], *axes[1]], self.top(), strict=False):
                ax.imshow(self.pictures[i, 0].numpy(), "gray")
                ax.add_patch(_frame(*self.field(*place), "#D55E00"))
                ax.set_title(f"{self.labels[i]}: {value:.1f}", fontsize=10)
            for ax in axes.flat:
                ax.axis("off")
            kind = "score of class" if self.layer == 3 else f"layer {self.layer}, unit"
            figure.suptitle(f"{kind} {self.unit}", fontsize=11)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()

    def _slices(self) -> Tensor:
        """The unit's weights side by side: a slice for each map that it reads."""
        weight = self._net[(0, 3, 7)[self.layer - 1]].weight[self.unit]
        if self.layer == 3:
            weight = weight.view(-1, SIDE // 4, SIDE // 4)
        columns = -(-len(weight) // max(1, len(weight) // 4))
        padded = torch.nn.functional.pad(weight, (0, 1, 0, 1))
        return torch.cat([torch.cat([*row], 1) for row in padded.split(columns)])[:-1, :-1]


def _text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def _frame(row: int, column: int, size: int, color: str) -> Rectangle:
    return Rectangle((column - 0.5, row - 0.5), size, size, fill=False, edgecolor=color, lw=1.5)
