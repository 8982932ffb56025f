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

Batch, instance and group normalization share their code, `ChannelNorm`, and differ in a line or
two. Layer normalization and weight standardization standardize the rows of a matrix, with the two
functions below.

Pictures of the axes: Wu and He 2018, "Group normalization", figure 2.
"""

from __future__ import annotations

import torch
from torch import Tensor


def standardize(x: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    r"""Subtract the mean of each row, divide by its standard deviation.

    .. math::
        \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}, \quad \mu = \frac1D \sum_i x_i, \quad
        v = \frac1D \sum_i (x_i - \mu)^2 = \frac1D \lVert x - \mu \rVert^2

    Shapes: x (R, D) → :math:`\hat x` (R, D) and :math:`1/\sqrt{v + \epsilon}` (R, 1).
    """
    centered = x - x.mean(-1, keepdim=True)
    norm = torch.linalg.vector_norm(centered, dim=-1, keepdim=True)
    rstd = (norm.square() / x.shape[-1] + eps).rsqrt()
    return centered.mul_(rstd), rstd


def standardize_backward(dx_hat: Tensor, x_hat: Tensor, rstd: Tensor) -> Tensor:
    r"""The gradient of x, given that of :math:`\hat x`.

    As :math:`\partial\hat x_i/\partial x_j = (\delta_{ij} - \frac1D - \frac1D \hat x_i \hat x_j) /
    \sqrt{v + \epsilon}`,

    .. math::
        \frac{\partial L}{\partial x} = \frac{1}{\sqrt{v + \epsilon}} \left(
            \frac{\partial L}{\partial \hat x}
            - \overline{\frac{\partial L}{\partial \hat x}}
            - \hat x \; \overline{\frac{\partial L}{\partial \hat x} \hat x} \right)

    with the mean of each row under the bars: what would only shift or scale x is taken out of the
    gradient, since :math:`\hat x` does not depend on either.

    Shapes: all (R, D) but rstd (R, 1).
    """
    shift = dx_hat.mean(-1, keepdim=True)  # (R, 1)
    scale = (dx_hat * x_hat).mean(-1, keepdim=True)  # (R, 1)
    return dx_hat.addcmul(x_hat, scale, value=-1).sub_(shift).mul_(rstd)
