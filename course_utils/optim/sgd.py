"""Stochastic gradient descent."""

from __future__ import annotations

from torch import Tensor

from course_utils.layers.base import Layer
from course_utils.optim.optimizer import Optimizer, State


class SGD(Optimizer):
    r"""Gradient descent, with momentum :math:`\mu` and damping :math:`\tau` where asked for.

    .. math:: g = \nabla L(w) + \lambda w \qquad v \leftarrow \mu v + (1 - \tau)\, g \qquad
              w \leftarrow w - \eta\, v

    The velocity v is a weighted sum of gradients: under a constant gradient it grows to
    :math:`g / (1 - \mu)`. It starts as the first gradient, undamped. ``nesterov`` moves by
    :math:`g + \mu v` instead, the gradient where momentum alone would carry the weights, to first
    order. ``weight_decay`` is the :math:`\lambda` of a penalty
    :math:`\frac\lambda2 \lVert w\rVert^2`.

    Source: Polyak 1964; Nesterov 1983; in this form Sutskever and others 2013.

    Raises:
        ValueError: an option is negative, or ``nesterov`` comes without momentum or with damping.
    """

    def __init__(
        self,
        layer: Layer,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError(
                "SGD: nesterov needs momentum and no dampening, got "
                f"momentum={momentum}, dampening={dampening}"
            )
        super().__init__(
            layer,
            lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
        )

    def update(self, parameter: Tensor, gradient: Tensor, state: State) -> Tensor:
        g = gradient + self.weight_decay * parameter
        if self.momentum == 0:
            return parameter - self.lr * g
        if "velocity" in state:
            state["velocity"] = self.momentum * state["velocity"] + (1 - self.dampening) * g
        else:
            state["velocity"] = g
        v = state["velocity"]
        return parameter - self.lr * (g + self.momentum * v if self.nesterov else v)
