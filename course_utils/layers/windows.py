r"""Windows that slide over an image: what convolution and pooling have in common.

Tap :math:`i` of a window with stride :math:`s` and dilation :math:`d` stands, for output
:math:`o`, on input :math:`so + di`. All functions take any number of spatial dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from course_utils.layers.base import Layer

Size = tuple[int, ...]


def sizes(layer: Layer, n: int, at_least: int = 1, **options: int | Sequence[int]) -> list[Size]:
    """Each option as a tuple of ``n`` numbers, one for each spatial dimension.

    Raises:
        ValueError: an option has another length, or holds something else than such integers.
    """
    found = []
    for name, given in options.items():
        values = (given,) * n if isinstance(given, int) else tuple(given)
        if len(values) != n or not all(isinstance(v, int) and v >= at_least for v in values):
            raise ValueError(
                f"{type(layer).__name__}: {name} must be one integer or {n}, each at least "
                f"{at_least}, got {given!r}"
            )
        found.append(values)
    return found


def as_batch(layer: Layer, x: Tensor, dims: int) -> Tensor:
    """``x`` as a batch (B, C, *size); a single image (C, *size) becomes a batch of one.

    Raises:
        ValueError: the input has another number of dimensions.
    """
    if x.ndim not in (dims + 1, dims + 2):
        size = "L" if dims == 1 else "H, W"
        raise ValueError(
            f"{type(layer).__name__}: input must be (C, {size}) or (B, C, {size}), "
            f"got {tuple(x.shape)}"
        )
    return x if x.ndim == dims + 2 else x.unsqueeze(0)


def output_size(
    layer: Layer, size: Sequence[int], kernel_size: Size, stride: Size, dilation: Size
) -> Size:
    r"""How many windows fit: :math:`\lfloor (n - d(k-1) - 1)/s \rfloor + 1`, n padding included.

    Raises:
        ValueError: not even one window fits.
    """
    reach = tuple(d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True))
    if any(n < r for n, r in zip(size, reach, strict=True)):
        raise ValueError(
            f"{type(layer).__name__}: a window of {reach} does not fit into {tuple(size)}, the "
            f"input with what is added around it (kernel_size={kernel_size}, dilation={dilation})"
        )
    return tuple((n - r) // s + 1 for n, r, s in zip(size, reach, stride, strict=True))


def places(tap: Size, size: Size, stride: Size, dilation: Size) -> tuple[slice, ...]:
    """The inputs under one tap, for all ``size`` outputs: an index of the spatial dimensions."""
    return tuple(
        slice(d * i, d * i + s * (o - 1) + 1, s)
        for i, o, s, d in zip(tap, size, stride, dilation, strict=True)
    )


def unfold(x: Tensor, kernel_size: Size, stride: Size, dilation: Size) -> Tensor:
    """All windows of ``x``, as a view: y[:, :, i, o] = x[:, :, s·o + d·i].

    Shapes: x (B, C, *size) → (B, C, *kernel_size, *output_size).
    """
    n = len(kernel_size)
    for dim, (k, s, d) in enumerate(zip(kernel_size, stride, dilation, strict=True)):
        x = x.unfold(2 + dim, d * (k - 1) + 1, s)[..., ::d]  # the window's dimension comes last
    outputs, taps = range(2, 2 + n), range(2 + n, 2 + 2 * n)
    return x.permute(0, 1, *taps, *outputs)


def fold(windows: Tensor, size: Sequence[int], stride: Size, dilation: Size) -> Tensor:
    """The adjoint of `unfold`: each element goes back to its place, and what meets there adds up.

    One dimension after the other, the last one first, takes I + J additions instead of I · J.

    Shapes: windows (B, C, *kernel_size, *output_size) → (B, C, *size).
    """
    for dim in reversed(range(len(size))):
        taps = windows.unbind(2 + dim)  # each (B, C, *kernel_size[:dim], *output_size[:dim], o, …)
        axis = 2 + 2 * dim
        shape = list(taps[0].shape)
        outputs, shape[axis] = shape[axis], size[dim]
        windows = taps[0].new_zeros(shape)
        for i, tap in enumerate(taps):
            (under,) = places((i,), (outputs,), stride[dim : dim + 1], dilation[dim : dim + 1])
            here = windows[(*[slice(None)] * axis, under)]
            here += tap
    return windows


def pad(x: Tensor, padding: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """``x`` with so many more elements before and after it in each spatial dimension.

    With zeros, its adjoint cuts the same number off: ``pad`` with the amounts of `negative`.
    """
    if not any(map(any, padding)):
        return x
    return F.pad(x, [amount for pair in reversed(padding) for amount in pair], value=value)


def negative(padding: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The amounts for cutting off what ``padding`` adds."""
    return [(-before, -after) for before, after in padding]
