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

    and S likewise. Cells overlap where H is no multiple of U. A cell is a product of intervals, so
    its mean is the mean over its columns of the means over its rows. One cell for the whole image
    is global average pooling; on maps as small as 7×7 it takes three to four times torch's time,
    because the two means are two passes over few numbers.

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
        self.rows, self.columns = (
            _cells(n, n if o is None else o)
            for n, o in zip(x.shape[-2:], self.output_size, strict=True)
        )
        means = torch.stack([x[..., r, :].mean(-2) for r in self.rows], -2)  # (*, U, W)
        return torch.stack([means[..., c].mean(-1) for c in self.columns], -1)  # (*, U, V)

    def backward(self, dy: Tensor) -> Tensor:
        *batch, _, width = self.x_shape
        check_gradient(self, dy, torch.Size((*batch, len(self.rows), len(self.columns))))
        dmeans = dy.new_zeros(*batch, len(self.rows), width)
        for v, c in enumerate(self.columns):
            dmeans[..., c].add_(dy[..., v, None] / (c.stop - c.start))
        dx = dy.new_zeros(self.x_shape)
        for u, r in enumerate(self.rows):
            dx[..., r, :].add_(dmeans[..., u, None, :] / (r.stop - r.start))
        return dx


def _cells(n: int, cells: int) -> list[slice]:
    """The intervals of one side of an adaptive grid."""
    return [slice(i * n // cells, -(-(i + 1) * n // cells)) for i in range(cells)]
