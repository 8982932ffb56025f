"""What `layers.py` beside this folder measures: a file for each group of layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from course_utils.layers.base import Layer

TEACHING, REALISTIC = "teaching", "realistic"


@dataclass(frozen=True)
class Case:
    """A layer and its torch twin, at one size.

    Attributes:
        name: the layer and the options that matter: ``Conv2d 3×3 stride 2``.
        size: ``TEACHING``, what a chapter's cell or a task of an assignment does, or
            ``REALISTIC``, a layer of a published network.
        ours: makes the reference layer.
        theirs: makes its twin: a module, or a function that does the same with torch's operations.
        inputs: makes the positional inputs, float32 on the CPU; nested tuples are allowed.
        options: keyword arguments of both.
        compiled: measure it under torch.compile, too. Not where a loop over time is unrolled.
    """

    name: str
    size: str
    ours: Callable[[], Layer]
    theirs: Callable[[], torch.nn.Module | Callable[..., Any]]
    inputs: Callable[[], tuple]
    options: dict[str, Any] = field(default_factory=dict)
    compiled: bool = True


def randn(*shapes: tuple[int, ...]) -> Callable[[], tuple]:
    """Inputs of normal numbers, one tensor for each shape."""

    def inputs() -> tuple:
        generator = torch.Generator().manual_seed(0)
        return tuple(torch.randn(*shape, generator=generator) for shape in shapes)

    return inputs
