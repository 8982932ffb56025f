"""The layer between a fully connected and a convolutional one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.init import uniform
from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.windows import as_batch, fold, negative, output_size, pad, sizes, unfold


class LocallyConnected2d(Layer):
    r"""`Conv2d` without weight sharing: every output position has a kernel of its own.

    .. math::
        y_{bo,uv} = b_{o,uv} + \sum_{c,i,j} W_{ocij,uv}\, x_{bc,\,su+i,\,sv+j}

    The weights that it adds to a convolution's are the price of not assuming that an image looks
    alike everywhere; those that it lacks of a fully connected layer's are zeros of that layer's
    matrix. With equal kernels it is `Conv2d`, whose gradients are its own summed over u, v.

    Shapes: x (B, C, H, W) or (C, H, W) → y (B, O, U, V); weight (O, C, I, J, U, V), bias
    (O, U, V). Both start uniform in :math:`\pm 1/\sqrt{CIJ}`.

    Args:
        input_size: the (H, W) that all images must have, for there is no kernel anywhere else.

    Raises:
        ValueError: sizes or options do not go together, or an image has another size.
        TypeError: the input is not of the layer's dtype or not on its device.

    Source: LeCun (1989), who compared such layers with and without sharing.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        input_size: int | Sequence[int],
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        bias: bool = True,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if min(in_channels, out_channels) < 1:
            raise ValueError(
                f"LocallyConnected2d: sizes must be positive, got in_channels={in_channels}, "
                f"out_channels={out_channels}"
            )
        self.input_size, self.kernel_size, self.stride = sizes(
            self, 2, input_size=input_size, kernel_size=kernel_size, stride=stride
        )
        ((above, left),) = sizes(self, 2, 0, padding=padding)
        self.padding = [(above, above), (left, left)]
        padded = [n + sum(pair) for n, pair in zip(self.input_size, self.padding, strict=True)]
        out = output_size(self, padded, self.kernel_size, self.stride, (1, 1))
        bound = 1 / math.sqrt(in_channels * math.prod(self.kernel_size))
        drawn = {"generator": generator, "device": device, "dtype": dtype}
        shape = (out_channels, in_channels, *self.kernel_size, *out)
        self.weight = uniform(shape, bound, **drawn)
        self.bias = uniform((out_channels, *out), bound, **drawn) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        images = as_batch(self, x, 2)  # (B, C, H, W)
        expected = self.weight.shape[1], *self.input_size
        if images.shape[1:] != expected:
            raise ValueError(
                f"LocallyConnected2d: images must be {expected}, got {tuple(x.shape)} "
                f"(weight {tuple(self.weight.shape)})"
            )
        check_input(self, x, self.weight)
        self.x = pad(images, self.padding)
        windows = unfold(self.x, self.kernel_size, self.stride, (1, 1))  # (B, C, I, J, U, V)
        y = torch.einsum("ocijuv,bcijuv->bouv", self.weight, windows)
        y = y if self.bias is None else y + self.bias
        self.x_shape, self.y_shape = x.shape, torch.Size((*x.shape[:-3], *y.shape[1:]))
        return y.reshape(self.y_shape)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y_shape)
        dy = as_batch(self, dy, 2)  # (B, O, U, V)
        windows = unfold(self.x, self.kernel_size, self.stride, (1, 1))
        self.grads["weight"] = torch.einsum("bouv,bcijuv->ocijuv", dy, windows)
        if self.bias is not None:
            self.grads["bias"] = dy.sum(0)
        dwindows = torch.einsum("ocijuv,bouv->bcijuv", self.weight, dy)
        dx = fold(dwindows, self.x.shape[2:], self.stride, (1, 1))
        return pad(dx, negative(self.padding)).reshape(self.x_shape)
