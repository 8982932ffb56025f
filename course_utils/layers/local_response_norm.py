"""Local response normalization."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from course_utils.layers.base import Layer, check_gradient, check_input


class LocalResponseNorm(Layer):
    r"""Divide each activation by a power of the energy in the channels next to its own.

    .. math::
        y_c = x_c s_c^{-\beta}, \qquad s_c = k + \frac{\alpha}{n} \sum_{j \in W(c)} x_j^2

    at each position. The window W(c) is n = ``size`` channels, from c − ⌊n/2⌋ to c + ⌊(n−1)/2⌋, cut
    off at the first and the last.

    Each :math:`x_j` acts through its own numerator and through every :math:`s_c` whose window it
    is in. Those c form the window turned around, W'(j) from j − ⌊(n−1)/2⌋ to j + ⌊n/2⌋:

    .. math::
        \frac{\partial L}{\partial x_j} = \frac{\partial L}{\partial y_j} s_j^{-\beta}
            - \frac{2 \alpha\beta}{n} x_j \sum_{c \in W'(j)} \frac{\partial L}{\partial y_c}
            \frac{y_c}{s_c}

    Shapes: x (B, C, *) → y (B, C, *), with at least one dimension of positions.

    Source: Krizhevsky et al. 2012 (AlexNet), who do not divide :math:`\alpha` by n. Their k = 2,
    n = 5, α = 10⁻⁴, β = 0.75 are ``LocalResponseNorm(5, alpha=5e-4, k=2.0)`` here and in torch.

    Raises:
        ValueError: ``size`` is not positive, or the input has fewer than 3 dimensions.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"LocalResponseNorm: size must be positive, got {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k
        self.before, self.after = size // 2, (size - 1) // 2

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 3:
            raise ValueError(f"LocalResponseNorm: input must be (B, C, *), got {tuple(x.shape)}")
        check_input(self, x)
        self.x = x
        energy = window_sum(x.square(), self.before, self.after)
        self.s = energy.mul_(self.alpha / self.size).add_(self.k)
        self.factor = self.s.pow(-self.beta)
        return x * self.factor

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        direct = dy * self.factor
        by_s = window_sum(direct * self.x / self.s, self.after, self.before)
        return direct - by_s.mul_(self.x).mul_(2 * self.alpha * self.beta / self.size)


def window_sum(x: Tensor, before: int, after: int) -> Tensor:
    """The sum over the channels c − before … c + after, for each channel c of x (B, C, *)."""
    padded = F.pad(x.flatten(2), (0, 0, before, after))  # (B, before + C + after, positions)
    return padded.unfold(1, before + 1 + after, 1).sum(-1).reshape(x.shape)
