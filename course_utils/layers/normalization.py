r"""What all normalization layers share: numbers of mean 0 and variance 1 along some axes.

They differ in the axes that an average runs over. For feature maps (N, C, H, W), with the channels
split into G groups (N, G, C/G, H, W):

==================  =======================  ===================  ==============================
layer               averages over            means and variances  scale :math:`\gamma`, shift
==================  =======================  ===================  ==============================
BatchNorm2d         N, H, W                  C                    one for each channel
LayerNorm           C, H, W                  N                    one for each element (C, H, W)
InstanceNorm2d      H, W                     N · C                one for each channel
GroupNorm           H, W and C/G channels    N · G                one for each channel
==================  =======================  ===================  ==============================

GroupNorm with one group averages over the same axes as LayerNorm, with as many groups as channels
over the same as InstanceNorm2d. Of features (N, C), BatchNorm1d averages over N and LayerNorm over
C; in a transformer, LayerNorm averages over the features of one token. Weight standardization does
the same to a weight instead of an activation: over all weights that lead to one output channel.

Only batch normalization mixes examples, so only it needs running statistics for ``eval``.

Pictures of the axes: Wu and He 2018, "Group normalization", figure 2.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer


def standardize(
    x: Tensor, dim: int | tuple[int, ...], eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Subtract the mean over ``dim``, divide by the standard deviation.

    .. math::
        \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}, \quad \mu = \frac1m \sum x, \quad
        v = \frac1m \sum (x - \mu)^2

    Returns:
        :math:`\hat x`, like x, then :math:`1/\sqrt{v + \epsilon}`, :math:`\mu` and v, of length 1
        along ``dim``.
    """
    mean = x.mean(dim, keepdim=True)
    centered = x - mean
    var = centered.square().mean(dim, keepdim=True)
    rstd = (var + eps).rsqrt()
    return centered.mul_(rstd), rstd, mean, var


def standardize_backward(
    dx_hat: Tensor, x_hat: Tensor, rstd: Tensor, dim: int | tuple[int, ...]
) -> Tensor:
    r"""The gradient of x, given that of :math:`\hat x`.

    As :math:`\partial\hat x_i/\partial x_j = (\delta_{ij} - \frac1m - \frac1m \hat x_i \hat x_j) /
    \sqrt{v + \epsilon}`,

    .. math::
        \frac{\partial L}{\partial x} = \frac{1}{\sqrt{v + \epsilon}} \left(
            \frac{\partial L}{\partial \hat x}
            - \overline{\frac{\partial L}{\partial \hat x}}
            - \hat x \; \overline{\frac{\partial L}{\partial \hat x} \hat x} \right)

    with means over ``dim`` under the bars: what would change the mean or the scale of x is taken
    out of the gradient, since :math:`\hat x` does not depend on either.
    """
    shift = dx_hat.mean(dim, keepdim=True)
    scale = (dx_hat * x_hat).mean(dim, keepdim=True)
    return (dx_hat - shift).sub_(x_hat * scale).mul_(rstd)


class ChannelNorm(Layer):
    r"""What the layers with a scale and a shift for each channel share: :math:`y = \gamma \hat x
    + \beta`.

    Shapes: x̂ and y (N, C, …); weight :math:`\gamma` (C,), bias :math:`\beta` (C,). They start as
    ones and zeros. Backward sums over all that a parameter was used for:

    .. math::
        \frac{\partial L}{\partial\gamma_c} = \sum_{\text{channel } c}
            \frac{\partial L}{\partial y} \hat x, \qquad
        \frac{\partial L}{\partial\beta_c} = \sum_{\text{channel } c} \frac{\partial L}{\partial y},
        \qquad \frac{\partial L}{\partial\hat x} = \gamma \frac{\partial L}{\partial y}
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        channels: int,
        affine: bool,
        bias: bool,
        device: torch.device | str | None,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        if channels < 1:
            raise ValueError(f"{type(self).__name__}: needs at least 1 channel, got {channels}")
        like = {"device": device, "dtype": dtype}
        self.weight = torch.ones(channels, **like) if affine else None
        self.bias = torch.zeros(channels, **like) if affine and bias else None

    def scale_and_shift(self, x_hat: Tensor) -> Tensor:
        y = x_hat
        if self.weight is not None:
            y = y * per_channel(self.weight, y)
        if self.bias is not None:
            y = y + per_channel(self.bias, y)
        return y

    def scale_and_shift_backward(self, dy: Tensor, x_hat: Tensor) -> Tensor:
        """Store the gradients of weight and bias, return that of x̂."""
        others = [axis for axis in range(dy.ndim) if axis != 1]  # all axes but the channels'
        if self.bias is not None:
            self.grads["bias"] = dy.sum(others)
        if self.weight is None:
            return dy
        self.grads["weight"] = (dy * x_hat).sum(others)
        return dy * per_channel(self.weight, dy)


def per_channel(parameter: Tensor, x: Tensor) -> Tensor:
    """A parameter (C,) as (C, 1, …), which broadcasts against x (N, C, …)."""
    return parameter.view(-1, *[1] * (x.ndim - 2))
