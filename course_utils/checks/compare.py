"""Comparing plain values, and saying what is wrong in the terms of the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from course_utils.checks.failure import CheckFailed
from course_utils.checks.plain import Number, Plain, describe


def unpack(value: Plain, names: str, *, what: str) -> tuple[Plain, ...]:
    """Take apart what a function returned: ``dx, dW = unpack(result, "dx, dW", what="backward")``.

    Raises:
        CheckFailed: `value` is not a tuple or list of as many values as there are names.
    """
    __tracebackhide__ = True
    count = len(names.split(","))
    if not isinstance(value, tuple | list) or len(value) != count:
        forgotten = " Did you forget `return`?" if value is None else ""
        raise CheckFailed(
            f"{what} must return {count} values, {names}. It returned {describe(value)}.{forgotten}"
        )
    return tuple(value)


def close(
    actual: Plain,
    expected: Tensor | Number | Sequence[Tensor | Number],
    *,
    what: str,
    rtol: float = 1e-4,
    atol: float = 1e-5,
    hints: Mapping[str, Tensor | Number] | None = None,
) -> None:
    r"""Check that :math:`|\text{actual} - \text{expected}| \le \text{atol} + \text{rtol}\,
    |\text{expected}|` everywhere, and say what is wrong where it is not.

    The shape must be the expected one. A floating-point result may have another precision
    (float64 for float32 is right); whole numbers where fractions are expected are not.

    Args:
        actual: a tensor, a number, or a sequence of them, from `call`.
        expected: the right value or sequence of values.
        what: the value's name, with which the message begins.
        rtol: the relative tolerance; the default suits float32.
        atol: the absolute tolerance; the default suits values around 1.
        hints: what well-known mistakes give: explanation → wrong value. Where `actual` is that
            value, the explanation is part of the message.

    Raises:
        CheckFailed: the values differ.

    Example:
        ``close(torch.ones(2, 3), torch.ones(3, 2), what="dW")`` raises ``CheckFailed`` with
        ``dW: expected shape (3, 2), got (2, 3): did you transpose?``
    """
    __tracebackhide__ = True
    if isinstance(expected, tuple | list):
        names = [f"value {i + 1}" for i in range(len(expected))]
        parts = unpack(actual, ", ".join(names), what=what)
        for part, right, name in zip(parts, expected, names, strict=True):
            close(part, right, what=f"{what}, {name}", rtol=rtol, atol=atol, hints=hints)
        return
    right = torch.as_tensor(expected).detach().cpu()
    if problem := _wrong_kind(actual, right):
        raise CheckFailed(f"{what}: {problem}")
    got = torch.as_tensor(actual).detach().cpu()
    if got.shape != right.shape:
        problem = _wrong_shape(got, right)
    elif not _all_close(got, right, rtol, atol):
        problem = _wrong_values(got.double(), right.double(), rtol, atol)
    else:
        return
    for hint, wrong in (hints or {}).items():
        mistake = torch.as_tensor(wrong).detach().cpu()
        if got.shape == mistake.shape and _all_close(got, mistake, rtol, atol):
            problem += f"\n    Hint: {hint}"
    raise CheckFailed(f"{what}: {problem}")


def equal(actual: Plain, expected: Plain, *, what: str) -> None:
    """Check that whole numbers, strings, booleans, or tensors or lists of them are as expected.

    A tensor with no dimensions counts as its number, a tuple as a list.

    Raises:
        CheckFailed: they differ.
    """
    __tracebackhide__ = True
    actual, expected = (_as_list(value) for value in (actual, expected))
    if isinstance(expected, list) and isinstance(actual, list) and len(actual) == len(expected):
        for i, (part, right) in enumerate(zip(actual, expected, strict=True)):
            equal(part, right, what=f"{what}[{i}]")
    elif type(actual) is not type(expected) or actual != expected:
        raise CheckFailed(f"{what}: expected {describe(expected)}, got {describe(actual)}.")


def _as_list(value: Plain) -> Plain:
    if isinstance(value, Tensor):
        return value.tolist()  # a number where there are no dimensions
    return list(value) if isinstance(value, tuple) else value


def _all_close(a: Tensor, b: Tensor, rtol: float, atol: float) -> bool:
    return torch.allclose(a.double(), b.double(), rtol, atol, equal_nan=True)


def _wrong_kind(actual: Plain, right: Tensor) -> str | None:
    """Why `actual` is not a tensor or number of the kind of `right`; None if it is."""
    if actual is None:
        return f"expected {describe(right)}, got None: did you forget `return`?"
    if isinstance(actual, bool) or not isinstance(actual, Tensor | int | float):
        return f"expected {describe(right)}, got {describe(actual)}."
    if isinstance(actual, Tensor) and actual.is_floating_point() != right.is_floating_point():
        return f"expected the type {right.dtype}, got {actual.dtype}."
    return None


def _wrong_shape(got: Tensor, right: Tensor) -> str:
    shape, expected = tuple(got.shape), tuple(right.shape)
    text = f"expected shape {expected}, got {shape}"
    if len(shape) >= 2 and shape == expected[::-1]:
        return f"{text}: did you transpose?"
    if shape[1:] == expected and shape != expected:
        return f"{text}: did you forget to sum or average over the first dimension?"
    if shape == expected[1:]:
        return f"{text}: did you sum or average over the first dimension?"
    return f"{text}."


def _wrong_values(got: Tensor, right: Tensor, rtol: float, atol: float) -> str:
    """Both are float64 and of one shape."""
    strange = ~got.isfinite() & right.isfinite()
    if strange.any():
        at = _first(strange)
        place = f" at {list(at)}" if at else ""
        return (
            f"{_how_many(strange)} NaN or infinite (the first: {got[at].item()}{place}). "
            "That comes of exp of a large number, log of 0, 0/0 or ∞ − ∞."
        )
    off = ~torch.isclose(got, right, rtol, atol, equal_nan=True)
    difference = torch.where(off, (got - right).abs(), 0.0)
    at = _first(difference == difference.max())
    values = f"expected {right[at].item():.6g}, got {got[at].item():.6g}"
    if got.numel() == 1:
        text = f"{values}."
    else:
        text = (
            f"{_how_many(off)} wrong. The largest difference is {difference.max():.3g}, "
            f"at {list(at)}: {values}."
        )
    if got.dim() == 2 and got.shape == got.T.shape and _all_close(got.T, right, rtol, atol):
        return f"{text}\n    Your values are right but transposed."
    ratio = _explain_ratio(got, right, rtol, atol)
    return f"{text}\n    {ratio}" if ratio else text


def _explain_ratio(got: Tensor, right: Tensor, rtol: float, atol: float) -> str | None:
    """What it means that got = c · right everywhere with one factor c, if it does."""
    norm = (right * right).sum()
    if norm == 0 or not right.isfinite().all():
        return None
    factor = ((got * right).sum() / norm).item()  # least squares
    if factor == 0 or not torch.allclose(got, factor * right, rtol, atol * abs(factor)):
        return None
    sign = " and have the wrong sign" if factor < 0 else ""
    size = max(abs(factor), 1 / abs(factor))
    if abs(size - 1) < 1e-3:
        return "Your values have the wrong sign." if sign else None
    whole = abs(size - round(size)) < 1e-3 * size
    if got.numel() == 1 and not whole:
        return None  # any two numbers have a ratio
    word = "large" if abs(factor) > 1 else "small"
    question = " Mean or sum?" if whole else ""
    return f"Your values are {size:.4g} times too {word}{sign}.{question}"


def _first(mask: Tensor) -> tuple[int, ...]:
    return tuple(mask.nonzero()[0].tolist())


def _how_many(mask: Tensor) -> str:
    if mask.dim() == 0:
        return "the value is"
    count = int(mask.sum())
    return f"{count} of {mask.numel()} values {'is' if count == 1 else 'are'}"
