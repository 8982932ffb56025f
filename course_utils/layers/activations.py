"""Activation functions, each applied element by element."""

from __future__ import annotations

from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, only_default


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
