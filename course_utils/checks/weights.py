"""Reading the weights that a student trained and handed in beside the notebook."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from course_utils.checks.failure import CheckFailed
from course_utils.checks.plain import copy, describe

LARGEST_FILE = 16 * 2**20


def load_weights(
    file: str, shapes: Mapping[str, tuple[int | str, ...]], *, limits: Mapping[str, int]
) -> dict[str, Tensor]:
    """Read a dictionary of tensors that ``torch.save`` wrote, and check it.

    It is read as data (``weights_only=True``): nothing in it is run.

    Args:
        file: its name in the notebook's folder.
        shapes: name → shape. A letter stands for a size that is free but the same everywhere:
            ``{"W1": ("H", 784), "b1": ("H",)}``.
        limits: the largest size that each letter may stand for.

    Returns:
        The tensors by name, float32, on the CPU.

    Raises:
        CheckFailed: the file is missing, too large or no such dictionary, or a tensor is missing,
            has another shape, is not of floating point, or holds NaN or an infinity.

    Example:
        ``load_weights("a1-weights.pt", {"W": ("H", 784)}, limits={"H": 512})["W"]``
    """
    __tracebackhide__ = True
    weights = _read(file)
    wanted = ", ".join(shapes)
    if type(weights) is not dict or set(weights) != set(shapes):
        raise CheckFailed(
            f"{file} must hold a dictionary with the keys {wanted}. It holds {_kind(weights)}."
        )
    sizes: dict[str, int] = {}
    checked = {}
    for name, shape in shapes.items():
        checked[name] = _check(weights[name], f"{name} in {file}", shape, sizes, limits)
    return checked


def _read(file: str) -> object:
    __tracebackhide__ = True
    path = Path(file)
    if not path.is_file():
        raise CheckFailed(
            f"There is no file {file} beside the notebook. Train, save the weights under this name "
            "and hand the file in with the notebook (`course pack` does)."
        )
    size = path.stat().st_size
    if size > LARGEST_FILE:
        raise CheckFailed(
            f"{file} has {size / 2**20:.0f} MiB; at most {LARGEST_FILE // 2**20} MiB are read. "
            "Save the parameters alone."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on odd files torch warns before it gives up
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a damaged or foreign file makes of the reader
        raise CheckFailed(
            f"{file} cannot be read as tensors ({type(error).__name__}). Write it with torch.save, "
            "from a dictionary of plain tensors and nothing else."
        ) from None


def _check(
    value: object,
    what: str,
    shape: tuple[int | str, ...],
    sizes: dict[str, int],
    limits: Mapping[str, int],
) -> Tensor:
    __tracebackhide__ = True
    if type(value) is torch.nn.Parameter:
        value = value.data
    try:
        value = copy(value) if _is_small(value) else None
    except TypeError:
        value = None
    if not isinstance(value, Tensor) or not value.is_floating_point():
        raise CheckFailed(f"{what} must be a plain tensor of floating-point numbers.")
    for size, letter in zip(value.shape, shape, strict=False):
        if isinstance(letter, str):
            sizes.setdefault(letter, size)
            if not 1 <= size <= limits[letter]:
                raise CheckFailed(f"{what}: {letter} is {size}; it must be 1 … {limits[letter]}.")
    expected = tuple(sizes.get(n, n) if isinstance(n, str) else n for n in shape)
    if tuple(value.shape) != expected:
        named = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
        raise CheckFailed(f"{what} must have the shape {named}, got {tuple(value.shape)}.")
    if not value.isfinite().all():
        count = int((~value.isfinite()).sum())
        raise CheckFailed(f"{what}: {count} of {value.numel()} values are NaN or infinite.")
    return value.float()


def _is_small(value: object) -> bool:
    """A stride of 0 makes a tensor of any size of one stored number."""
    return not isinstance(value, Tensor) or value.numel() * 2 <= LARGEST_FILE


def _kind(value: object) -> str:
    try:
        return describe(copy(value))
    except TypeError:
        return f"a {type(value).__name__}"
