"""Batch normalization."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import check_input
from course_utils.layers.channel_norm import ChannelNorm


class BatchNorm(ChannelNorm):
    r"""What `BatchNorm1d` and `BatchNorm2d` share: everything but the shapes that they take.

    In training, the numbers of each channel, over the whole batch and all positions, get mean 0 and
    variance 1, then a scale and a shift that are learned:

    .. math::
        y = \gamma \hat x + \beta, \qquad \hat x = \frac{x - \mu}{\sqrt{v + \epsilon}}

    The mean :math:`\mu` and the variance :math:`v = \frac1m\sum(x - \mu)^2` are those of the m
    numbers of a channel. Meanwhile ``running_mean`` and ``running_var`` follow the batches,

    .. math::
        r \leftarrow r + \text{momentum} \cdot (s - r),

    s being the batch's :math:`\mu` and its *unbiased* variance :math:`\frac{m}{m-1} v`; with
    ``momentum=None`` they are the averages of all batches so far. In ``eval`` they take the place
    of :math:`\mu` and v, so that an output does not depend on the rest of its batch; then
    :math:`\hat x` is an affine map of x. Without ``track_running_stats`` the batch's are always
    used. Batch normalization undoes any scale and shift of a channel: of :math:`ax + b` with a > 0
    it makes what it makes of x (but for :math:`\epsilon`).

    Shapes: weight :math:`\gamma`, bias :math:`\beta`, running_mean, running_var (C,),
    num_batches_tracked (). Backward: see `ChannelNorm`.
    Source: Ioffe and Szegedy 2015.

    Raises:
        ValueError: ``num_features`` is not positive or not the input's number of channels, the
            input has a wrong rank, or a channel has a single number, whose variance is 0.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    buffer_names: ClassVar[tuple[str, ...]] = ("running_mean", "running_var", "num_batches_tracked")
    axes: ClassVar[tuple[int, ...]] = (0, 2)  # the batch and all positions
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
        super().__init__(num_features, eps, affine, bias, device, dtype)
        self.num_features, self.momentum = num_features, momentum
        like = {"device": device, "dtype": dtype}
        track = track_running_stats
        self.running_mean = torch.zeros(num_features, **like) if track else None
        self.running_var = torch.ones(num_features, **like) if track else None
        self.num_batches_tracked = torch.tensor(0, device=device) if track else None

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        if self.training or self.running_mean is None:
            mean, var = self.standardize(x)
            if self.running_mean is not None:
                self._follow(mean, var, self.count(x))
        else:
            self.standardize(x, self.running_mean[:, None], self.running_var[:, None])
        return self.scale_and_shift()

    def _follow(self, mean: Tensor, var: Tensor, m: int) -> None:
        self.num_batches_tracked = self.num_batches_tracked + 1
        if not m * len(mean):
            return  # an empty batch has no statistics
        share = self.momentum
        if share is None:
            share = 1 / self.num_batches_tracked.to(mean.dtype)
        # For the statistics of instance normalization, one for each image, this averages them.
        mean, unbiased = (s.mean((0, 2)) for s in (mean, var * (m / max(m - 1, 1))))
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
        own = self.training or self.running_mean is None
        if own and self.count(x) == 1:
            raise ValueError(
                f"{kind}: a single number for each mean has no variance (input {tuple(x.shape)})"
            )


class BatchNorm1d(BatchNorm):
    r"""`BatchNorm` :math:`y = \gamma \frac{x - \mu}{\sqrt{v + \epsilon}} + \beta` of vectors.

    Shapes: x (B, C), mean and variance over B; or sequences (B, C, T), over B and T. y likewise.

    On vectors it takes about three times torch's time: torch passes over x twice on each way, and
    here every step of the formula is a pass of its own.
    """

    accepted: ClassVar[dict[int, str]] = {2: "(B, C)", 3: "(B, C, T)"}


class BatchNorm2d(BatchNorm):
    r"""`BatchNorm` :math:`y = \gamma \frac{x - \mu}{\sqrt{v + \epsilon}} + \beta` of feature maps.

    Shapes: x (B, C, H, W) → y (B, C, H, W), mean and variance over B, H and W.
    """

    accepted: ClassVar[dict[int, str]] = {4: "(B, C, H, W)"}
