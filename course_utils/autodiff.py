r"""Reverse-mode automatic differentiation of tensor programs, small enough to read.

A `Variable` holds a tensor and remembers from which others it was computed, and for each of them
the vector–Jacobian product :math:`g \mapsto g^\top \partial y / \partial x` that carries a gradient
one step back. `Variable.backward` walks that record from its end to its beginning.

The values are torch tensors, names and rules are torch's, broadcasting included; only torch's own
autograd takes no part. Source: Griewank and Walther 2008, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import torch
from torch import Tensor

VJP = Callable[[Tensor], Tensor]  # the vector–Jacobian product for one input of an operation
_clock = count()  # a variable is always younger than the variables that it was computed from


class Variable:
    """A tensor that remembers where it came from.

    Attributes:
        value: a floating-point tensor (*), kept and not copied; a number becomes a float64 tensor.
        requires_grad: false for constants, such as the tensors and numbers in an operation.
        grad: the gradient (*) of all `backward` calls added up, ``None`` before the first one and
            always for the result of an operation.

    Raises:
        TypeError: the tensor's numbers are not floating-point ones, or torch's autograd follows it.
    """

    __array_ufunc__ = None  # so that NumPy, asked for array * variable, leaves the answer to us

    def __init__(self, value: Tensor | float, requires_grad: bool = True) -> None:
        value = value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        if not value.is_floating_point():
            raise TypeError(f"Variable: {value.dtype} has no derivatives, only floating point has")
        if value.requires_grad:
            raise TypeError("Variable: torch's autograd follows this tensor; detach() it first")
        self.value = value
        self.shape = value.shape
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self._parents: tuple[tuple[Variable, VJP], ...] = ()
        self._age = next(_clock)

    def __repr__(self) -> str:
        return f"Variable({self.value})"

    def __bool__(self) -> bool:
        raise TypeError("a Variable cannot decide: decisions have no derivative; ask its .value")

    def backward(self, gradient: Tensor | None = None) -> None:
        r"""Add :math:`\partial L / \partial x` to ``x.grad`` for every x that L was computed from.

        L is this variable, or where it is no scalar, its projection on ``gradient``.

        Raises:
            ValueError: L is a constant, or is no scalar and has no ``gradient`` of its shape.
        """
        if not self.requires_grad:
            raise ValueError("backward: this was computed from constants alone")
        if gradient is None and self.value.numel() == 1:
            gradient = torch.ones_like(self.value)
        if gradient is None or gradient.shape != self.shape:
            given = None if gradient is None else tuple(gradient.shape)
            raise ValueError(f"backward: gradient {given} for an output {tuple(self.shape)}")
        arrived = {self: gradient}
        # Youngest first: when a variable's turn comes, its gradient is complete.
        for variable in sorted(_ancestors(self), key=lambda v: v._age, reverse=True):
            g = arrived.pop(variable)
            if not variable._parents:
                variable.grad = g.clone() if variable.grad is None else variable.grad + g
            for parent, vjp in variable._parents:
                back = _unbroadcast(vjp(g), parent.shape)
                arrived[parent] = arrived[parent] + back if parent in arrived else back

    # Each operation: its value, then its inputs, each with its vector–Jacobian product.

    def __add__(self, other: Operand) -> Variable:
        a, b = self, self._operand(other)
        return _result(a.value + b.value, (a, lambda g: g), (b, lambda g: g))

    def __mul__(self, other: Operand) -> Variable:
        a, b = self, self._operand(other)
        return _result(a.value * b.value, (a, lambda g: g * b.value), (b, lambda g: g * a.value))

    def __truediv__(self, other: Operand) -> Variable:
        a, b = self, self._operand(other)
        y = a.value / b.value
        return _result(y, (a, lambda g: g / b.value), (b, lambda g: -g * y / b.value))

    def __matmul__(self, other: Operand) -> Variable:
        """Product of matrices (*, N, K) and (*, K, M) → (*, N, M); leading dimensions broadcast."""
        a, b = self, self._operand(other)
        if min(a.value.ndim, b.value.ndim) < 2:
            raise ValueError(f"@: {tuple(a.shape)} and {tuple(b.shape)} must both be matrices")
        y = a.value @ b.value
        return _result(y, (a, lambda g: g @ b.value.mT), (b, lambda g: a.value.mT @ g))

    def __pow__(self, exponent: float) -> Variable:
        if not isinstance(exponent, int | float):
            raise TypeError(f"**: the exponent must be a number, got a {type(exponent).__name__}")
        slope = exponent * self.value ** (exponent - 1) if exponent else 0.0
        return _result(self.value**exponent, (self, lambda g: g * slope))

    def __neg__(self) -> Variable:
        return self * -1

    def __sub__(self, other: Operand) -> Variable:
        return self + self._operand(other) * -1

    def __rsub__(self, other: Operand) -> Variable:
        return self * -1 + other

    def __rtruediv__(self, other: Operand) -> Variable:
        return self._operand(other) / self

    def __rmatmul__(self, other: Tensor) -> Variable:
        return self._operand(other) @ self

    __radd__, __rmul__ = __add__, __mul__

    def exp(self) -> Variable:
        y = self.value.exp()
        return _result(y, (self, lambda g: g * y))

    def log(self) -> Variable:
        return _result(self.value.log(), (self, lambda g: g / self.value))

    def tanh(self) -> Variable:
        y = self.value.tanh()
        return _result(y, (self, lambda g: g * (1 - y**2)))

    def relu(self) -> Variable:
        """max(0, x), with slope 0 at 0."""
        y = self.value.clamp(min=0)
        return _result(y, (self, lambda g: g.masked_fill(self.value <= 0, 0)))

    def sum(self, dim: Dims = None, keepdim: bool = False) -> Variable:
        y, kept = self.value.sum(dim, keepdim), self.value.sum(dim, True).shape
        return _result(y, (self, lambda g: g.reshape(kept).expand(self.shape)))

    def mean(self, dim: Dims = None, keepdim: bool = False) -> Variable:
        total = self.sum(dim, keepdim)
        return total * (total.shape.numel() / self.shape.numel())

    def amax(self, dim: Dims = (), keepdim: bool = False) -> Variable:
        """Largest element; where several are, each gets an equal share of the gradient."""
        y, kept = self.value.amax(dim, keepdim), self.value.amax(dim, True)
        shares = (self.value == kept).to(y)
        shares = shares / shares.sum(dim or None, True)
        return _result(y, (self, lambda g: g.reshape(kept.shape) * shares))

    def reshape(self, *shape: int) -> Variable:
        return _result(self.value.reshape(*shape), (self, lambda g: g.reshape(self.shape)))

    def transpose(self, *dims: int) -> Variable:
        return _result(self.value.transpose(*dims), (self, lambda g: g.transpose(*dims)))

    def __getitem__(self, index: object) -> Variable:
        def back(g: Tensor) -> Tensor:
            # Where each element came from; one that was picked twice gets both gradients.
            zeros = g.new_zeros(self.value.numel())
            places = torch.arange(len(zeros), device=g.device).reshape(self.shape)[index]
            return zeros.index_add(0, places.flatten(), g.flatten()).reshape(self.shape)

        return _result(self.value[index], (self, back))

    def _operand(self, other: Operand) -> Variable:
        """The other side of an operation; a number takes this side's dtype and device."""
        other = self.value.new_tensor(other) if isinstance(other, int | float) else other
        other = Variable(other, requires_grad=False) if isinstance(other, Tensor) else other
        if not isinstance(other, Variable):
            raise TypeError(f"a Variable cannot be combined with a {type(other).__name__}")
        if other.value.dtype != self.value.dtype:
            raise TypeError(f"both sides need one dtype: {self.value.dtype}, {other.value.dtype}")
        return other


Operand = Variable | Tensor | float
Dims = int | tuple[int, ...] | None


def _result(value: Tensor, *inputs: tuple[Variable, VJP]) -> Variable:
    parents = tuple((x, vjp) for x, vjp in inputs if x.requires_grad)
    result = Variable(value, requires_grad=bool(parents))
    result._parents = parents
    return result


def _unbroadcast(gradient: Tensor, shape: torch.Size) -> Tensor:
    """Sum over the copies that broadcasting made of a tensor of this shape."""
    padded = (1,) * (gradient.ndim - len(shape)) + shape  # as broadcasting sees it
    copied = [d for d, n in enumerate(padded) if n != gradient.shape[d]]
    return (gradient.sum(copied, keepdim=True) if copied else gradient).reshape(shape)


def _ancestors(variable: Variable) -> set[Variable]:
    """All variables that this one was computed from, itself among them."""
    found, todo = set(), [variable]
    while todo:
        if (v := todo.pop()) not in found:
            found.add(v)
            todo += [parent for parent, _ in v._parents]
    return found
