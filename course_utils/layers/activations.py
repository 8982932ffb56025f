"""Activation functions, each applied element by element.

Most keep their output, or a factor of it, and write the derivative in terms of that: nothing is
computed twice. Methods that end in an underscore work in place, here only on tensors that were made
in the line before: at full size, making another is what takes the time.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input, only_default

# In GELU's tanh approximation, u = SCALE (x + CUBIC x³).
SCALE, CUBIC = math.sqrt(2 / math.pi), 0.044715


class ReLU(Layer):
    r"""Rectified linear unit :math:`y = \max(0, x)`; its slope at 0 is taken as 0, as in torch.

    Shapes: x (*) → y (*).
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        only_default(self, inplace=(inplace, False))

    def forward(self, x: Tensor) -> Tensor:
        self.x = x
        return x.clamp(min=0)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        return dy.masked_fill(self.x <= 0, 0)


class LeakyReLU(Layer):
    r"""ReLU with a small slope on the left, :math:`y = \max(0, x) + a \min(0, x)`.

    Shapes: x (*) → y (*). The slope at 0 is taken as a, as in torch. Source: Maas et al. 2013.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        only_default(self, inplace=(inplace, False))
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.x = x
        return x.clamp(min=0).add_(x.clamp(max=0), alpha=self.negative_slope)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        return torch.where(self.x > 0, dy, self.negative_slope * dy)


class PReLU(Layer):
    r"""Parametric ReLU :math:`y = \max(0, x) + a \min(0, x)`: the slope a is learned.

    Shapes: x (*) or (B, C, …) → the same; weight (1,), or (C,) with one slope for each channel.

    .. math::
        \frac{\partial L}{\partial a_c} = \sum_{x \text{ in channel } c}
            \frac{\partial L}{\partial y} \min(0, x)

    Source: He et al. 2015, "Delving deep into rectifiers".

    Raises:
        ValueError: ``num_parameters`` is not positive, or not the input's number of channels.
        TypeError: the input is not of the layer's dtype or not on its device.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if num_parameters < 1:
            raise ValueError(f"PReLU: num_parameters must be positive, got {num_parameters}")
        self.weight = torch.full((num_parameters,), float(init), device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1] if x.ndim > 1 else 1
        if len(self.weight) not in (1, channels):
            raise ValueError(
                f"PReLU: input has {channels} channels, weight has {len(self.weight)} slopes "
                f"(input {tuple(x.shape)}, weight {tuple(self.weight.shape)})"
            )
        check_input(self, x, self.weight)
        self.x = x
        shape = [1] * x.ndim
        if x.ndim > 1:
            shape[1] = -1
        self.slope = self.weight.view(shape)  # (1, C, 1, …)
        return x.clamp(min=0).add_(x.clamp(max=0).mul_(self.slope))

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        by_element = self.x.clamp(max=0).mul_(dy)
        self.grads["weight"] = by_element.sum_to_size(self.slope.shape).view_as(self.weight)
        return torch.where(self.x > 0, dy, self.slope * dy)


class ELU(Layer):
    r"""Exponential linear unit :math:`y = x` for x > 0, :math:`y = a\,(e^x - 1)` for x ≤ 0.

    Shapes: x (*) → y (*). The derivative on the left, :math:`a e^x`, is :math:`y + a`.
    Source: Clevert et al. 2016.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        only_default(self, inplace=(inplace, False))
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.x = x
        # expm1(x) = exp(x) − 1 without the cancellation near 0; it is 0 where x ≥ 0.
        self.y = x.clamp(min=0).add_(x.clamp(max=0).expm1_(), alpha=self.alpha)
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        slope = self.y + self.alpha  # for x ≤ 0
        return torch.where(self.x <= 0, slope.mul_(dy), dy)


class Sigmoid(Layer):
    r"""Logistic function :math:`\sigma(x) = 1 / (1 + e^{-x})`; :math:`\sigma' = \sigma(1-\sigma)`.

    Shapes: x (*) → y (*).
    """

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.y = x.sigmoid()
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y.shape)
        slope = (1 - self.y).mul_(self.y)
        return slope.mul_(dy)


class Tanh(Layer):
    r"""Hyperbolic tangent :math:`y = \tanh x = 2\sigma(2x) - 1`; :math:`y' = 1 - y^2`.

    Shapes: x (*) → y (*).
    """

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.y = x.tanh()
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y.shape)
        slope = 1 - self.y.square()
        return slope.mul_(dy)


class Softplus(Layer):
    r"""Smooth ReLU :math:`y = \frac1\beta \log(1 + e^{\beta x})`; :math:`y' = \sigma(\beta x)`.

    Shapes: x (*) → y (*). Where :math:`\beta x` is above ``threshold``, y = x, to float precision,
    and the exponential cannot overflow.

    Raises:
        ValueError: ``beta`` is 0.
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        if beta == 0:
            raise ValueError("Softplus: beta must not be 0")
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.z = self.beta * x
        smooth = self.z.exp().log1p_().div_(self.beta)
        return torch.where(self.z > self.threshold, x, smooth)

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.z.shape)
        slope = self.z.sigmoid()
        return torch.where(self.z > self.threshold, dy, slope.mul_(dy))


class SiLU(Layer):
    r"""Sigmoid linear unit, or Swish, :math:`y = x\,\sigma(x)`.

    Shapes: x (*) → y (*). With :math:`s = \sigma(x)`, :math:`y' = s + x s (1 - s)`.
    Sources: Elfwing et al. 2018; Ramachandran et al. 2017.
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        only_default(self, inplace=(inplace, False))

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.x, self.gate = x, x.sigmoid()
        return x * self.gate

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        slope = (1 - self.gate).mul_(self.x).add_(1).mul_(self.gate)  # s (1 + x (1 − s))
        return slope.mul_(dy)


class GELU(Layer):
    r"""Gaussian error linear unit :math:`y = x\,\Phi(x)`: x times the chance that a normal number
    lies below x.

    Shapes: x (*) → y (*).

    ``approximate`` puts another gate :math:`g` in the place of :math:`\Phi`:

    - ``"none"``: :math:`g = \Phi(x) = \frac12 (1 + \operatorname{erf}(x / \sqrt2))`, so
      :math:`g' = e^{-x^2/2} / \sqrt{2\pi}`.
    - ``"tanh"``: :math:`g = \frac12 (1 + \tanh u) = \sigma(2u)` with
      :math:`u = \sqrt{2/\pi}\,(x + 0.044715\,x^3)`, so :math:`g' = g\,(1-g) \cdot 2u'`.
    - ``"sigmoid"``, which torch.nn.GELU does not have: :math:`g = \sigma(1.702\,x)`, so
      :math:`g' = g\,(1-g) \cdot 1.702`.

    In each case :math:`\partial L/\partial x = \partial L/\partial y \cdot (g + x g')`.
    Source: Hendrycks and Gimpel 2016, who give all three.

    Raises:
        ValueError: ``approximate`` is none of the three.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh", "sigmoid"):
            raise ValueError(
                f"GELU: approximate must be 'none', 'tanh' or 'sigmoid', got {approximate!r}"
            )
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        check_input(self, x)
        self.x = x
        if self.approximate == "none":
            self.gate = (x * math.sqrt(1 / 2)).erf_().add_(1).mul_(1 / 2)
        elif self.approximate == "tanh":
            u = x.square().mul_(CUBIC).add_(1).mul_(x).mul_(SCALE)
            self.gate = u.mul_(2).sigmoid_()
        else:
            self.gate = (1.702 * x).sigmoid_()
        return x * self.gate

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.x.shape)
        x, g = self.x, self.gate
        if self.approximate == "none":
            dg = x.square().mul_(-1 / 2).exp_().mul_(1 / math.sqrt(2 * math.pi))
        elif self.approximate == "tanh":
            du = x.square().mul_(3 * CUBIC).add_(1).mul_(SCALE)
            dg = du.mul_(2).mul_(g).mul_(1 - g)
        else:
            dg = (1 - g).mul_(g).mul_(1.702)
        slope = dg.mul_(x).add_(g)  # g + x g'
        return slope.mul_(dy)
