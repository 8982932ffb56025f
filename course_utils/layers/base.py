"""The contract that every reference layer keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor


class Layer:
    r"""One module :math:`x^{(l)} = f(x^{(l-1)}, W)` of a network, with its own backward rule.

    ``forward(*inputs)`` computes the output and keeps what the way back needs.
    ``backward(*output_gradients)`` takes :math:`\partial L/\partial x^{(l)}`, stores
    :math:`\partial L/\partial W` in ``grads`` and returns :math:`\partial L/\partial x^{(l-1)}`:
    one tensor, or a tuple where there are several floating-point inputs, nested as the inputs are.
    Gradients of later outputs may be left out: they are zero. A tensor given by keyword, such as a
    mask, is a constant. ``backward`` belongs to the last ``forward`` and overwrites ``grads``;
    nothing accumulates.

    Names, arguments, shapes and defaults are those of the torch.nn class of the same name, so
    ``state_dict()`` goes both ways between the two. Inputs and parameters are never changed in
    place: an update puts a new tensor in the old one's place.

    A subclass names its tensors in ``parameter_names`` and ``buffer_names`` and keeps each as an
    attribute of that name; ``None`` (``bias=False``) means that there is none. Attributes that
    are layers themselves are found by `children`.
    """

    parameter_names: ClassVar[tuple[str, ...]] = ()
    buffer_names: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.training = True
        self._grads: dict[str, Tensor] = {}

    def forward(self, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, *output_gradients: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    @property
    def grads(self) -> dict[str, Tensor]:
        """Gradients of the parameters after ``backward``, keyed and shaped like ``state_dict()``.

        Writing ``self.grads["weight"]`` stores a gradient of this layer; reading brings in the
        children's under ``"child.name"``.
        """
        for prefix, child in self.children().items():
            for name, gradient in child.grads.items():
                self._grads[f"{prefix}.{name}"] = gradient
        return self._grads

    def children(self) -> dict[str, Layer]:
        """The layers that this layer is made of, by attribute name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Layer)}

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters, then buffers, then the children's as ``"child.name"``: torch's keys."""
        state = {
            name: getattr(self, name)
            for name in (*self.parameter_names, *self.buffer_names)
            if getattr(self, name) is not None
        }
        for prefix, child in self.children().items():
            state |= {f"{prefix}.{name}": tensor for name, tensor in child.state_dict().items()}
        return state

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """The tensors that are learned: ``state_dict()`` without its buffers."""
        for name in self.parameter_names:
            if getattr(self, name) is not None:
                yield name, getattr(self, name)
        for prefix, child in self.children().items():
            for name, tensor in child.named_parameters():
                yield f"{prefix}.{name}", tensor

    def assign(self, name: str, tensor: Tensor) -> None:
        """Put another tensor in the place of the one that ``state_dict()`` calls by this name."""
        prefix, _, rest = name.partition(".")
        if rest:
            self.children()[prefix].assign(rest, tensor)
        else:
            setattr(self, name, tensor)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over copies of all tensors of ``state``, in this layer's dtype and on its device.

        Raises:
            ValueError: a key is missing or unknown, or a shape differs. Nothing is changed then.
        """
        own = self.state_dict()
        missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
        if missing or unknown:
            raise ValueError(
                f"{type(self).__name__}: cannot load this state: missing {sorted(missing)}, "
                f"unknown {sorted(unknown)}"
            )
        for name, tensor in own.items():
            if tensor.shape != state[name].shape:
                raise ValueError(
                    f"{type(self).__name__}: {name} is {tuple(state[name].shape)} in the state to "
                    f"load, but {tuple(tensor.shape)} in this layer"
                )
        for name, tensor in own.items():
            self.assign(name, state[name].detach().to(tensor, copy=True))

    def to(self, target: torch.device | str | torch.dtype) -> Self:
        """Move all tensors to a device, or the floating-point ones to a dtype."""
        for name, tensor in self.state_dict().items():
            if not isinstance(target, torch.dtype) or tensor.is_floating_point():
                self.assign(name, tensor.to(target))
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training behavior, here and in all children."""
        self.training = mode
        for child in self.children().values():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Switch to inference behavior, here and in all children."""
        return self.train(False)

    def __getattr__(self, name: str) -> Any:
        # Reached only for what does not exist; in a layer that is nearly always this mistake.
        raise AttributeError(
            f"{type(self).__name__} has no {name!r}. If backward asked for it: forward stores "
            "what backward needs, so call forward first."
        )

    def __repr__(self) -> str:
        own = [
            f"{name} {tuple(getattr(self, name).shape)}"
            for name in (*self.parameter_names, *self.buffer_names)
            if getattr(self, name) is not None
        ]
        inner = [f"{name}: {child!r}" for name, child in self.children().items()]
        return f"{type(self).__name__}({', '.join(own + inner)})"


def check_input(layer: Layer, x: Tensor, parameter: Tensor | None = None) -> None:
    """Refuse numbers that are not floating-point, or not of the parameters' dtype and device."""
    kind = type(layer).__name__
    if not x.is_floating_point():
        raise TypeError(f"{kind}: input must hold floating-point numbers, got {x.dtype}")
    if parameter is None:
        return
    if x.dtype != parameter.dtype:
        raise TypeError(f"{kind}: input is {x.dtype}, the layer is {parameter.dtype}")
    if x.device != parameter.device:
        raise TypeError(f"{kind}: input is on {x.device}, the layer is on {parameter.device}")


def check_gradient(layer: Layer, dy: Tensor, output_shape: torch.Size) -> None:
    """Refuse a gradient that has not the shape of the output: it would broadcast silently."""
    if dy.shape != output_shape:
        raise ValueError(
            f"{type(layer).__name__}: the gradient of the output has shape {tuple(dy.shape)}, "
            f"the output had {tuple(output_shape)}"
        )


def only_default(layer: Layer, **options: tuple[Any, Any]) -> None:
    """Refuse an option that torch has and we leave out; each is ``name=(given, default)``."""
    kind = type(layer).__name__
    for name, (given, default) in options.items():
        if given is not default and given != default:
            raise NotImplementedError(
                f"{kind}: {name}={given!r} is left out here, only {name}={default!r} is there; "
                f"torch.nn.{kind} has it"
            )
