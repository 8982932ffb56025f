"""Plain values: all that passes between a test and a student's code."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from torch import Tensor

Number: TypeAlias = int | float
Plain: TypeAlias = (
    "bool | int | float | str | Tensor | list[Plain] | tuple[Plain, ...] | dict[str, Plain] | None"
)


def copy(value: Any) -> Plain:
    """A deep copy of a plain value; its tensors are detached from any autograd graph.

    Raises:
        TypeError: there is something else in it. Only exact types are plain: a subclass may answer
            ``==`` or ``isinstance`` as it pleases.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) is Tensor:
        if value.layout is not torch.strided or value.is_meta or value.is_quantized:
            raise TypeError("there is a tensor in it that is not dense")
        # Tensor's own methods, whatever attributes were hung on this one.
        return Tensor.clone(Tensor.detach(value))
    if type(value) in (list, tuple):
        return type(value)([copy(item) for item in value])
    if type(value) is dict:
        if not all(type(key) in (str, int) for key in value):
            raise TypeError("there is a dictionary in it whose keys are not strings or integers")
        return {key: copy(item) for key, item in value.items()}
    kind = type(value)
    name = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    raise TypeError(f"there is a value of type {name} in it")


def describe(value: Plain) -> str:
    """A plain value in a few words: tensors by type and shape, the rest by what it prints."""
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        if value.dim() == 0:
            return f"a {dtype} tensor with the one value {value.item():.6g}"
        return f"a {dtype} tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        kind = type(value).__name__
        if not value:
            return f"an empty {kind}"
        return f"a {kind} of {len(value)} ({'; '.join(describe(item) for item in value)})"
    if isinstance(value, dict):
        return f"a dictionary with the keys {list(value)}"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
