"""``claim``: a statement of the text, checked where the text makes it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from IPython.display import display
from torch import Tensor

# Where a notebook's output keeps the record of a claim: output["metadata"][RECORD].
RECORD = "course_claim"


class ClaimError(AssertionError):
    """A checkable statement of the text turned out false."""


@dataclass(frozen=True, repr=False)
class Claim:
    """A statement that held: its ledger id, its words, and the value measured ("" for a fact)."""

    id: str
    text: str
    value: str

    def __repr__(self) -> str:
        return f"✓ Checked ({self.id}): {self.text}{self.value and f': {self.value}'}"

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, str], dict[str, Any]]:
        name, text = escape(self.id), escape(self.text)
        value = self.value and f': <span class="claim-value">{escape(self.value)}</span>'
        data = {
            "text/plain": repr(self),
            "text/html": (
                f'<p class="claim" id="claim-{name}"><span aria-hidden="true">✓</span> '
                f"<strong>Checked:</strong> {text}{value} "
                f'<span class="claim-id">({name})</span></p>'
            ),
        }
        return data, {RECORD: {"id": self.id, "text": self.text, "value": self.value}}


def claim(
    id: str, text: str, actual: Any, expected: Any, *, rtol: float = 0, atol: float = 0
) -> None:
    """Check that ``actual`` is ``expected`` and show one ticked line with the measured value.

    Numbers and tensors agree where ``|actual − expected| ≤ atol + rtol · |expected|`` (tensors:
    of one shape, everywhere; tuples: of one length, in every place); all else where it is equal.

    Raises:
        ClaimError: they do not agree; the message has id, text and both values.

    Example:
        >>> claim("C078", "bytes of 524,288 numbers in float32", 524_288 * 4, 2**21)
        ✓ Checked (C078): bytes of 524,288 numbers in float32: 2,097,152
    """
    if not _agree(actual, expected, rtol, atol):
        tolerance = f" (rtol {rtol:g}, atol {atol:g})" if rtol or atol else ""
        raise ClaimError(
            f"{id}: {text}: measured {_words(actual)}, claimed {_words(expected)}{tolerance}"
        )
    display(Claim(id, text, _shown(actual, expected)))


def _agree(actual: Any, expected: Any, rtol: float, atol: float) -> bool:
    if isinstance(actual, Tensor) and isinstance(expected, Tensor):
        if actual.shape != expected.shape:
            return False
        a, b = actual.detach().double().cpu(), expected.detach().double().cpu()
        return torch.allclose(a, b, rtol=rtol, atol=atol)
    if isinstance(actual, tuple) and isinstance(expected, tuple):
        return len(actual) == len(expected) and all(
            _agree(a, b, rtol, atol) for a, b in zip(actual, expected, strict=True)
        )
    actual, expected = _plain(actual), _plain(expected)
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    if isinstance(actual, int | float) and isinstance(expected, int | float):
        if math.isinf(expected):
            return actual == expected
        return abs(actual - expected) <= atol + rtol * abs(expected)
    return type(actual) is type(expected) and bool(actual == expected)


def _plain(value: Any) -> Any:
    """A NumPy scalar or a tensor of no dimension as the Python number that it holds."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _shown(actual: Any, expected: Any) -> str:
    if isinstance(actual, Tensor) and actual.ndim:
        gap = (actual.detach().double().cpu() - expected.detach().double().cpu()).abs()
        largest = gap.max().item() if gap.numel() else 0.0
        return f"largest difference {largest:.0e}" if largest else "equal in every digit"
    return "" if actual is True else _words(actual)


def _words(value: Any) -> str:
    value = _plain(value)
    if isinstance(value, Tensor):
        return f"tensor of shape {tuple(value.shape)}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_words, value))})"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
