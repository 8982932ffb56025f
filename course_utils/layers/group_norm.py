"""Group normalization."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.layers.base import check_gradient, check_input
from course_utils.layers.normalization import ChannelNorm, standardize, standardize_backward


class GroupNorm(ChannelNorm):
    r"""Mean 0 and variance 1 over groups of channels, then a scale and a shift of each channel.

    .. math::
        y = \gamma \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    with :math:`\mu` and v taken, in each example, over the C/G channels of a group and all
    positions. No example depends on another, so nothing changes in ``eval``, and it works as well
    for a batch of one.

    Shapes: x (N, C, …) → y like x; weight :math:`\gamma`, bias :math:`\beta` (C,). Backward: see
    `ChannelNorm` and `standardize_backward`. Source: Wu and He 2018.

    Raises:
        ValueError: a size is not positive, the groups do not divide the channels, or the input has
            another number of channels.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_channels, affine, bias, device, dtype)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups"
            )
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: input must be (N, {self.num_channels}, …), got {tuple(x.shape)}"
            )
        check_input(self, x, self.weight)
        self.group_hat, self.rstd, _, _ = standardize(self._groups(x), -1, self.eps)
        self.x_hat = self.group_hat.reshape(x.shape)
        return self.scale_and_shift(self.x_hat)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x_hat.shape)
        dgroup_hat = self._groups(self.scale_and_shift_backward(dy, self.x_hat))
        return standardize_backward(dgroup_hat, self.group_hat, self.rstd, -1).reshape(dy.shape)

    def _groups(self, x: Tensor) -> Tensor:
        per_group = self.num_channels // self.num_groups
        return x.unflatten(1, (self.num_groups, per_group)).flatten(2)  # (N, G, C/G · positions)
