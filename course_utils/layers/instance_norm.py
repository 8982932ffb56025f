"""Instance normalization."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import only_default
from course_utils.layers.batch_norm import BatchNorm


class InstanceNorm2d(BatchNorm):
    r"""Mean 0 and variance 1 for each channel of each image, over its positions.

    .. math::
        y_{ncij} = \gamma_c \frac{x_{ncij} - \mu_{nc}}{\sqrt{v_{nc} + \epsilon}} + \beta_c

    Shapes: x (N, C, H, W) or (C, H, W) → y like x; weight, bias, running_mean, running_var (C,),
    num_batches_tracked (). It is batch normalization with other axes. As no image depends on
    another, it does in ``eval`` what it does in training. Only with ``track_running_stats`` it uses
    running averages over the images' statistics in ``eval``; num_batches_tracked stays 0, as in
    torch.

    By default there are neither parameters nor running statistics, unlike in batch normalization.
    Source: Ulyanov et al. 2016.

    Raises:
        ValueError: ``num_features`` is not positive or not the input's number of channels, the
            input has a wrong rank, or there is only one position.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    axes: ClassVar[tuple[int, ...]] = (2,)  # all positions
    accepted: ClassVar[dict[int, str]] = {4: "(N, C, H, W)", 3: "(C, H, W)"}

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if momentum is None:  # torch takes it and never updates the statistics then
            only_default(self, momentum=(momentum, 0.1))
        super().__init__(
            num_features,
            eps,
            momentum,
            affine,
            track_running_stats,
            bias=bias,
            device=device,
            dtype=dtype,
        )

    def forward(self, x: Tensor) -> Tensor:
        self.unbatched = x.ndim == 3
        return super().forward(x[None])[0] if self.unbatched else super().forward(x)

    def backward(self, dy: Tensor) -> Tensor:
        return super().backward(dy[None])[0] if self.unbatched else super().backward(dy)

    def _follow(self, mean: Tensor, var: Tensor, m: int) -> None:
        count = self.num_batches_tracked
        super()._follow(mean, var, m)
        self.num_batches_tracked = count
