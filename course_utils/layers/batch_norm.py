"""Batch normalization."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import check_gradient, check_input
from course_utils.layers.normalization import (
    ChannelNorm,
    per_channel,
    standardize,
    standardize_backward,
)


class BatchNorm(ChannelNorm):
    r"""What `BatchNorm1d` and `BatchNorm2d` share: everything but the shapes that they take.

    In training, the numbers of each channel, over the whole batch and all positions, get mean 0 and
    variance 1, then a scale and a shift that are learned:

    .. math::
        y = \gamma \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    :math:`\mu` and :math:`v = \frac1m\sum(x - \mu)^2` are the mean and the variance of the m numbers
    of a channel. Meanwhile ``running_mean`` and ``running_var`` follow the batches,

    .. math::
        r \leftarrow r + \text{momentum} \cdot (s - r),

    s being the batch's :math:`\mu` and its *unbiased* variance :math:`\frac{m}{m-1} v`; with
    ``momentum=None`` they are the averages of all batches so far. In ``eval`` they take the place
    of :math:`\mu` and v, so that an output does not depend on the rest of its batch; then
    :math:`\hat x` is an affine map of x. Without ``track_running_stats`` the batch's are always
    used. Batch normalization undoes any scale and shift of a channel: of :math:`ax + b` with a > 0
    it makes what it makes of x (but for :math:`\epsilon`).

    Shapes: weight :math:`\gamma`, bias :math:`\beta`, running_mean, running_var (C,),
    num_batches_tracked (). Backward: see `ChannelNorm` and `standardize_backward`.
    Source: Ioffe and Szegedy 2015.

    Raises:
        ValueError: ``num_features`` is not positive or not the input's number of channels, the
            input has a wrong rank, or a channel has a single number, whose variance is 0.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    buffer_names: ClassVar[tuple[str, ...]] = ("running_mean", "running_var", "num_batches_tracked")
    accepted: ClassVar[dict[int, str]]  # rank of an input → its axes

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(num_features, affine, bias, device, dtype)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        like = {"device": device, "dtype": dtype}
        track = track_running_stats
        self.running_mean = torch.zeros(num_features, **like) if track else None
        self.running_var = torch.ones(num_features, **like) if track else None
        self.num_batches_tracked = torch.tensor(0, device=device) if track else None

    def averaged(self, x: Tensor) -> tuple[int, ...]:
        """The axes that an average runs over: all but the channels'."""
        return (0, *range(2, x.ndim))

    def forward(self, x: Tensor) -> Tensor:
        self.axes = self.averaged(x)
        self.from_batch = self.training or self.running_mean is None
        self._check(x)
        if self.from_batch:
            self.x_hat, self.rstd, mean, var = standardize(x, self.axes, self.eps)
            if self.training and self.running_mean is not None:
                self._follow(mean, var, math.prod(x.shape[axis] for axis in self.axes))
        else:
            self.rstd = per_channel((self.running_var + self.eps).rsqrt(), x)
            self.x_hat = (x - per_channel(self.running_mean, x)).mul_(self.rstd)
        return self.scale_and_shift(self.x_hat)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x_hat.shape)
        dx_hat = self.scale_and_shift_backward(dy, self.x_hat)
        if not self.from_batch:
            return dx_hat * self.rstd  # mean and variance are constants
        return standardize_backward(dx_hat, self.x_hat, self.rstd, self.axes)

    def _follow(self, mean: Tensor, var: Tensor, m: int) -> None:
        self.num_batches_tracked = self.num_batches_tracked + 1
        share = self.momentum
        if share is None:
            share = 1 / self.num_batches_tracked.to(mean.dtype)
        # The mean over dimension 0 is for instance normalization, whose statistics are (N, C, …).
        mean, unbiased = (s.mean(0).view(-1) for s in (mean, var * (m / max(m - 1, 1))))
        self.running_mean = self.running_mean.lerp(mean, share)  # r + share · (s − r)
        self.running_var = self.running_var.lerp(unbiased, share)

    def _check(self, x: Tensor) -> None:
        kind = type(self).__name__
        if x.ndim not in self.accepted:
            wanted = " or ".join(self.accepted.values())
            raise ValueError(f"{kind}: input must be {wanted}, got {tuple(x.shape)}")
        if x.shape[1] != self.num_features:
            raise ValueError(
                f"{kind}: input has {x.shape[1]} channels, num_features is {self.num_features} "
                f"(input {tuple(x.shape)})"
            )
        check_input(self, x, self.running_mean if self.weight is None else self.weight)
        if self.from_batch and math.prod(x.shape[axis] for axis in self.axes) == 1:
            raise ValueError(
                f"{kind}: the variance of a single number is 0: average over more than one "
                f"(input {tuple(x.shape)}, averaged over axes {self.axes})"
            )


class BatchNorm1d(BatchNorm):
    """`BatchNorm` of features (B, C), over B, or of sequences (B, C, T), over B and T."""

    accepted: ClassVar[dict[int, str]] = {2: "(B, C)", 3: "(B, C, T)"}


class BatchNorm2d(BatchNorm):
    """`BatchNorm` of feature maps (B, C, H, W), over B, H and W."""

    accepted: ClassVar[dict[int, str]] = {4: "(B, C, H, W)"}
