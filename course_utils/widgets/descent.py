"""What the figures of descent share: a point that the library's optimizers move."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from course_utils.layers.base import Layer
from course_utils.optim import Optimizer


class Point(Layer):
    """A parameter w of two numbers and nothing else: a place on a surface."""

    parameter_names = ("w",)

    def __init__(self, place: tuple[float, float] | list[float]) -> None:
        super().__init__()
        self.w = torch.tensor(place, dtype=torch.float64)


def descend(
    gradient: Callable[[Tensor], Tensor],
    start: tuple[float, float] | list[float],
    optimizer: Callable[[Layer], Optimizer],
    steps: int,
) -> Tensor:
    """The places (steps + 1, 2) that an optimizer visits from ``start``.

    Example:
        >>> descend(lambda w: 2 * w, (1, 1), lambda point: SGD(point, lr=0.1), steps=50)
    """
    point = Point(start)
    mover = optimizer(point)
    path = [point.w]
    for _ in range(steps):
        point.grads["w"] = gradient(point.w)
        mover.step()
        path.append(point.w)
    return torch.stack(path)
