"""Surfaces over a plane for optimizers to race on: formulas, and one given as a grid of values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

View = tuple[float, float, float, float]


@dataclass(frozen=True)
class Landscape:
    """A loss of two weights, and where and how fast a race on it begins.

    Attributes:
        name: what a reader chooses.
        view: x from, x to, y from, y to.
        value: the loss (*,) at places (*, 2); its lowest is 0, but for a given grid.
        start: where a race begins.
        noise: the standard deviation that a noise of 1 adds to each part of a gradient.
        rates: a learning rate for each optimizer, found by trying 1, 2, 5, 10, ….
    """

    name: str
    view: View
    value: Callable[[Tensor], Tensor]
    start: tuple[float, float]
    noise: float
    rates: dict[str, float]

    def gradient(self, w: Tensor) -> Tensor:
        """The gradient (*, 2) at places (*, 2)."""
        w = w.detach().requires_grad_()
        return torch.autograd.grad(self.value(w).sum(), w)[0]


OPTIMIZERS = ("gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")


def _rates(*values: float) -> dict[str, float]:
    gd, momentum, adagrad, rmsprop, adam = values
    return dict(zip(OPTIMIZERS, (gd, gd, momentum, momentum, adagrad, rmsprop, adam), strict=True))


def _ravine(x: Tensor, y: Tensor) -> Tensor:
    return (x**2 + 40 * y**2) / 2


def _turned(x: Tensor, y: Tensor) -> Tensor:
    return _ravine((x + y) / math.sqrt(2), (y - x) / math.sqrt(2))


def _saddle(x: Tensor, y: Tensor) -> Tensor:
    return x**2 / 2 - y**2 / 2 + y**4 / 8 + 1 / 2


def _rosenbrock(x: Tensor, y: Tensor) -> Tensor:
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def _beale(x: Tensor, y: Tensor) -> Tensor:
    return sum((c - x + x * y**power) ** 2 for power, c in enumerate((1.5, 2.25, 2.625), start=1))


def _cliffs(x: Tensor, y: Tensor) -> Tensor:
    walls = torch.sigmoid((x - 0.6) / 0.08) + torch.sigmoid((-2.2 - x) / 0.08)
    return 1.5 * walls + 0.1 * (torch.sqrt(1 + (x + 0.8) ** 2 + y**2) - 1)


def _valleys(x: Tensor, y: Tensor) -> Tensor:
    return 0.2 * (x**2 + y**2) + 0.4 * (2 - torch.cos(3 * x) - torch.cos(3 * y))


def _of(w_function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda w: w_function(w[..., 0], w[..., 1])


# landscapes.js has the same formulas; a test compares values and gradients.
LANDSCAPES = {
    "ravine": Landscape(
        "ravine along an axis", (-2.8, 2.8, -2, 2), _of(_ravine), (-2.4, 1.0), 20.0,
        _rates(0.02, 0.01, 0.5, 0.05, 0.1),
    ),
    "turned": Landscape(
        "ravine across the axes", (-2.8, 2.8, -2, 2), _of(_turned),
        (-3.4 / math.sqrt(2), -1.4 / math.sqrt(2)), 20.0,  # the ravine's start, turned with it
        _rates(0.02, 0.01, 0.5, 0.05, 0.1),
    ),
    "saddle": Landscape(
        "saddle", (-2.8, 2.8, -2, 2), _of(_saddle), (-2.4, 0.001), 1.0,
        _rates(0.1, 0.05, 0.2, 0.02, 0.05),
    ),
    "rosenbrock": Landscape(
        "Rosenbrock's banana", (-2, 2, -0.8, 2), _of(_rosenbrock), (-1.2, 1.0), 100.0,
        _rates(0.002, 0.001, 0.5, 0.05, 0.2),
    ),
    "beale": Landscape(
        "Beale's function", (-1, 4.6, -2, 2), _of(_beale), (0.6, 1.6), 20.0,
        _rates(0.01, 0.005, 1.0, 0.1, 0.2),
    ),
    "cliffs": Landscape(
        "plateau with cliffs", (-2.8, 2.8, -2, 2), _of(_cliffs), (2.4, 1.2), 0.5,
        _rates(0.5, 0.1, 0.5, 0.05, 0.1),
    ),
    "valleys": Landscape(
        "many valleys", (-3.5, 3.5, -2.5, 2.5), _of(_valleys), (-2.5, 1.6), 10.0,
        _rates(0.1, 0.1, 0.5, 0.05, 0.5),
    ),
}  # fmt: skip


def bicubic(surface: Tensor, view: View) -> Callable[[Tensor], Tensor]:
    """The smooth surface through values on a grid: Catmull and Rom's cubics along rows and columns.

    Values and first derivatives are continuous, and every value of the grid is met. For the cubics
    at the edge the grid is continued straight by one line. Row i of ``surface`` lies at the i-th
    of the y's, as in ``matplotlib.pyplot.contour``.
    """
    x0, x1, y0, y1 = view
    rows, columns = surface.shape

    def weights(place: Tensor, count: int) -> tuple[Tensor, list[Tensor]]:
        """The grid line before a place, and the weights of the four lines around it."""
        first = place.detach().floor().clamp(0, count - 2)
        t = place - first
        w = [
            (-(t**3) + 2 * t**2 - t) / 2,
            (3 * t**3 - 5 * t**2 + 2) / 2,
            (-3 * t**3 + 4 * t**2 + t) / 2,
            (t**3 - t**2) / 2,
        ]
        # A line beyond the edge is twice the edge less its neighbor.
        low, high = first == 0, first == count - 2
        w[1], w[2] = w[1] + 2 * w[0] * low, w[2] - w[0] * low
        w[2], w[1] = w[2] + 2 * w[3] * high, w[1] - w[3] * high
        w[0], w[3] = w[0] * ~low, w[3] * ~high
        return first.long(), w

    def value(w: Tensor) -> Tensor:
        i, along = weights((w[..., 0] - x0) / (x1 - x0) * (columns - 1), columns)
        j, down = weights((w[..., 1] - y0) / (y1 - y0) * (rows - 1), rows)
        return sum(
            wy * wx * surface[(j + dj).clamp(0, rows - 1), (i + di).clamp(0, columns - 1)]
            for dj, wy in zip((-1, 0, 1, 2), down, strict=True)
            for di, wx in zip((-1, 0, 1, 2), along, strict=True)
        )

    return value


def given(surface: np.ndarray, view: View, name: str) -> Landscape:
    """A landscape from a grid of values, with rates that suit its slopes and curvatures."""
    x0, x1, y0, y1 = view
    rows, columns = surface.shape
    spacing = ((y1 - y0) / (rows - 1), (x1 - x0) / (columns - 1))
    slopes = np.gradient(surface, *spacing)
    slope = np.median(np.hypot(*slopes)) or 1.0
    bends = [np.abs(np.gradient(s, d, axis=axis)) for axis, (s, d) in
             enumerate(zip(slopes, spacing, strict=True))]  # fmt: skip
    width = ((x1 - x0) + (y1 - y0)) / 2
    steep = np.quantile(np.maximum(*bends), 0.95)
    # Neither beyond where the curvature lets descent diverge, nor farther than a reader can follow.
    gd = min(1 / steep, 0.05 * width / slope) if steep else 0.05 * width / slope
    return Landscape(
        name,
        view,
        bicubic(torch.tensor(surface, dtype=torch.float64), view),
        (_round(x0 + 0.15 * (x1 - x0)), _round(y0 + 0.8 * (y1 - y0))),
        _round(slope),
        {
            key: _round(rate)
            for key, rate in _rates(gd, gd / 2, 0.1 * width, 0.01 * width, 0.02 * width).items()
        },
    )


def _round(value: float) -> float:
    return float(f"{value:.2g}")
