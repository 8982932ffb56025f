"""Group normalization."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import check_input
from course_utils.layers.channel_norm import ChannelNorm


class GroupNorm(ChannelNorm):
    r"""Mean 0 and variance 1 over groups of channels, then a scale and a shift of each channel.

    .. math::
        y = \gamma \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    with :math:`\mu` and v taken, in each example, over the C/G channels of a group and all
    positions. No example depends on another, so nothing changes in ``eval``, and it works as well
    for a batch of one.

    Shapes: x (N, C, …) → y like x; weight :math:`\gamma`, bias :math:`\beta` (C,). Backward: see
    `ChannelNorm`. Source: Wu and He 2018.

    Raises:
        ValueError: a size is not positive, the groups do not divide the channels, or the input has
            another number of channels.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    axes: ClassVar[tuple[int, ...]] = (2,)  # all positions, then `across` the group

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
        super().__init__(num_channels, eps, affine, bias, device, dtype)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(
                f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups"
            )
        self.num_groups, self.num_channels = num_groups, num_channels

    def across(self, means: Tensor) -> Tensor:
        """The mean over the channels of a group, for each of them."""
        in_group = self.num_channels // self.num_groups
        groups = means.unflatten(1, (self.num_groups, in_group))  # (N, G, C/G, 1)
        return groups.mean(2).repeat_interleave(in_group, 1)  # (N, C, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                f"GroupNorm: input must be (N, {self.num_channels}, …), got {tuple(x.shape)}"
            )
        check_input(self, x, self.weight)
        self.standardize(x)
        return self.scale_and_shift()
