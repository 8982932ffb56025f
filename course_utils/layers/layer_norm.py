"""Layer normalization."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.normalization import standardize


class LayerNorm(Layer):
    r"""Mean 0 and variance 1 over the last dimensions, then a scale and a shift of each element.

    .. math::
        y = \gamma \odot \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    with :math:`\mu` and v taken over the dimensions of ``normalized_shape``, in a transformer over
    the D features of a token. Each example, each token stands alone, so nothing changes in
    ``eval``. Of :math:`ax + b`, with one a > 0 and one b for all, it makes what it makes of x (but
    for :math:`\epsilon`).

    Shapes: x (*, D) → y (*, D); weight :math:`\gamma` (D,), bias :math:`\beta` (D,), where D stands
    for all dimensions of ``normalized_shape``. Backward: `standardize_backward` and, summed over
    all examples and tokens,

    .. math::
        \frac{\partial L}{\partial\gamma} = \sum_* \frac{\partial L}{\partial y} \odot \hat x,
        \qquad \frac{\partial L}{\partial\beta} = \sum_* \frac{\partial L}{\partial y}

    Takes three to five times as long as torch's on large inputs, which passes over x once on each
    way; step by step, four tensors of its size are made.

    Source: Ba, Kiros and Hinton 2016.

    Raises:
        ValueError: ``normalized_shape`` is empty or not positive, or the input does not end in it.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape, self.eps = tuple(shape), eps
        if not self.normalized_shape or min(self.normalized_shape) < 1:
            raise ValueError(
                f"LayerNorm: sizes must be positive, got normalized_shape={normalized_shape}"
            )
        like = {"device": device, "dtype": dtype}
        self.weight = torch.ones(self.normalized_shape, **like) if elementwise_affine else None
        self.bias = (
            torch.zeros(self.normalized_shape, **like) if elementwise_affine and bias else None
        )

    def forward(self, x: Tensor) -> Tensor:
        dims = len(self.normalized_shape)
        if x.shape[-dims:] != self.normalized_shape:
            raise ValueError(
                f"LayerNorm: input {tuple(x.shape)} does not end in normalized_shape "
                f"{self.normalized_shape}"
            )
        check_input(self, x, self.weight)
        self.x_hat, self.rstd = standardize(self._rows(x), self.eps)  # (R, D), (R, 1)
        y = self.x_hat if self.weight is None else self.x_hat * self.weight.flatten()
        if self.bias is not None:
            y.add_(self.bias.flatten())
        self.shape = x.shape
        return y.reshape(x.shape)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        dy, d = self._rows(dy), self.x_hat.shape[1]  # (R, D)
        along = dy * self.x_hat  # (R, D)
        if self.bias is not None:
            self.grads["bias"] = dy.sum(0).view(self.normalized_shape)
        if self.weight is not None:
            self.grads["weight"] = along.sum(0).view(self.normalized_shape)
        gamma = dy.new_ones(d) if self.weight is None else self.weight.flatten()
        # The two means of standardize_backward, of γ ∂L/∂y and of γ ∂L/∂y x̂, as products.
        shift, scale = (dy @ gamma / d)[:, None], (along @ gamma / d)[:, None]  # (R, 1)
        dx = (dy * gamma).addcmul_(self.x_hat, scale, value=-1).sub_(shift).mul_(self.rstd)
        return dx.reshape(self.shape)

    def _rows(self, x: Tensor) -> Tensor:
        """What is normalized together as one row: (*, D) → (R, D)."""
        return x.reshape(-1, math.prod(self.normalized_shape))
