"""Softmax and its logarithm."""

from __future__ import annotations

from torch import Tensor

from course_utils.layers.base import Layer, check_gradient, check_input


class Softmax(Layer):
    r"""Positive numbers of sum 1 along one dimension, :math:`y_i = e^{x_i} / \sum_j e^{x_j}`.

    Shapes: x (*) → y (*). Adding a constant to all :math:`x_i` changes nothing; the maximum is
    subtracted first so that no exponential overflows.

    The Jacobian :math:`\partial y_i/\partial x_j = y_i (\delta_{ij} - y_j)` has K² entries for K
    numbers. It is never formed, because its product with the gradient needs one inner product only:

    .. math::
        \frac{\partial L}{\partial x} = y \odot \left( \frac{\partial L}{\partial y}
            - \left\langle \frac{\partial L}{\partial y}, y \right\rangle \right)

    Raises:
        NotImplementedError: no ``dim`` (torch guesses one then, and warns).
        ValueError: the input has no such dimension, or no element along it.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = _named(self, dim)

    def forward(self, x: Tensor) -> Tensor:
        _check_dim(self, x, self.dim)
        e = (x - x.amax(self.dim, keepdim=True)).exp_()
        self.y = e.div_(e.sum(self.dim, keepdim=True))
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y.shape)
        inner = (dy * self.y).sum(self.dim, keepdim=True)
        return (dy - inner).mul_(self.y)


class LogSoftmax(Layer):
    r"""Logarithm of the softmax, :math:`y_i = x_i - \log \sum_j e^{x_j}`, without overflow.

    Shapes: x (*) → y (*). With :math:`p = e^y`, the softmax,

    .. math::
        \frac{\partial L}{\partial x} = \frac{\partial L}{\partial y}
            - p \sum_i \frac{\partial L}{\partial y_i}

    Raises:
        NotImplementedError: no ``dim`` (torch guesses one then, and warns).
        ValueError: the input has no such dimension, or no element along it.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = _named(self, dim)

    def forward(self, x: Tensor) -> Tensor:
        _check_dim(self, x, self.dim)
        shifted = x - x.amax(self.dim, keepdim=True)
        self.y = shifted.sub_(shifted.exp().sum(self.dim, keepdim=True).log_())
        return self.y

    def backward(self, dy: Tensor) -> Tensor:
        check_gradient(self, dy, self.y.shape)
        return self.y.exp().mul_(-dy.sum(self.dim, keepdim=True)).add_(dy)


def _named(layer: Layer, dim: int | None) -> int:
    if dim is None:
        kind = type(layer).__name__
        raise NotImplementedError(
            f"{kind}: dim=None is left out here: torch.nn.{kind} guesses a dimension then, and "
            "warns. Name it: dim=-1 is the last"
        )
    return dim


def _check_dim(layer: Layer, x: Tensor, dim: int) -> None:
    check_input(layer, x)
    ndim = max(x.ndim, 1)  # a single number counts as one dimension, as in torch
    if not -ndim <= dim < ndim or (x.ndim and not x.shape[dim]):
        raise ValueError(
            f"{type(layer).__name__}: no elements along dimension {dim} (input {tuple(x.shape)})"
        )
