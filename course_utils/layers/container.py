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
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"Sequential: argument {position} is a {type(layer).__name__}, not a Layer"
                )
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
