"""The affine layer."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.init import uniform
from course_utils.layers.base import Layer, check_gradient, check_input


class Linear(Layer):
    r"""Affine map :math:`y = x W^\top + b`.

    Shapes: x (*, M) → y (*, N); weight (N, M), bias (N,).

    Both start uniform in :math:`\pm 1/\sqrt{M}`, drawn in torch's order, so that the same seed
    gives torch.nn.Linear's values.

    Raises:
        ValueError: a size is not positive, or an input's last dimension is not M.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise ValueError(
                f"Linear: sizes must be positive, got in_features={in_features}, "
                f"out_features={out_features}"
            )
        bound = 1 / math.sqrt(in_features)
        drawn = {"generator": generator, "device": device, "dtype": dtype}
        self.weight = uniform((out_features, in_features), bound, **drawn)
        self.bias = uniform((out_features,), bound, **drawn) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim == 0 or x.shape[-1] != self.weight.shape[1]:
            raise ValueError(
                f"Linear: input has {x.shape[-1] if x.ndim else 'no'} features, weight expects "
                f"{self.weight.shape[1]} (input {tuple(x.shape)}, "
                f"weight {tuple(self.weight.shape)})"
            )
        check_input(self, x, self.weight)
        self.x = x
        y = x @ self.weight.T  # (*, N)
        return y if self.bias is None else y + self.bias

    def backward(self, dy: Tensor) -> Tensor:
        n, m = self.weight.shape
        check_gradient(self, dy, torch.Size((*self.x.shape[:-1], n)))
        rows, drows = self.x.reshape(-1, m), dy.reshape(-1, n)  # (B, M), (B, N)
        self.grads["weight"] = drows.T @ rows  # (N, M)
        if self.bias is not None:
            self.grads["bias"] = drows.sum(0)  # (N,)
        return dy @ self.weight  # (*, M)
