r"""Correlation and its two adjoints, on which all convolutions rest.

.. math::
    L(x, W, dy) = \sum_{b,o,p} dy_{bop} \sum_{c,i} W_{oci}\, x_{bc,\,sp+di}

is linear in each argument, so each of its derivatives is a map of the other two: by dy it is
`correlate`, by x `correlate_transposed`, by W `correlate_weight`. With a column of X for each
window they are the products :math:`WX`, :math:`W^\top dY`, :math:`dY\,X^\top`, in each group of
channels. A depthwise convolution has groups of one channel, where such products are vectors: then
each tap of the kernel is a shift, a multiplication, and an addition.

Shapes: x (B, C, \*size), W (O, C/G, \*kernel), dy (B, O, \*out); P is the product of out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from course_utils.layers.windows import Size, fold, places, unfold

# Windows overlap: unfolded, images can take kernel-size times their memory. So images are unfolded
# a few at a time, about so many numbers, and again on the way back. On a CPU they fit its caches;
# a GPU needs more of them to be busy.
UNFOLDED = {"cpu": 2**20, "cuda": 2**26}


def correlate(
    x: Tensor, weight: Tensor, out: Size, stride: Size, dilation: Size, groups: int
) -> Tensor:
    r""":math:`y_{bop} = \sum_{ci} W_{oci}\, x_{bc,sp+di}`."""
    if _is_depthwise(weight, groups):
        y = x.new_zeros(*x.shape[:2], *out)
        for tap, w in _taps(weight):
            y.addcmul_(w, x[(..., *places(tap, out, stride, dilation))])
        return y
    rows = _rows(weight, groups)  # (G, O/G, C/G·K)
    y = [rows @ columns for columns in _columns(x, weight, out, stride, dilation, groups)]
    return torch.cat(y).reshape(len(x), len(weight), *out)


def correlate_transposed(
    dy: Tensor, weight: Tensor, size: Sequence[int], stride: Size, dilation: Size, groups: int
) -> Tensor:
    r""":math:`dx_{bcq} = \sum_{oip:\, sp+di=q} W_{oci}\, dy_{bop}`."""
    out = dy.shape[2:]
    if _is_depthwise(weight, groups):
        dx = dy.new_zeros(*dy.shape[:2], *size)
        for tap, w in _taps(weight):
            dx[(..., *places(tap, out, stride, dilation))].addcmul_(w, dy)
        return dx
    channels, *kernel_size = weight.shape[1] * groups, *weight.shape[2:]
    dx = []
    for part in _split(dy, weight, out, groups):
        columns = _rows(weight, groups).mT @ _by_group(part, groups)  # (b, G, C/G·K, P)
        windows = columns.reshape(len(part), channels, *kernel_size, *out)
        dx.append(fold(windows, size, stride, dilation))
    return torch.cat(dx)


def correlate_weight(
    x: Tensor, dy: Tensor, weight: Tensor, stride: Size, dilation: Size, groups: int
) -> Tensor:
    r""":math:`dW_{oci} = \sum_{bp} dy_{bop}\, x_{bc,sp+di}`, of the shape of ``weight``."""
    out = dy.shape[2:]
    if _is_depthwise(weight, groups):
        sums = [
            (x[(..., *places(tap, out, stride, dilation))] * dy).flatten(2).sum((0, 2))
            for tap, _ in _taps(weight)
        ]
        return torch.stack(sums, 1).view(weight.shape)
    dW = [
        (_by_group(part, groups) @ columns.mT).sum(0)
        for part, columns in zip(
            _split(dy, weight, out, groups),
            _columns(x, weight, out, stride, dilation, groups),
            strict=True,
        )
    ]
    return sum(dW).view(weight.shape)


def _is_depthwise(weight: Tensor, groups: int) -> bool:
    return weight.shape[:2] == (groups, 1)


def _taps(weight: Tensor) -> Iterator[tuple[Size, Tensor]]:
    """Each place in a depthwise kernel with its weights, one a channel: (C, 1, …)."""
    for tap in itertools.product(*map(range, weight.shape[2:])):
        yield tap, weight[(slice(None), 0, *tap)].view(-1, *[1] * len(tap))


def _rows(weight: Tensor, groups: int) -> Tensor:
    """The weight as one matrix for each group: (G, O/G, C/G·K)."""
    return weight.flatten(1).unflatten(0, (groups, -1))


def _by_group(y: Tensor, groups: int) -> Tensor:
    """Outputs as one matrix for each image and group: (B, O, *out) → (B, G, O/G, P)."""
    return y.flatten(2).unflatten(1, (groups, -1))


def _columns(
    x: Tensor, weight: Tensor, out: Size, stride: Size, dilation: Size, groups: int
) -> Iterator[Tensor]:
    """All windows of a few images at a time, as columns: (b, G, C/G·K, P)."""
    for part in _split(x, weight, out, groups):
        windows = unfold(part, tuple(weight.shape[2:]), stride, dilation)
        yield windows.reshape(len(part), groups, math.prod(weight.shape[1:]), math.prod(out))


def _split(batch: Tensor, weight: Tensor, out: Size, groups: int) -> tuple[Tensor, ...]:
    """A few images at a time, see `UNFOLDED`."""
    unfolded = groups * math.prod(weight.shape[1:]) * math.prod(out)
    return batch.split(max(1, UNFOLDED.get(batch.device.type, 2**20) // unfolded))
