"""Dropout."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input, only_default


class Dropout(Layer):
    r"""Set each element to 0 with probability p and divide the others by 1 − p, while training.

    .. math::
        y = m \odot x, \qquad m_i = \frac{b_i}{1 - p}, \quad b_i \sim \text{Bernoulli}(1 - p)

    Shapes: x (*) → y (*). Dividing keeps the expectation, :math:`\mathbb E[y] = x`, so that in
    ``eval`` the layer is the identity. Where p is 0 nothing is drawn; where p is 1 all is 0.

    The mask is drawn as torch draws it: on a CPU, the same seed gives torch.nn.Dropout's. A
    generator on the CPU may be used with inputs on a GPU.
    Source: Srivastava et al. 2014, who multiply by 1 − p at test time instead.

    Raises:
        ValueError: p is not in [0, 1].
    """

    def __init__(
        self,
        p: float = 0.5,
        inplace: bool = False,
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        only_default(self, inplace=(inplace, False))
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be a probability, 0 … 1, got {p}")
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.shape, self.mask = x.shape, None
        if not self.training or self.p == 0:
            return x
        if self.p == 1:
            self.mask = torch.zeros_like(x)
        else:
            where = x.device if self.generator is None else self.generator.device
            kept = torch.empty_like(x, device=where).bernoulli_(
                1 - self.p, generator=self.generator
            )
            self.mask = kept.div_(1 - self.p).to(x.device)
        return x * self.mask

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.shape)
        return dy if self.mask is None else dy * self.mask
