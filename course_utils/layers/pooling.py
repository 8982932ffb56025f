"""Pooling: windows of an image summed up by their largest element or their mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input, only_default
from course_utils.layers.windows import Size, as_batch, negative, output_size, pad, sizes


class MaxPool2d(Layer):
    r"""The largest element of every window.

    .. math::
        y_{bc,uv} = \max_{i,j} x_{bc,\,su+di,\,sv+dj}

    The padding is −∞. The gradient of an output goes to the one element that was the largest, the
    first of equals; where windows overlap, an element collects from all that chose it.

    Shapes: x (B, C, H, W) or (C, H, W) → y (B, C, U, V) with
    :math:`U = \lfloor (H + 2p - d(I-1) - 1)/s \rfloor + 1`, and V likewise.

    Args:
        stride: the kernel size if not given; smaller, and the windows overlap.
        ceil_mode: round U up, so that a last window may hang over the edge, if it starts inside.

    Raises:
        ValueError: sizes do not go together: no window fits, or the padding is over half of the
            kernel.
        TypeError: the input does not hold floating-point numbers.
        NotImplementedError: ``return_indices`` is set.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        only_default(self, return_indices=(return_indices, False))
        stride = kernel_size if stride is None else stride
        self.kernel_size, self.stride, self.dilation = sizes(
            self, 2, kernel_size=kernel_size, stride=stride, dilation=dilation
        )
        self.padding = _padding(self, padding, self.kernel_size)
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        images = as_batch(self, x, 2)
        check_input(self, x)
        self._check_windows(x, _pooled_size(self, images))
        y, self.index = F.max_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            return_indices=True,  # each maximum's place in its flattened image
        )
        self.x_shape = x.shape
        return y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.index.shape)
        dx = dy.new_zeros(self.x_shape).flatten(-2)
        dx.scatter_add_(-1, self.index.flatten(-2), dy.flatten(-2))
        return dx.view(self.x_shape)

    def _check_windows(self, x: Tensor, out: Size) -> None:
        """Refuse dilated windows that step over the whole image: they have no largest element."""
        steps = zip(
            x.shape[-2:],
            out,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            strict=True,
        )
        for n, o, k, s, p, d in steps:
            seen = (any(0 <= s * u - p + d * i < n for i in range(k)) for u in range(o))
            if d > 1 and not all(seen):
                raise ValueError(
                    f"MaxPool2d: a window sees nothing but padding (input {tuple(x.shape)}, "
                    f"kernel_size={self.kernel_size}, stride={self.stride}, "
                    f"padding={self.padding}, dilation={self.dilation})"
                )


class AvgPool2d(Layer):
    r"""The mean of every window.

    .. math::
        y_{bc,uv} = \frac1{n_{uv}} \sum_{i,j} x_{bc,\,su+i,\,sv+j}
        \qquad
        \frac{\partial y_{bc,uv}}{\partial x_{bc,\,su+i,\,sv+j}} = \frac1{n_{uv}}

    with zeros for padding. The count n is that of the window's elements; those that hang over the
    edge by ``ceil_mode`` do not count, padding does unless ``count_include_pad=False``.

    Shapes: x (B, C, H, W) or (C, H, W) → y (B, C, U, V) with
    :math:`U = \lfloor (H + 2p - I)/s \rfloor + 1`, and V likewise.

    Args:
        stride: the kernel size if not given; smaller, and the windows overlap.
        ceil_mode: round U up, so that a last window may hang over the edge, if it starts inside.

    Raises:
        ValueError: sizes do not go together: no window fits, or the padding is over half of the
            kernel.
        TypeError: the input does not hold floating-point numbers.
        NotImplementedError: ``divisor_override`` is given.
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        only_default(self, divisor_override=(divisor_override, None))
        stride = kernel_size if stride is None else stride
        self.kernel_size, self.stride = sizes(self, 2, kernel_size=kernel_size, stride=stride)
        self.dilation = (1, 1)
        self.padding = _padding(self, padding, self.kernel_size)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        out = _pooled_size(self, as_batch(self, x, 2))
        check_input(self, x)
        steps = list(
            zip(x.shape[-2:], out, self.kernel_size, self.stride, self.padding, strict=True)
        )
        # After the image comes what the last windows reach; less than the padding, if so.
        self.amounts = [(p, s * (o - 1) + k - n - p) for n, o, k, s, p in steps]
        rows, columns = (self._counts(*step, x) for step in steps)
        self.count = rows.unsqueeze(1) * columns  # (U, V)
        # A window is a product of two intervals: sums of rows, then of columns of these.
        self.rows, self.columns = (
            [slice(i, i + s * (o - 1) + 1, s) for i in range(k)] for _, o, k, s, _ in steps
        )
        padded = pad(x, self.amounts)
        self.x_shape, self.padded_shape = x.shape, padded.shape
        sums = sum(padded[..., under, :] for under in self.rows)  # (*, U, W)
        return sum(sums[..., under] for under in self.columns) / self.count  # (*, U, V)

    def backward(self, dy: Tensor) -> Tensor:
        *batch, _, width = self.padded_shape
        check_gradient(self, dy, torch.Size((*batch, *self.count.shape)))
        share = dy / self.count
        dsums = dy.new_zeros(*batch, len(self.count), width)
        for under in self.columns:
            dsums[..., under].add_(share)
        dx = dy.new_zeros(self.padded_shape)
        for under in self.rows:
            dx[..., under, :].add_(dsums)
        return pad(dx, negative(self.amounts))

    def _counts(self, n: int, o: int, k: int, s: int, p: int, x: Tensor) -> Tensor:
        """How many elements along one side of each window count."""
        start = torch.arange(o, device=x.device) * s - p
        end = (start + k).clamp(max=n + p)
        if not self.count_include_pad:
            start, end = start.clamp(min=0), end.clamp(max=n)
        return (end - start).to(x.dtype)


def _pooled_size(layer: MaxPool2d | AvgPool2d, images: Tensor) -> Size:
    """The size of the output; with ``ceil_mode`` the last window may hang over the edge."""
    size = images.shape[2:]
    spare = [s - 1 if layer.ceil_mode else 0 for s in layer.stride]
    padded = [n + 2 * p + more for n, p, more in zip(size, layer.padding, spare, strict=True)]
    out = output_size(layer, padded, layer.kernel_size, layer.stride, layer.dilation)
    # The last window has to start inside the image, or in the padding before it.
    starts = zip(size, out, layer.stride, layer.padding, strict=True)
    return tuple(o - 1 if s * (o - 1) >= n + p and layer.ceil_mode else o for n, o, s, p in starts)


def _padding(layer: Layer, padding: int | Sequence[int], kernel_size: Size) -> Size:
    """The padding, which is at most half of the kernel, as in torch."""
    (amounts,) = sizes(layer, 2, 0, padding=padding)
    if any(2 * p > k for p, k in zip(amounts, kernel_size, strict=True)):
        raise ValueError(
            f"{type(layer).__name__}: padding {amounts} is over half of the kernel {kernel_size}"
        )
    return amounts
