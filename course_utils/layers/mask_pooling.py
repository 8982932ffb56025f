"""Pooling over windows of any shape."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.windows import as_batch, output_size, places, sizes


class MaskPool2d(Layer):
    r"""The largest element or the mean over a window of any shape, such as a disc.

    .. math::
        y_{bc,uv} = \max_{(i,j) \in M} x_{bc,\,su+i,\,sv+j}
        \quad\text{or}\quad
        \frac{1}{|M|} \sum_{(i,j) \in M} x_{bc,\,su+i,\,sv+j}

    where M is the set of places at which the mask is True. A full mask gives `MaxPool2d` or
    `AvgPool2d`; the mean is a depthwise convolution with weights 1/\|M\|.

    Shapes: mask (I, J); x (B, C, H, W) or (C, H, W) → y (B, C, U, V) with
    :math:`U = \lfloor (H - I)/s \rfloor + 1`, and V likewise.

    Example:
        >>> m = torch.arange(-2, 3)
        >>> disc = m[:, None] ** 2 + m**2 <= 4
        >>> MaskPool2d(disc, stride=2)(torch.rand(3, 9, 9)).shape
        torch.Size([3, 3, 3])

    Args:
        mask: boolean.
        stride: the size of the mask if not given.
        mode: "max" or "mean".

    Raises:
        ValueError: the mask is no matrix of booleans with a True, ``mode`` is another word, or no
            window fits.
        TypeError: the input does not hold floating-point numbers.
    """

    def __init__(
        self, mask: Tensor, stride: int | Sequence[int] | None = None, mode: str = "max"
    ) -> None:
        super().__init__()
        if mask.dtype != torch.bool or mask.ndim != 2 or not mask.any():
            raise ValueError(
                f"MaskPool2d: mask must be a matrix of booleans with at least one True, got "
                f"{tuple(mask.shape)} of {mask.dtype}"
            )
        if mode not in ("max", "mean"):
            raise ValueError(f"MaskPool2d: mode must be 'max' or 'mean', got {mode!r}")
        self.kernel_size, self.mode = tuple(mask.shape), mode
        self.taps = [tuple(tap) for tap in mask.nonzero().tolist()]
        (self.stride,) = sizes(self, 2, stride=self.kernel_size if stride is None else stride)

    def forward(self, x: Tensor) -> Tensor:
        as_batch(self, x, 2)
        check_input(self, x)
        out = output_size(self, x.shape[-2:], self.kernel_size, self.stride, (1, 1))
        under = [x[(..., *places(tap, out, self.stride, (1, 1)))] for tap in self.taps]
        self.x_shape, self.y_shape = x.shape, under[0].shape
        if self.mode == "mean":
            return torch.stack(under).mean(0)
        y, self.chosen = torch.stack(under).max(0)  # at ties the first
        return y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y_shape)
        dx = dy.new_zeros(self.x_shape)
        for number, tap in enumerate(self.taps):
            if self.mode == "mean":
                share = dy / len(self.taps)
            else:
                share = dy.masked_fill(self.chosen != number, 0)
            dx[(..., *places(tap, dy.shape[-2:], self.stride, (1, 1)))].add_(share)
        return dx
