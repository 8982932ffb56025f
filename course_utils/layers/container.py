"""Layers made of layers."""

from __future__ import annotations

from torch import Tensor

from course_utils.layers.base import Layer


class Sequential(Layer):
    r"""The composition :math:`f^{(L)} \circ \dots \circ f^{(1)}`: backward is its reversal.

    Raises:
        TypeError: an argument is not a `Layer`.
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        for position, layer in enumerate(layers):
            _check_layer(self, f"argument {position}", layer)
        self.layers = layers

    def children(self) -> dict[str, Layer]:
        return {str(position): layer for position, layer in enumerate(self.layers)}

    def __getitem__(self, position: int) -> Layer:
        return self.layers[position]

    def __len__(self) -> int:
        return len(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy: Tensor) -> Tensor:
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy


class Residual(Layer):
    r"""A layer and a way around it: :math:`y = s(x) + f(x)`, with s the identity by default.

    The gradient takes both ways and adds up: :math:`\partial L/\partial x = \partial L/\partial y
    + (\partial f/\partial x)^\top \partial L/\partial y` where s is the identity. However small
    the second term becomes, the first arrives undiminished.

    Shapes: x (*) → y, the shape of f(x) and s(x). Source: He et al. 2016.

    Args:
        layer: the residual function f.
        shortcut: the layer s, where f changes the shape; a 1 × 1 convolution in ResNets.

    Raises:
        TypeError: an argument is not a `Layer`.
        ValueError: the two ways end in different shapes (adding would broadcast silently).
    """

    def __init__(self, layer: Layer, shortcut: Layer | None = None) -> None:
        super().__init__()
        _check_layer(self, "layer", layer)
        if shortcut is not None:
            _check_layer(self, "shortcut", shortcut)
        self.layer, self.shortcut = layer, shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer.forward(x)
        around = x if self.shortcut is None else self.shortcut.forward(x)
        if y.shape != around.shape:
            raise ValueError(
                f"Residual: the layer gives {tuple(y.shape)}, the way around it "
                f"{tuple(around.shape)}"
            )
        return y + around

    def backward(self, dy: Tensor) -> Tensor:
        around = dy if self.shortcut is None else self.shortcut.backward(dy)
        return self.layer.backward(dy) + around


def _check_layer(container: Layer, name: str, layer: object) -> None:
    if not isinstance(layer, Layer):
        kind = type(container).__name__
        raise TypeError(f"{kind}: {name} is a {type(layer).__name__}, not a Layer")
