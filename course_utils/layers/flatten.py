"""From feature maps to feature vectors."""

from __future__ import annotations

from torch import Tensor

from course_utils.layers.base import Layer, check_gradient


class Flatten(Layer):
    r"""Join the dimensions from ``start_dim`` to ``end_dim`` into one; backward takes them apart.

    With the defaults, :math:`y_{b,\,(cH + h)W + w} = x_{bchw}`: channels, in them rows.

    Shapes: x (B, C, H, W) → y (B, C·H·W) by default.

    Raises:
        ValueError: the input has not these dimensions, or ``start_dim`` comes after ``end_dim``.
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        ndim = max(x.ndim, 1)  # a single number counts as one dimension, as in torch
        start, end = (dim + ndim * (dim < 0) for dim in (self.start_dim, self.end_dim))
        if not 0 <= start <= end < ndim:
            raise ValueError(
                f"Flatten: no dimensions from {self.start_dim} to {self.end_dim} "
                f"(input {tuple(x.shape)})"
            )
        self.shape, y = x.shape, x.flatten(start, end)
        self.flat_shape = y.shape
        return y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.flat_shape)
        return dy.reshape(self.shape)
