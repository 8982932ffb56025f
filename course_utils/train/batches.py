"""What a model is trained on: tensors, or anything that gives batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor, nn

# Tensors with equally many rows, or batches of them such as a DataLoader gives. The last tensor
# is the target, the model is called with the others.
Data = tuple[Tensor, ...] | Iterable[Sequence[Tensor]]


class TensorBatches:
    """Tensors cut into batches: a DataLoader that does not go through them row by row.

    Raises:
        ValueError: the tensors differ in their number of rows, or have none.
    """

    def __init__(
        self,
        tensors: Sequence[Tensor],
        batch_size: int,
        *,
        shuffle: bool,
        generator: torch.Generator | None,
    ) -> None:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tensors)
        if len({len(tensor) for tensor in tensors}) > 1:
            raise ValueError(f"the tensors differ in their number of rows: {shapes}")
        if len(tensors[0]) == 0:
            raise ValueError(f"the tensors have no rows: {shapes}")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.tensors, self.batch_size = tensors, batch_size
        self.shuffle, self.generator = shuffle, generator

    def __len__(self) -> int:
        return math.ceil(len(self.tensors[0]) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        if not self.shuffle:
            yield from zip(*(tensor.split(self.batch_size) for tensor in self.tensors), strict=True)
            return
        where = "cpu" if self.generator is None else self.generator.device
        order = torch.randperm(len(self.tensors[0]), generator=self.generator, device=where)
        for rows in order.split(self.batch_size):
            yield tuple(tensor[rows.to(tensor.device)] for tensor in self.tensors)


def batches(
    data: Data,
    batch_size: int,
    *,
    shuffle: bool = False,
    generator: torch.Generator | None = None,
) -> Iterable[Sequence[Tensor]]:
    """Tensors become batches; what gives batches already stays as it is."""
    if isinstance(data, tuple | list) and data and all(isinstance(item, Tensor) for item in data):
        return TensorBatches(data, batch_size, shuffle=shuffle, generator=generator)
    return data


def random_generators(data: Data, generator: torch.Generator | None) -> list[torch.Generator]:
    """The generators, besides the global ones, that decide the order of the data."""
    sampler = getattr(data, "sampler", None)
    found = (generator, getattr(data, "generator", None), getattr(sampler, "generator", None))
    return [each for each in found if each is not None]


def device_of(model: nn.Module) -> torch.device:
    """Where batches have to go."""
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
