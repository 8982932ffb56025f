"""What the loaders return: one small class for each kind of data."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor


class _Described:
    """The description, then every part with its size: a reader wants shapes, not four tensors."""

    def __repr__(self) -> str:
        parts = [(field.name, getattr(self, field.name)) for field in fields(self)]
        sizes = [f"{name} {_size(part)}" for name, part in parts if name != "description"]
        return f"{self.description}\n{', '.join(sizes)}"


def _size(part: object) -> str:
    if isinstance(part, Tensor):
        return str(tuple(part.shape))
    return "None" if part is None else f"{len(part):,}"


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(_Described):
    """Labeled images, split into a part to train on and a part to test on.

    Attributes:
        x_train: images, float32 in [0, 1]: (N, D) flat where the images are gray digits or clothes,
            else (N, C, H, W). Photographs of 100 pixels and more stay uint8 (a quarter of the
            memory): convert them batch by batch.
        y_train: labels (N,), int64.
        x_test: images of the same shape and type.
        y_test: labels (N',), int64.
        description: what the data is, where it comes from, and its license.
        classes: the name of each label; empty where the labels are the digits themselves.
    """

    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    description: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Text(_Described):
    """One long text.

    Attributes:
        text: the text.
        description: what the data is, where it comes from, and its license.
    """

    text: str
    description: str


@dataclass(frozen=True, eq=False, repr=False)
class Strings(_Described):
    """Many short strings (names, sentences), with labels or without.

    Attributes:
        strings: N strings.
        labels: (N,), int64, or None where there are none.
        description: what the data is, where it comes from, and its license.
        classes: the name of each label.
    """

    strings: list[str]
    labels: Tensor | None
    description: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Pairs(_Described):
    """Sentences and their translations.

    Attributes:
        source: N sentences.
        target: N sentences; ``target[i]`` translates ``source[i]``.
        description: what the data is, where it comes from, and its license.
    """

    source: list[str]
    target: list[str]
    description: str


@dataclass(frozen=True, eq=False, repr=False)
class Graph(_Described):
    """An undirected graph whose nodes are to be classified.

    Attributes:
        x: features of the nodes (N, D), float32.
        edge_index: the two ends of every edge (2, E), int64. Each edge is there in both directions;
            there are no loops and no edge twice.
        y: class of each node (N,), int64; -1 where it is not known.
        train_mask: (N,), bool: the nodes whose label may be used for training.
        val_mask: (N,), bool.
        test_mask: (N,), bool.
        description: what the data is, where it comes from, and its license.
        classes: the name of each class.
    """

    x: Tensor
    edge_index: Tensor
    y: Tensor
    train_mask: Tensor
    val_mask: Tensor
    test_mask: Tensor
    description: str
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class Weights(_Described):
    """Pretrained weights of an image classifier, and what its input and output mean.

    Attributes:
        state_dict: the parameters and buffers by name.
        mean: of the red, green and blue channel of images in [0, 1], to subtract (3,).
        std: to divide by after that (3,).
        description: what the data is, where it comes from, and its license.
        classes: the name of each output.
    """

    state_dict: dict[str, Tensor]
    mean: Tensor
    std: Tensor
    description: str
    classes: tuple[str, ...]

    def normalize(self, x: Tensor) -> Tensor:
        """Images in [0, 1] (*, 3, H, W) as the network was trained to see them."""
        if x.ndim < 3 or x.shape[-3] != 3 or not torch.is_floating_point(x):
            raise ValueError(
                f"normalize: expected float images (*, 3, H, W), got {x.dtype} {tuple(x.shape)}"
            )
        mean, std = self.mean.to(x), self.std.to(x)
        return (x - mean[:, None, None]) / std[:, None, None]
