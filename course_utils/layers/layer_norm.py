"""Layer normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input
from course_utils.layers.normalization import standardize, standardize_backward


class LayerNorm(Layer):
    r"""Mean 0 and variance 1 over the last dimensions, then a scale and a shift of each element.

    .. math::
        y = \gamma \odot \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    with :math:`\mu` and v taken over the dimensions of ``normalized_shape``, in a transformer over the
    D features of a token. Each example, each token stands alone, so nothing changes in ``eval``. Of
    :math:`ax + b`, with one a > 0 and one b for all, it makes what it makes of x (but for
    :math:`\epsilon`).

    Shapes: x (*, D) → y (*, D); weight :math:`\gamma` (D,), bias :math:`\beta` (D,), where D stands
    for all dimensions of ``normalized_shape``. Backward: `standardize_backward` and, summed over
    all examples and tokens,

    .. math::
        \frac{\partial L}{\partial\gamma} = \sum_* \frac{\partial L}{\partial y} \odot \hat x,
        \qquad \frac{\partial L}{\partial\beta} = \sum_* \frac{\partial L}{\partial y}

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
        self.axes = tuple(range(-dims, 0))
        self.x_hat, self.rstd, _, _ = standardize(x, self.axes, self.eps)
        y = self.x_hat
        if self.weight is not None:
            y = y * self.weight
        if self.bias is not None:
            y = y + self.bias
        return y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x_hat.shape)
        dx_hat = dy
        if self.bias is not None:
            self.grads["bias"] = dy.sum_to_size(self.normalized_shape)
        if self.weight is not None:
            self.grads["weight"] = (dy * self.x_hat).sum_to_size(self.normalized_shape)
            dx_hat = dy * self.weight
        return standardize_backward(dx_hat, self.x_hat, self.rstd, self.axes)
