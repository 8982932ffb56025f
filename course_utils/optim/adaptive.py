"""Optimizers with a step size of its own for every weight."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from course_utils.layers.base import Layer
from course_utils.optim.optimizer import Optimizer, State


class Adagrad(Optimizer):
    r"""Divides by the root of the sum of all squared gradients: rare features take larger steps.

    .. math:: G \leftarrow G + g^2 \qquad w \leftarrow w - \frac{\eta_t}{\sqrt G + \epsilon}\, g
              \qquad \eta_t = \frac{\eta}{1 + (t - 1)\,\mathrm{lr\_decay}}

    G only grows, so steps only shrink. Source: Duchi, Hazan and Singer 2011.
    """

    def __init__(
        self,
        layer: Layer,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        super().__init__(
            layer,
            lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )

    def update(self, parameter: Tensor, gradient: Tensor, state: State) -> Tensor:
        g = gradient + self.weight_decay * parameter
        before = state.get("sum", torch.full_like(g, self.initial_accumulator_value))
        state["sum"] = before + g.square()
        state["step"] = state.get("step", 0) + 1
        lr = self.lr / (1 + (state["step"] - 1) * self.lr_decay)
        return parameter - lr * g / (state["sum"].sqrt() + self.eps)


class RMSprop(Optimizer):
    r"""Divides by the root of a running mean of squared gradients.

    .. math:: s \leftarrow \alpha s + (1 - \alpha) g^2 \qquad
              w \leftarrow w - \frac{\eta}{\sqrt s + \epsilon}\, g

    It has no momentum unless asked for: then the quotient enters a velocity
    :math:`v \leftarrow \mu v + g / (\sqrt s + \epsilon)`. ``centered`` subtracts the square of the
    gradients' running mean from s, which leaves their variance.

    Source: Tieleman and Hinton 2012; centered: Graves 2013.
    """

    def __init__(
        self,
        layer: Layer,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            layer,
            lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def update(self, parameter: Tensor, gradient: Tensor, state: State) -> Tensor:
        g = gradient + self.weight_decay * parameter
        state["square"] = _running_mean(state.get("square"), g.square(), self.alpha)
        spread = state["square"]
        if self.centered:
            state["mean"] = _running_mean(state.get("mean"), g, self.alpha)
            spread = spread - state["mean"].square()
        move = g / (spread.sqrt() + self.eps)
        if self.momentum > 0:
            if "velocity" in state:
                move = self.momentum * state["velocity"] + move
            state["velocity"] = move
        return parameter - self.lr * move


class Adam(Optimizer):
    r"""Momentum and a step size for every weight, both corrected for their start at zero.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1)\, g & \hat m &= m / (1 - \beta_1^t) \\
        v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2 & \hat v &= v / (1 - \beta_2^t) \\
        w &\leftarrow w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)

    The first step is :math:`\eta` in every weight, whatever the size of its gradient. Here
    ``weight_decay`` adds :math:`\lambda w` to g, where it is scaled along with it; see `AdamW`.

    Source: Kingma and Ba 2015.

    Raises:
        ValueError: an option is negative, or a beta is not in [0, 1).
    """

    def __init__(
        self,
        layer: Layer,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"{type(self).__name__}: betas must be in [0, 1), got {betas}")
        super().__init__(layer, lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, parameter: Tensor, gradient: Tensor, state: State) -> Tensor:
        return self.move(parameter, gradient + self.weight_decay * parameter, state)

    def move(self, parameter: Tensor, g: Tensor, state: State) -> Tensor:
        """The step without any weight decay."""
        beta1, beta2 = self.betas
        state["mean"] = _running_mean(state.get("mean"), g, beta1)
        state["square"] = _running_mean(state.get("square"), g.square(), beta2)
        t = state["step"] = state.get("step", 0) + 1
        root = state["square"].sqrt() / math.sqrt(1 - beta2**t)
        return parameter - self.lr / (1 - beta1**t) * state["mean"] / (root + self.eps)


class AdamW(Adam):
    r"""Adam with decoupled weight decay: first, :math:`w \leftarrow (1 - \eta\lambda)\, w`.

    In `Adam` the decay is divided by :math:`\sqrt{\hat v}` with the gradient, so weights with
    large gradients decay less. Only for plain SGD are decay and L2 penalty the same.

    Source: Loshchilov and Hutter 2019.
    """

    def __init__(
        self,
        layer: Layer,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(layer, lr, betas, eps, weight_decay)

    def update(self, parameter: Tensor, gradient: Tensor, state: State) -> Tensor:
        return self.move((1 - self.lr * self.weight_decay) * parameter, gradient, state)


def _running_mean(mean: Tensor | None, value: Tensor, keep: float) -> Tensor:
    """Exponentially weighted, started at zero."""
    return (1 - keep) * value if mean is None else keep * mean + (1 - keep) * value
