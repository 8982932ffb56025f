"""Clipping gradients that exploded."""

from __future__ import annotations

import torch
from torch import Tensor

from course_utils.layers.base import Layer


def clip_grad_norm_(layer: Layer, max_norm: float, norm_type: float = 2.0) -> Tensor:
    r"""Shrink all gradients of a layer by one factor, so that their norm is at most ``max_norm``.

    The norm is taken over all parameters together, so the direction of the step stays what it was.
    Where it is smaller already, nothing changes. The layer gets new tensors in its ``grads``.

    Returns:
        The norm before.

    Source: Pascanu, Mikolov and Bengio 2013.
    """
    gradients = layer.grads
    if not gradients:
        return torch.tensor(0.0)
    norms = [torch.linalg.vector_norm(gradient, norm_type) for gradient in gradients.values()]
    total = torch.linalg.vector_norm(torch.stack(norms), norm_type)
    factor = (max_norm / (total + 1e-6)).clamp(max=1)
    for name, gradient in gradients.items():
        _put(layer, name, gradient * factor)
    return total


def clip_grad_value_(layer: Layer, clip_value: float) -> None:
    """Cut every single gradient to ± ``clip_value``; this can turn the step.

    The layer gets new tensors in its ``grads``.
    """
    for name, gradient in layer.grads.items():
        _put(layer, name, gradient.clamp(-clip_value, clip_value))


def _put(layer: Layer, name: str, gradient: Tensor) -> None:
    """Store a gradient in the layer that it belongs to, ``"child.name"`` in the child."""
    prefix, _, rest = name.partition(".")
    if rest:
        _put(layer.children()[prefix], rest, gradient)
    else:
        layer.grads[name] = gradient
