"""A reference layer as a torch.nn.Module, so that torch's optimizers can train it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from course_utils.layers.base import Layer


def as_module(layer: Layer) -> LayerModule:
    """Wrap a reference layer as a torch.nn.Module whose gradients are the layer's own.

    The module takes over copies of the layer's tensors as its parameters and buffers, under the
    names of ``layer.state_dict()``, and leaves the layer alone. Inputs and outputs may be nested in
    tuples; a tensor given by keyword is a constant. The module may be called several times before
    the way back. There are no second derivatives.

    Example:
        >>> module = as_module(Linear(4, 2))
        >>> module(torch.ones(3, 4)).sum().backward()
        >>> module.weight.grad.shape
        torch.Size([2, 4])
    """
    return LayerModule(layer)


class LayerModule(torch.nn.Module):
    """What `as_module` returns."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self._layer = layer
        learned = dict(layer.named_parameters())
        for name, tensor in layer.state_dict().items():
            owner, leaf = _owner(self, name)
            if name in learned:
                owner.register_parameter(leaf, torch.nn.Parameter(tensor.clone()))
            else:
                owner.register_buffer(leaf, tensor.clone())

    def forward(self, *inputs: Any, **options: Any) -> Any:
        # Each call has a layer of its own, because a layer remembers its last forward only. The
        # copy shares tensors, which nobody changes in place, and random generators: with a copy of
        # its generator, every call of a dropout layer would draw the same mask.
        shared = {id(value): value for value in _values(self._layer)}
        layer = copy.deepcopy(self._layer, shared).train(self.training)
        for name, buffer in self.named_buffers():
            layer.assign(name, buffer)
        parameters = dict(self.named_parameters())
        call = _Call(layer, list(parameters), inputs, options)
        outputs = _Function.apply(call, *flatten(inputs), *parameters.values())
        state = layer.state_dict()
        for name, _ in list(self.named_buffers()):
            owner, leaf = _owner(self, name)
            setattr(owner, leaf, state[name])
        return nest(call.outputs, iter(outputs))

    def extra_repr(self) -> str:
        return repr(self._layer)


class _Call:
    """One forward and backward of a layer, between autograd's flat tuples and nested ones."""

    def __init__(self, layer: Layer, names: list[str], inputs: tuple, options: dict) -> None:
        self.layer, self.names, self.inputs, self.options = layer, names, inputs, options

    def forward(self, *tensors: Any) -> tuple:
        leaves = iter(tensors)
        inputs = nest(self.inputs, leaves)
        for name, parameter in zip(self.names, leaves, strict=True):
            self.layer.assign(name, parameter)
        self.outputs = self.layer.forward(*inputs, **self.options)
        return tuple(flatten(self.outputs))

    def backward(self, *douts: Tensor | None) -> tuple:
        dy = nest(self.outputs, iter(douts))
        dx = self.layer.backward(*(dy if isinstance(dy, tuple) else (dy,)))
        # By position: one tensor may be given several times, as in self-attention.
        gradients = iter(dx if isinstance(dx, tuple) else (dx,))
        by_input = []
        for x in self.inputs:
            leaves = flatten(x)
            floating = any(map(is_floating, leaves))
            by_input += flatten(next(gradients)) if floating else [None] * len(leaves)
        return (*by_input, *(self.layer.grads[name] for name in self.names))


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Any) -> tuple:
        ctx.call = call
        return call.forward(*tensors)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *douts: Tensor | None) -> tuple:
        return (None, *ctx.call.backward(*douts))


def flatten(nested: Any) -> list:
    """The leaves of nested tuples, from left to right."""
    if isinstance(nested, tuple):
        return [leaf for part in nested for leaf in flatten(part)]
    return [nested]


def nest(template: Any, leaves: Iterator) -> Any:
    """Nested tuples like ``template`` with these leaves in place of its own."""
    if isinstance(template, tuple):
        return tuple(nest(part, leaves) for part in template)
    return next(leaves)


def _values(layer: Layer) -> Iterator[Tensor | torch.Generator]:
    """All tensors and generators that a layer and the layers in it hold as attributes."""
    for value in vars(layer).values():
        if isinstance(value, Tensor | torch.Generator):
            yield value
    for child in layer.children().values():
        yield from _values(child)


def is_floating(leaf: Any) -> bool:
    """Whether a leaf is a tensor that can have a gradient."""
    return isinstance(leaf, Tensor) and leaf.is_floating_point()


def _owner(module: torch.nn.Module, name: str) -> tuple[torch.nn.Module, str]:
    """The submodule ``a.b`` for ``a.b.weight``, made where there is none, and ``weight``."""
    *path, leaf = name.split(".")
    for part in path:
        if not hasattr(module, part):
            module.add_module(part, torch.nn.Module())
        module = getattr(module, part)
    return module, leaf
