"""Pooling to an output of a given size."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.windows import as_batch, sizes


class AdaptiveAvgPool2d(Layer):
    r"""The mean of every cell of a grid of a given size, whatever the size of the image.

    .. math::
        y_{bc,uv} &= \frac{1}{|R_u||S_v|} \sum_{h \in R_u} \sum_{w \in S_v} x_{bc,hw} \\
        R_u &= \{\lfloor uH/U \rfloor, \dots, \lceil (u+1)H/U \rceil - 1\}

    and S likewise. Each element of a cell gets the cell's gradient, divided by their number. Where
    H is a multiple of U all cells have one size, and a reshaped image shows them. Otherwise cells
    overlap; as each is a product of intervals, its mean is the mean over its columns of the
    means over its rows. One cell for the whole image is global average pooling.

    Shapes: x (B, C, H, W) or (C, H, W) → y (B, C, U, V).

    Source: Lin, Chen, and Yan (2014) for global average pooling.

    Args:
        output_size: U and V, or one number for both; None keeps the image's.

    Raises:
        ValueError: a size is not positive, or an input is no image or an empty one.
        TypeError: the input does not hold floating-point numbers.
    """

    def __init__(self, output_size: int | Sequence[int | None]) -> None:
        super().__init__()
        given = output_size if isinstance(output_size, Sequence) else (output_size, output_size)
        sizes(self, 2, output_size=[1 if n is None else n for n in given])
        self.output_size = tuple(given)

    def forward(self, x: Tensor) -> Tensor:
        as_batch(self, x, 2)
        check_input(self, x)
        if 0 in x.shape[-2:]:
            raise ValueError(f"AdaptiveAvgPool2d: an image has no elements, got {tuple(x.shape)}")
        self.x_shape = x.shape
        sides = zip(x.shape[-2:], self.output_size, strict=True)
        self.grid = [n if cells is None else cells for n, cells in sides]
        self.equal = all(n % cells == 0 for n, cells in zip(x.shape[-2:], self.grid, strict=True))
        if self.equal:
            cells = x.unflatten(-2, (self.grid[0], -1)).unflatten(-1, (self.grid[1], -1))
            self.count = cells.shape[-3] * cells.shape[-1]
            return cells.mean((-3, -1))  # (*, U, H/U, V, W/V) → (*, U, V)
        rows, columns = self._intervals()
        means = torch.stack([x[..., r, :].mean(-2) for r in rows], -2)  # (*, U, W)
        return torch.stack([means[..., c].mean(-1) for c in columns], -1)  # (*, U, V)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, torch.Size((*self.x_shape[:-2], *self.grid)))
        height, width = self.x_shape[-2:]
        (u, v), batch = self.grid, self.x_shape[:-2]
        if self.equal:
            cells = dy[..., :, None, :, None].expand(*batch, u, height // u, v, width // v)
            return (cells / self.count).reshape(self.x_shape)
        rows, columns = self._intervals()
        dmeans = dy.new_zeros(*batch, u, width)
        for i, c in enumerate(columns):
            dmeans[..., c].add_(dy[..., i, None] / (c.stop - c.start))
        dx = dy.new_zeros(self.x_shape)
        for i, r in enumerate(rows):
            dx[..., r, :].add_(dmeans[..., i, None, :] / (r.stop - r.start))
        return dx

    def _intervals(self) -> list[list[slice]]:
        """The rows and the columns of the grid's cells."""
        return [
            [slice(i * n // cells, -(-(i + 1) * n // cells)) for i in range(cells)]
            for n, cells in zip(self.x_shape[-2:], self.grid, strict=True)
        ]
