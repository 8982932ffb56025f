"""Convolution and its adjoint, the transposed convolution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.init import uniform
from course_utils.layers.base import Layer, check_gradient, check_input, only_default
from course_utils.layers.correlation import correlate, correlate_transposed, correlate_weight
from course_utils.layers.windows import as_batch, negative, output_size, pad, sizes


class _Convolution(Layer):
    """What all convolutions share: forward is a correlation, backward its two adjoints."""

    parameter_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    dims: ClassVar[int]
    transposed: ClassVar[bool] = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        only_default(self, padding_mode=(padding_mode, "zeros"))
        channels = in_channels, out_channels
        if min(*channels, groups) < 1 or any(number % groups for number in channels):
            raise ValueError(
                f"{type(self).__name__}: channels must be positive multiples of groups, got "
                f"in_channels={in_channels}, out_channels={out_channels}, groups={groups}"
            )
        self.in_channels = in_channels
        self.kernel_size, self.stride, self.dilation = sizes(
            self, self.dims, kernel_size=kernel_size, stride=stride, dilation=dilation
        )
        self.options = self.stride, self.dilation, groups  # as correlate takes them
        self.padding = self._amounts(padding)

        ends = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (ends[0], ends[1] // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        drawn = {"generator": generator, "device": device, "dtype": dtype}
        self.weight = uniform(shape, bound, **drawn)
        self.bias = uniform((out_channels,), bound, **drawn) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        self.x = pad(self._as_batch(x), self.padding)  # (B, C, *size)
        out = output_size(self, self.x.shape[2:], self.kernel_size, self.stride, self.dilation)
        y = correlate(self.x, self.weight, out, *self.options)  # (B, O, *out)
        return self._as_output(y)

    def backward(self, dy: Tensor) -> Tensor:
        dy = self._as_output_gradient(dy)  # (B, O, *out)
        self.grads["weight"] = correlate_weight(self.x, dy, self.weight, *self.options)
        dx = correlate_transposed(dy, self.weight, self.x.shape[2:], *self.options)
        return pad(dx, negative(self.padding)).reshape(self.x_shape)

    def _as_batch(self, x: Tensor) -> Tensor:
        batch = as_batch(self, x, self.dims)
        if batch.shape[1] != self.in_channels:
            raise ValueError(
                f"{type(self).__name__}: input has {batch.shape[1]} channels, weight expects "
                f"{self.in_channels} (input {tuple(x.shape)}, weight {tuple(self.weight.shape)})"
            )
        check_input(self, x, self.weight)
        self.x_shape = x.shape
        return batch

    def _as_output(self, y: Tensor) -> Tensor:
        if self.bias is not None:
            y += self.bias.view(-1, *[1] * self.dims)
        y = y.view(*self.x_shape[: -self.dims - 1], *y.shape[1:])
        self.y_shape = y.shape
        return y

    def _as_output_gradient(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y_shape)
        dy = as_batch(self, dy, self.dims)
        if self.bias is not None:
            self.grads["bias"] = dy.flatten(2).sum((0, 2))
        return dy

    def _amounts(self, padding: int | Sequence[int] | str) -> list[tuple[int, int]]:
        """What to add before and after each spatial dimension."""
        if padding == "same":
            if max(self.stride) > 1:
                raise ValueError(
                    f"{type(self).__name__}: padding='same' needs stride 1, got {self.stride}"
                )
            spare = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return [(n // 2, n - n // 2) for n in spare]
        if isinstance(padding, str) and padding != "valid":
            raise ValueError(
                f"{type(self).__name__}: padding must be 'same', 'valid', or numbers, "
                f"got {padding!r}"
            )
        (given,) = sizes(self, self.dims, 0, padding=0 if padding == "valid" else padding)
        return [(n, n) for n in given]


class Conv1d(_Convolution):
    r"""Convolution of sequences: `Conv2d` with one spatial dimension.

    .. math::
        y_{bo,t} = b_o + \sum_{c,i} W_{oci}\, x_{bc,\,st+di}

    Shapes: x (B, C, L) or (C, L) → y (B, O, T); weight (O, C/groups, K), bias (O,), with
    :math:`T = \lfloor (L + 2p - d(K-1) - 1)/s \rfloor + 1`.

    Raises:
        ValueError: sizes or options do not go together, or an input has other channels.
        TypeError: the input is not of the layer's dtype or not on its device.
        NotImplementedError: ``padding_mode`` is not "zeros".
    """

    dims = 1


class Conv2d(_Convolution):
    r"""Convolution of images: one small kernel per output channel, applied everywhere.

    .. math::
        y_{bo,uv} = b_o + \sum_{c,i,j} W_{ocij}\, x_{bc,\,su+di,\,sv+dj}

    with stride s, dilation d, and zeros for x outside of the image. It is cross-correlation in the
    language of signal processing: convolution proper turns the kernel around.

    Shapes: x (B, C, H, W) or (C, H, W) → y (B, O, U, V); weight (O, C/groups, I, J), bias (O,),
    with :math:`U = \lfloor (H + 2p - d(I-1) - 1)/s \rfloor + 1`, and V likewise.

    The gradient goes back by the same weights: an input gets, from each output whose window it is
    in, that output's gradient times the weight between the two. That is `ConvTranspose2d`.

    Weight and bias start uniform in :math:`\pm 1/\sqrt{CIJ/\text{groups}}`, drawn in torch's order.

    On a CPU it takes up to three times torch's time: unfolding writes each number up to IJ times,
    or, in a depthwise convolution (groups = C = O), each tap of the kernel passes over all images.

    Args:
        padding: zeros on each side; "valid" is 0, "same" gives U = H and needs stride 1.
        groups: channels come in so many groups; each output channel sees the inputs of its own.

    Raises:
        ValueError: sizes or options do not go together, or an input has other channels.
        TypeError: the input is not of the layer's dtype or not on its device.
        NotImplementedError: ``padding_mode`` is not "zeros".
    """

    dims = 2

    def matrix(self, height: int, width: int) -> Tensor:
        """The matrix M of the layer for images of this size: y.flatten() = M x.flatten() + bias.

        Most of its (O·U·V, C·H·W) entries are 0. With one channel and stride 1 it is a Toeplitz
        matrix of Toeplitz blocks. Backward is the product with its transpose.
        """
        n = self.in_channels * height * width
        units = torch.eye(n, device=self.weight.device, dtype=self.weight.dtype)
        images = units.view(n, self.in_channels, height, width)
        images = pad(images, self.padding)
        out = output_size(self, images.shape[2:], self.kernel_size, self.stride, self.dilation)
        return correlate(images, self.weight, out, *self.options).flatten(1).T


class ConvTranspose2d(_Convolution):
    r"""The adjoint of `Conv2d`: every input paints a copy of the kernel, times its value.

    .. math::
        y_{bo,\,su+di,\,sv+dj} \mathrel{+}= W_{coij}\, x_{bc,uv} \qquad y \text{ starting as } b_o

    and what lies in the padding is cut off. With the same weight and options,
    :math:`\langle \mathrm{conv}(x), y\rangle = \langle x, \mathrm{conv}^\top(y)\rangle`; so one's
    forward is the other's backward. It is no inverse.

    Shapes: x (B, C, U, V) or (C, U, V) → y (B, O, H, W); weight (C, O/groups, I, J), bias (O,),
    with :math:`H = s(U-1) - 2p + d(I-1) + 1 + \text{output padding}`, and W likewise.

    Source: Dumoulin and Visin (2016), whose figures show every case.

    Args:
        output_padding: rows and columns more at the end: with stride s, s sizes H have the same U.

    Raises:
        ValueError: sizes or options do not go together, or an input has other channels.
        TypeError: the input is not of the layer's dtype or not on its device.
        NotImplementedError: ``padding_mode`` is not "zeros".
    """

    dims = 2
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            0,
            dilation,
            groups,
            bias,
            padding_mode,
            generator=generator,
            device=device,
            dtype=dtype,
        )
        padding, extra = sizes(self, self.dims, 0, padding=padding, output_padding=output_padding)
        for e, s, d in zip(extra, self.stride, self.dilation, strict=True):
            if e >= max(s, d):
                raise ValueError(
                    f"ConvTranspose2d: output_padding {extra} must be smaller than the stride "
                    f"{self.stride} or the dilation {self.dilation}"
                )
        self.padding = [(p, p - e) for p, e in zip(padding, extra, strict=True)]

    def forward(self, x: Tensor) -> Tensor:
        self.x = self._as_batch(x)  # (B, C, U, V)
        steps = zip(x.shape[-2:], self.kernel_size, self.stride, self.dilation, strict=True)
        size = [s * (n - 1) + d * (k - 1) + 1 for n, k, s, d in steps]
        if any(n <= sum(pair) for n, pair in zip(size, self.padding, strict=True)):
            raise ValueError(
                f"ConvTranspose2d: nothing is left of an output of {tuple(size)} without its "
                f"padding {self.padding} (input {tuple(x.shape)})"
            )
        y = correlate_transposed(self.x, self.weight, size, *self.options)
        return self._as_output(pad(y, negative(self.padding)))  # (B, O, H, W)

    def backward(self, dy: Tensor) -> Tensor:
        dy = pad(self._as_output_gradient(dy), self.padding)  # (B, O, s(U−1)+d(I−1)+1, …)
        self.grads["weight"] = correlate_weight(dy, self.x, self.weight, *self.options)
        out = self.x.shape[-2:]
        return correlate(dy, self.weight, out, *self.options).view(self.x_shape)
