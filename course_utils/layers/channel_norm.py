"""What batch, instance and group normalization share."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient


class ChannelNorm(Layer):
    r"""Mean 0 and variance 1 over sets of channels, then a scale and a shift of each channel.

    .. math::
        y = \gamma \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    A subclass says over which ``axes`` of (N, C, P) the mean :math:`\mu` and the variance v are
    taken. Where several channels share a set, `across` takes the mean of their means as well.

    Backward: a parameter's gradient is the sum over all that it was used for,

    .. math::
        \frac{\partial L}{\partial\gamma_c} = \sum_{n,\,p} \frac{\partial L}{\partial y_{ncp}}
            \hat x_{ncp}, \qquad
        \frac{\partial L}{\partial\beta_c} = \sum_{n,\,p} \frac{\partial L}{\partial y_{ncp}}

    and the input's, with the means of a set under the bars as in `standardize_backward`, is

    .. math::
        \frac{\partial L}{\partial x} = \frac{1}{\sqrt{v + \epsilon}} \left(
            \gamma \frac{\partial L}{\partial y}
            - \overline{\gamma \frac{\partial L}{\partial y}}
            - \hat x \; \overline{\gamma \frac{\partial L}{\partial y} \hat x} \right)

    As :math:`\gamma` is the same for a whole channel, sums of :math:`\partial L/\partial y` and of
    :math:`\hat x\,\partial L/\partial y` over ``axes`` do for everything.

    Shapes: x, y (N, C, …), written (N, C, P) above; weight :math:`\gamma`, bias :math:`\beta` (C,).
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight", "bias")
    axes: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        channels: int,
        eps: float,
        affine: bool,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"{type(self).__name__}: needs at least 1 channel, got {channels}")
        self.eps = eps
        like = {"device": device, "dtype": dtype}
        self.weight = torch.ones(channels, **like) if affine else None
        self.bias = torch.zeros(channels, **like) if affine and bias else None

    def across(self, means: Tensor) -> Tensor:
        """The means of all channels that are normalized together, of one number for each."""
        return means

    def standardize(
        self, x: Tensor, mean: Tensor | None = None, var: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute x̂, from x's own mean and variance where none are given, and return the two."""
        self.shape, x = x.shape, by_position(x)  # (N, C, P)
        self.own_statistics = mean is None
        if mean is None:
            mean = self.across(x.mean(self.axes, keepdim=True))
        self.x_hat = x - mean
        if var is None:
            norm = torch.linalg.vector_norm(self.x_hat, dim=self.axes, keepdim=True)
            var = self.across(norm.square() / self.count(x))
        self.rstd = (var + self.eps).rsqrt()
        self.x_hat.mul_(self.rstd)
        return mean, var

    def count(self, x: Tensor) -> int:
        """How many numbers lie along ``axes``."""
        return math.prod(by_position(x).shape[axis] for axis in self.axes)

    def scale_and_shift(self) -> Tensor:
        """Make y of x̂."""
        y = self.x_hat if self.weight is None else self.x_hat * self.weight[:, None]
        if self.bias is not None:
            y.add_(self.bias[:, None])
        return y.reshape(self.shape)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        dy = by_position(dy)  # (N, C, P)
        total = dy.sum(self.axes, keepdim=True)  # (N, C, 1), or (1, C, 1) for a sum over N
        along = (dy * self.x_hat).sum(self.axes, keepdim=True)
        gain = self.rstd  # ∂y/∂x, were μ and v constants
        if self.bias is not None:
            self.grads["bias"] = total.sum((0, 2))
        if self.weight is not None:
            self.grads["weight"] = along.sum((0, 2))
            gain, total, along = (t * self.weight[:, None] for t in (gain, total, along))
        dx = dy * gain
        if self.own_statistics:
            shift, scale = (self.across(t / self.count(dy)) * self.rstd for t in (total, along))
            dx.addcmul_(self.x_hat, scale, value=-1).sub_(shift)
        return dx.reshape(self.shape)


def by_position(x: Tensor) -> Tensor:
    """(N, C, …) → (N, C, P), with all positions in one dimension; one position for (N, C)."""
    return x.flatten(2) if x.ndim > 2 else x[:, :, None]
