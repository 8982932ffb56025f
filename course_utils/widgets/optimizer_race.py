"""Optimizers racing on a landscape that the reader chooses, or on a given one."""

from __future__ import annotations

import io
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.layers.base import Layer
from course_utils.optim import SGD, Adagrad, Adam, Optimizer, RMSprop
from course_utils.plots import COLORS
from course_utils.widgets.base import InteractiveFigure, source
from course_utils.widgets.descent import descend
from course_utils.widgets.landscapes import LANDSCAPES, OPTIMIZERS, Landscape, given

# name, matplotlib's marker and line style
STYLES = {
    "gd": ("GD", "o", "-", "black"),
    "sgd": ("SGD", "+", ":", "0.4"),
    "momentum": ("momentum", "s", "--", COLORS["blue"]),
    "nesterov": ("Nesterov", "D", "-.", COLORS["purple"]),
    "adagrad": ("Adagrad", "^", (0, (2, 2)), COLORS["green"]),
    "rmsprop": ("RMSprop", "v", (0, (5, 1, 1, 1, 1, 1)), COLORS["orange"]),
    "adam": ("Adam", "x", (0, (8, 2)), COLORS["vermillion"]),
}


def optimizer(key: str, point: Layer, lr: float) -> Optimizer:
    """The library's optimizer of this name; optimizers.js has its rule."""
    match key:
        case "gd" | "sgd":
            return SGD(point, lr=lr)
        case "momentum" | "nesterov":
            return SGD(point, lr=lr, momentum=0.9, nesterov=key == "nesterov")
        case _:
            return {"adagrad": Adagrad, "rmsprop": RMSprop, "adam": Adam}[key](point, lr=lr)


class OptimizerRace(InteractiveFigure):
    """Optimizers from one start on one landscape: their paths on the map, their losses below.

    The reader chooses the landscape, ticks optimizers, changes their learning rates, adds noise to
    the gradient, moves the start, and lets them run.

    Args:
        landscape: one of ``LANDSCAPES``.
        surface: the losses (rows, columns) of a landscape of one's own, a nested list, an array or
            a tensor. Row i lies at the i-th w₂, as for ``matplotlib.pyplot.contour``. It is drawn
            and descended as a smooth surface through these values.
        extent: where ``surface`` lies: w₁ from and to, w₂ from and to.
        label: what the surface is, as the reader chooses it among the others.
        start: where all begin; by default a place that the landscape proposes.
        optimizers: the ticked ones, from ``OPTIMIZERS``.
        rates: learning rates of some of them; the others are the landscape's.
        steps: how many steps are shown at first, 0 … 300.
        noise: how much noise the gradient has, 0 … 1 in units of the landscape.
        noisy: who sees the noise, "sgd" or "all" (but gradient descent).
        alt: what the figure shows, in words.

    Raises:
        ValueError: ``surface`` is not a grid of finite numbers, or ``extent`` is missing or empty.
        traitlets.TraitError: a choice that is not there, or a number out of range.
    """

    _esm = source(
        "figure.js",
        "random.js",
        "descent.js",
        "landscapes.js",
        "optimizers.js",
        "optimizer_race.js",
    )
    _css = source("figure.css", "descent.css", "optimizer_race.css")

    landscapes = traitlets.List().tag(sync=True)
    landscape = traitlets.Unicode().tag(sync=True)
    surface = traitlets.List().tag(sync=True)
    start = traitlets.List().tag(sync=True)
    optimizers = traitlets.List(
        traitlets.Enum(OPTIMIZERS), ["gd", "momentum", "rmsprop", "adam"]
    ).tag(sync=True)
    rates = traitlets.Dict().tag(sync=True)
    scale = traitlets.Float(1.0, min=0.1, max=10.0).tag(sync=True)
    steps = traitlets.Int(100, min=0, max=300).tag(sync=True)
    noise = traitlets.Float(0.2, min=0.0, max=1.0).tag(sync=True)
    noisy = traitlets.Enum(["sgd", "all"], "sgd").tag(sync=True)
    seed = traitlets.Int(0, min=0).tag(sync=True)
    alt = traitlets.Unicode(
        "A race of optimizers. A map shows a loss of two weights as shaded ground with lines of "
        "equal height, and on it the paths of the optimizers that are ticked, all from one start, "
        "each with its own mark and dash pattern. Below, their losses at every step on a "
        "logarithmic axis. Landscape, learning rates, noise and start can be chosen."
    ).tag(sync=True)

    def __init__(
        self,
        landscape: str = "ravine",
        *,
        surface: Any = None,
        extent: tuple[float, float, float, float] | None = None,
        label: str = "the given surface",
        start: tuple[float, float] | None = None,
        rates: dict[str, float] | None = None,
        **settings: Any,
    ) -> None:
        self._known = dict(LANDSCAPES)
        values: list[list[float]] = []
        if surface is not None:
            array = _grid(surface, extent)
            values = [[float(f"{value:.7g}") for value in row] for row in array]
            self._known = {"given": given(np.array(values), tuple(extent), label), **self._known}
            landscape = "given"
        if landscape not in self._known:
            raise traitlets.TraitError(
                f"OptimizerRace: landscape must be one of {', '.join(self._known)}, "
                f"got {landscape!r}"
            )
        if unknown := set(rates or {}) - set(OPTIMIZERS):
            raise traitlets.TraitError(f"OptimizerRace: rates for unknown {sorted(unknown)}")
        ground = self._known[landscape]
        x0, x1, y0, y1 = ground.view
        x, y = start or ground.start
        if not (x0 <= x <= x1 and y0 <= y <= y1):
            raise traitlets.TraitError(
                f"OptimizerRace: start lies in [{x0}, {x1}] x [{y0}, {y1}], got {(x, y)}"
            )
        super().__init__(
            landscape=landscape,
            landscapes=[
                {
                    "key": key,
                    "name": known.name,
                    "view": list(known.view),
                    "start": list(known.start),
                    "noise": known.noise,
                    "rates": known.rates,
                }
                for key, known in self._known.items()
            ],
            surface=values,
            start=[float(x), float(y)],
            rates=ground.rates | (rates or {}),
            **settings,
        )

    def __repr__(self) -> str:
        return f"OptimizerRace: {self.alt}"

    @property
    def ground(self) -> Landscape:
        """The landscape that is raced on."""
        return self._known[self.landscape]

    def path(self, key: str, steps: int | None = None) -> Tensor:
        """The places (steps + 1, 2) that the library's optimizer visits, without any noise."""
        return descend(
            self.ground.gradient,
            self.start,
            lambda point: optimizer(key, point, self.rates[key] * self.scale),
            self.steps if steps is None else steps,
        )

    def picture(self) -> str:
        """The map with the paths of the ticked optimizers, and their losses; SGD has no noise."""
        with mpl.rc_context({"svg.hashsalt": "course", "font.size": 11}):
            figure = Figure(figsize=(4.8, 6.2), layout="constrained", facecolor="white")
            field, losses = figure.subplots(2, height_ratios=[3, 2])
            self._draw_ground(field)
            x0, x1, *_ = self.ground.view
            for key in filter(self.optimizers.__contains__, OPTIMIZERS):
                name, marker, dash, color = STYLES[key]
                path = self.path(key)
                path = path[(path.abs().amax(1) < 20 * (x1 - x0)).cumprod(0).bool()]
                style = {"color": color, "ls": dash, "marker": marker, "ms": 5, "lw": 1.5}
                field.plot(*path.T.numpy(), markevery=10, **style)
                losses.semilogy(self.ground.value(path), label=name, markevery=20, **style)
            field.plot(*self.start, "s", ms=9, mfc="none", color="black", mew=2)
            losses.set(xlabel="step", ylabel="loss")
            figure.legend(loc="outside lower center", ncols=3, frameon=False)
            text = io.StringIO()
            figure.savefig(text, format="svg", metadata={"Date": None})
        return text.getvalue()

    def _draw_ground(self, ax: Axes) -> None:
        x0, x1, y0, y1 = self.ground.view
        xs, ys = torch.linspace(x0, x1, 140), torch.linspace(y0, y1, 100)
        places = torch.stack(torch.meshgrid(xs, ys, indexing="xy"), -1).double()
        heights = self.ground.value(places).numpy()
        low, high = heights.min(), heights.max()
        middle = (np.median(heights) - low) / ((high - low) or 1)
        bend = np.log(np.clip(middle, 1e-9, 0.9)) / np.log(0.5)
        levels = low + (high - low or 1) * np.linspace(0, 1, 17) ** bend
        shades = [str(shade) for shade in np.linspace(1, 0.6, 16)]
        ax.contourf(xs, ys, heights, levels, colors=shades)
        ax.contour(xs, ys, heights, levels, colors="0.55", linewidths=0.5)
        ax.set(xlim=(x0, x1), ylim=(y0, y1), xlabel="w₁", ylabel="w₂")
        ax.set_title(f"{self.ground.name}, {self.steps} steps", fontsize=11)


def _grid(surface: Any, extent: tuple[float, float, float, float] | None) -> np.ndarray:
    """The surface as an array of finite numbers, or an error that says what is wrong."""
    if isinstance(surface, Tensor):
        surface = surface.detach().cpu()
    array = np.asarray(surface, dtype=np.float64)
    if array.ndim != 2 or min(array.shape) < 2 or not np.isfinite(array).all():
        raise ValueError(
            "OptimizerRace: surface must be a grid of finite numbers, at least 2 x 2, got "
            f"shape {array.shape}, {(~np.isfinite(array)).sum()} not finite"
        )
    if extent is None or not (extent[0] < extent[1] and extent[2] < extent[3]):
        raise ValueError(
            f"OptimizerRace: extent must be (x0, x1, y0, y1) with x0 < x1 and y0 < y1, got {extent}"
        )
    return array
