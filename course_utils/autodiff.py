r"""Reverse-mode automatic differentiation of tensor programs, small enough to read.

A `Variable` holds a tensor and remembers how it was computed: from which other variables, and for
each of them the vector–Jacobian product :math:`\mathbf g \mapsto \mathbf g^\top \partial y /
\partial x` that carries a gradient one step back. `Variable.backward` starts with a 1 at the
output and walks that record from its end to its beginning.

The values are torch tensors (on any device, of any floating-point dtype), but torch's own autograd
takes no part. Names and rules are torch's, broadcasting included.
Source: Griewank and Walther 2008, chapter 3.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import torch
from torch import Tensor

# The vector–Jacobian product of one operation for one of its inputs.
VJP = Callable[[Tensor], Tensor]

_clock = count()  # a variable is always younger than the variables that it was computed from


class Variable:
    """A tensor that remembers where it came from.

    Attributes:
        value: a floating-point tensor of any shape (*), or a number, which becomes a float64
            tensor. It is kept, not copied.
        requires_grad: whether a gradient shall arrive here. Tensors and numbers that meet a
            variable in an operation are constants: they get none.
        grad: the gradient, (*) as well; ``None`` before the first `backward`, and always for the
            result of an operation. Calls of `backward` add up, as in torch.

    Raises:
        TypeError: the tensor's numbers are not floating-point ones, or torch's autograd follows it.

    Example:
        >>> x = Variable(torch.tensor([1.0, 2.0, 3.0]))
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4., 6.])
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
            ValueError: L was computed from constants alone, or it is no scalar and there is no
                ``gradient``, or their shapes differ.
        """
        if not self.requires_grad:
            raise ValueError("backward: this was computed from constants alone")
        if gradient is None and self.value.numel() == 1:
            gradient = torch.ones_like(self.value)
        if gradient is None or gradient.shape != self.shape:
            given = "no gradient" if gradient is None else f"a gradient {tuple(gradient.shape)}"
            raise ValueError(f"backward: {given} for an output {tuple(self.shape)}")
        arrived = {self: gradient}
        # Youngest first: when a variable's turn comes, all that used it have had theirs, so its
        # gradient is complete.
        for variable in sorted(_ancestors(self), key=lambda v: v._age, reverse=True):
            g = arrived.pop(variable)
            if not variable._parents:
                variable.grad = g if variable.grad is None else variable.grad + g
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
        return self + -self._operand(other)

    def __rsub__(self, other: Operand) -> Variable:
        return -self + other

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
        return total * (total.value.numel() / self.value.numel())

    def amax(self, dim: Dims = (), keepdim: bool = False) -> Variable:
        """Largest element; where several are, each gets an equal share of the gradient."""
        y, kept = self.value.amax(dim, keepdim), self.value.amax(dim, True)
        shares = (self.value == kept).to(y)
        shares = shares / shares.sum(dim or None, True)
        return _result(y, (self, lambda g: g.reshape(kept.shape) * shares))

    def reshape(self, *shape: int) -> Variable:
        return _result(self.value.reshape(*shape), (self, lambda g: g.reshape(self.shape)))

    def transpose(self, dim0: int, dim1: int) -> Variable:
        y = self.value.transpose(dim0, dim1)
        return _result(y, (self, lambda g: g.transpose(dim0, dim1)))

    def __getitem__(self, index: object) -> Variable:
        def back(g: Tensor) -> Tensor:
            # Where each element came from; one that was picked twice gets both gradients.
            places = torch.arange(self.value.numel(), device=g.device).reshape(self.shape)[index]
            zeros = g.new_zeros(self.value.numel())
            return zeros.index_add(0, places.flatten(), g.flatten()).reshape(self.shape)

        return _result(self.value[index], (self, back))

    def _operand(self, other: Operand) -> Variable:
        """The other side of an operation; a number takes this side's dtype and device."""
        if isinstance(other, int | float):
            other = self.value.new_tensor(other)
        if isinstance(other, Tensor):
            other = Variable(other, requires_grad=False)
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
    new = gradient.ndim - len(shape)  # dimensions that the tensor did not have
    stretched = [new + d for d, n in enumerate(shape) if n == 1 and gradient.shape[new + d] != 1]
    copies = [*range(new), *stretched]
    return gradient.sum(copies, keepdim=True).reshape(shape) if copies else gradient


def _ancestors(variable: Variable) -> set[Variable]:
    """All variables that this one was computed from, itself among them."""
    found, todo = {variable}, [variable]
    while todo:
        new = {parent for parent, _ in todo.pop()._parents} - found
        found |= new
        todo += new
    return found
