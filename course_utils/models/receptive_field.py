"""Which pixels can change a unit of a convolutional network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import nn

# Each output of these sees one position of the input.
POSITION_BY_POSITION = (
    nn.Identity,
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.BatchNorm2d,
    nn.LocalResponseNorm,
    nn.Dropout,
    nn.Dropout2d,
)


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of one layer see of the input, along either axis.

    Attributes:
        layer: the layer in words, ``"Conv2d 3×3"``.
        size: pixels that can change a unit.
        stride: pixels between the fields of two neighboring units (often called the jump).
        padding: pixels by which the first unit's field begins before the image.
    """

    layer: str
    size: int
    stride: int
    padding: int

    def interval(self, unit: int) -> tuple[int, int]:
        """First and last pixel that a unit sees; outside the image there is padding."""
        first = unit * self.stride - self.padding
        return first, first + self.size - 1


def receptive_field(model: nn.Module | Iterable[nn.Module]) -> list[ReceptiveField]:
    r"""Receptive fields after each convolution and pooling of a chain, in order.

    A layer of kernel k, dilation d, stride s and padding p turns size r, stride S and padding P
    of what lies below into

    .. math:: r + d(k - 1)\,S, \qquad s\,S, \qquad P + p\,S .

    Layers that work position by position (ReLU, normalization by channel, dropout) are passed
    over, ``nn.Sequential`` is looked into. The field is what *can* have an influence; most of
    the influence comes from its middle (Luo et al., NeurIPS 2016).

    Raises:
        TypeError: a module is no link of such a chain: a fully connected layer sees everything,
            a block with branches has several fields.
        ValueError: a kernel, stride, dilation or padding is not the same along both axes.

    Source: A. Araujo, W. Norris, J. Sim. Computing receptive fields of convolutional neural
    networks. Distill, 2019.

    Example:
        >>> three = [nn.Conv2d(1, 1, 3, dilation=d) for d in (1, 2, 4)]
        >>> [field.size for field in receptive_field(three)]
        [3, 7, 15]
    """
    fields: list[ReceptiveField] = []
    size, stride, padding = 1, 1, 0
    for layer in _chain([model] if isinstance(model, nn.Module) else model):
        k = _square(layer, "kernel_size")
        d = _square(layer, "dilation") if hasattr(layer, "dilation") else 1
        size += d * (k - 1) * stride
        padding += _first_padding(layer, k, d) * stride
        stride *= _square(layer, "stride")
        fields.append(ReceptiveField(f"{type(layer).__name__} {k}×{k}", size, stride, padding))
    return fields


def _chain(modules: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """The convolutions and poolings, in order."""
    for module in modules:
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            yield module
        elif isinstance(module, nn.Sequential):
            yield from _chain(module)
        elif not isinstance(module, POSITION_BY_POSITION):
            raise TypeError(
                f"receptive_field: {type(module).__name__} is no link of a chain of Conv2d, "
                "MaxPool2d and AvgPool2d; give it the part of the model that is one "
                "(AlexNet().features)"
            )


def _square(layer: nn.Module, name: str) -> int:
    value = getattr(layer, name)
    if isinstance(value, int):
        return value
    if len(set(value)) != 1:
        raise ValueError(
            f"receptive_field: {type(layer).__name__} has {name}={tuple(value)}; only one number "
            "for both axes is handled"
        )
    return value[0]


def _first_padding(layer: nn.Module, k: int, d: int) -> int:
    if layer.padding == "valid":
        return 0
    if layer.padding == "same":
        return d * (k - 1) // 2  # torch puts the odd pixel at the end
    return _square(layer, "padding")
