"""Activation functions side by side: value, slope, and what they do to a crowd of units."""

from __future__ import annotations

import io

import matplotlib as mpl
import torch
import traitlets
from matplotlib.figure import Figure

from course_utils import layers
from course_utils.widgets.base import InteractiveFigure, source


class Threshold(layers.Layer):
    """1 where x > 0, else 0, with the slope 0: what no gradient can teach."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x > 0).to(x.dtype)

    def backward(self, dy: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(dy)


KINDS = {
    "threshold": ("threshold", Threshold),
    "sigmoid": ("sigmoid", layers.Sigmoid),
    "tanh": ("tanh", layers.Tanh),
    "relu": ("ReLU", layers.ReLU),
    "leaky": ("leaky ReLU", layers.LeakyReLU),
    "elu": ("ELU", layers.ELU),
    "gelu": ("GELU", layers.GELU),
    "silu": ("SiLU", layers.SiLU),
    "softplus": ("softplus", layers.Softplus),
}


class ActivationExplorer(InteractiveFigure):
    r"""A function f and its slope f′, a point on them, and normal pre-activations sent through f.

    The reader chooses the function, moves the point along it and reads value, slope and tangent;
    gives the pre-activations a mean and a standard deviation and reads which share is saturated
    (:math:`|f'| < 0.1`) and which is off (output and slope 0); and raises the slope at the point to
    the n-th power, by which n such layers multiply a gradient.

    Args:
        kind: the function, one of ``KINDS``.
        negative_slope: of leaky ReLU.
        alpha: of ELU.
        x: the point, −6 … 6.
        mean: of the pre-activations.
        std: their standard deviation.
        depth: how many slopes are multiplied.
        alt: what the figure shows, in words.

    Raises:
        traitlets.TraitError: a choice that is not there, or a number out of range.
    """

    _esm = source("figure.js", "descent.js", "activation_explorer.js")
    _css = source("figure.css", "descent.css", "activation_explorer.css")

    kind = traitlets.Enum(list(KINDS), "sigmoid").tag(sync=True)
    negative_slope = traitlets.Float(0.1, min=0, max=0.5).tag(sync=True)
    alpha = traitlets.Float(1.0, min=0.1, max=2).tag(sync=True)
    x = traitlets.Float(2.0, min=-6, max=6).tag(sync=True)
    mean = traitlets.Float(0.0, min=-4, max=4).tag(sync=True)
    std = traitlets.Float(1.0, min=0.1, max=4).tag(sync=True)
    depth = traitlets.Int(10, min=1, max=50).tag(sync=True)
    alt = traitlets.Unicode(
        "An activation function with its tangent at a point, below it its slope and the density "
        "of normal pre-activations on the same axis; then the histogram of the outputs, and the "
        "product of equal slopes over the layers."
    ).tag(sync=True)

    def __repr__(self) -> str:
        return f"ActivationExplorer: {self.alt}"

    def layer(self) -> layers.Layer:
        """The chosen function."""
        options = {
            "leaky": {"negative_slope": self.negative_slope},
            "elu": {"alpha": self.alpha},
        }
        return KINDS[self.kind][1](**options.get(self.kind, {}))

    def curves(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values and slopes at x."""
        layer = self.layer()
        return layer(x), layer.backward(torch.ones_like(x))

    def picture(self) -> str:
        """Value, tangent and slope on one axis."""
        x = torch.linspace(-6, 6, 601, dtype=torch.float64)
        values, slopes = self.curves(x)
        at, slope = (t.item() for t in self.curves(torch.tensor(self.x, dtype=torch.float64)))
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.8, 3.6), layout="constrained", facecolor="white")
            ax = figure.add_subplot()
            ax.plot(x, values, lw=2.5, label="f(x)")
            ax.plot(x, slopes, "--", lw=2, label="f′(x)")
            ax.plot(x, at + slope * (x - self.x), ":", color="black", label="tangent")
            ax.plot([self.x], [at], "o", color="black")
            top = 1.3 if values.max() <= 1 else 4
            ax.set(xlabel="x", ylim=(-1.3, top), title=KINDS[self.kind][0])
            ax.grid(alpha=0.3)
            ax.legend(loc="upper left")
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()
