"""Comparing a reference layer with its torch.nn twin, and with finite differences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_utils.layers.base import Layer
from course_utils.layers.module import flatten, is_floating, nest

# On a GPU, torch's float32 convolutions and recurrences round to ten bits unless told otherwise.
torch.backends.cudnn.allow_tf32 = False

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
DTYPES = [torch.float32, torch.float64]

# Relative to the largest element compared: sums of thousands of terms in another order.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-5, torch.bfloat16: 4e-2}

# What the summary at the end of a test run tells: cases by layer, largest error by dtype.
CASES: Counter[str] = Counter()
LARGEST: dict[str, tuple[float, str]] = {}


def randn(*shape: int, seed: int = 0, dtype=torch.float64, device="cpu") -> Tensor:
    """Normal numbers that are the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(device, dtype)


def compare(
    ours: Layer,
    theirs: torch.nn.Module | Callable[..., Any],
    *inputs: Any,
    tolerance: float | None = None,
    **options: Any,
) -> Any:
    """Check everything that a layer promises against its twin, on one input.

    Values; gradients of every floating-point input and every parameter, for random gradients of
    all outputs; buffers afterwards; that no tensor was changed in place; that the state goes both
    ways. ``theirs`` may be a plain function where torch has no module.

    Args:
        ours: takes over the state of ``theirs`` first.
        inputs: tensors, or tuples of them; of the dtype and on the device of both layers.
        tolerance: relative to the largest element; by dtype if not given.
        options: handed on to both, as constants.

    Returns:
        The outputs of ``ours``.
    """
    module = isinstance(theirs, torch.nn.Module)
    if module:
        state = theirs.state_dict()
        assert list(ours.state_dict()) == list(state)
        ours.load_state_dict(state)
        theirs.zero_grad()
        theirs.load_state_dict(ours.state_dict())
    watched = [t for t in (*flatten(inputs), *ours.state_dict().values()) if isinstance(t, Tensor)]
    before = [t.clone() for t in watched]

    given = nest(inputs, iter([_leaf(t) for t in flatten(inputs)]))
    expected = flatten(theirs(*given, **options))
    result = ours(*inputs, **options)
    kind = type(ours).__name__
    assert len(flatten(result)) == len(expected)
    douts = []
    for seed, (y, wanted) in enumerate(zip(flatten(result), expected, strict=True)):
        if wanted is None:
            assert y is None
        else:
            close(y, wanted.detach(), f"{kind}: output {seed}", tolerance)
        floating = wanted is not None and wanted.requires_grad
        douts.append(
            randn(*wanted.shape, seed=seed + 1, dtype=wanted.dtype, device=wanted.device)
            if floating
            else None
        )

    torch.autograd.backward(
        [y for y, dy in zip(expected, douts, strict=True) if dy is not None],
        [dy for dy in douts if dy is not None],
    )
    dy = nest(result, iter(douts))
    dx = flatten(ours.backward(*(dy if isinstance(dy, tuple) else (dy,))))
    leaves = [leaf for leaf in flatten(given) if is_floating(leaf)]
    for position, leaf in enumerate(leaves):
        wanted = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        close(dx[position], wanted, f"{kind}: gradient of input {position}", tolerance)

    if module:
        wanted = {name: p.grad for name, p in theirs.named_parameters()}
        assert set(ours.grads) == set(wanted)
        assert {name for name, _ in ours.named_parameters()} == set(wanted)
        for name, gradient in wanted.items():
            gradient = torch.zeros_like(ours.grads[name]) if gradient is None else gradient
            close(ours.grads[name], gradient, f"{kind}: gradient of {name}", tolerance)
        for name, buffer in theirs.named_buffers():
            close(ours.state_dict()[name], buffer, f"{kind}: buffer {name}", tolerance)
    for now, then in zip(watched, before, strict=True):
        assert torch.equal(now, then) or now.isnan().any(), f"{kind} changed a tensor in place"
    CASES[kind] += 1
    return result


def close(actual: Tensor, expected: Tensor, what: str, tolerance: float | None = None) -> None:
    """Assert equal shapes and dtypes, and values equal to a fraction of the largest element."""
    assert actual.shape == expected.shape, f"{what}: {actual.shape} for {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype} for {expected.dtype}"
    if not expected.is_floating_point():
        assert torch.equal(actual, expected), what
        return
    finite = expected.isfinite()
    assert torch.equal(actual.isfinite(), finite), f"{what}: not finite in other places"
    assert torch.equal(actual[~finite].nan_to_num(7), expected[~finite].nan_to_num(7)), what
    if not finite.any():
        return
    scale = expected[finite].abs().max().clamp(min=1)
    error = ((actual[finite] - expected[finite]).abs().max() / scale).item()
    limit = TOLERANCE[expected.dtype] if tolerance is None else tolerance
    assert error <= limit, f"{what}: relative error {error:.2g}, at most {limit:.2g}"
    note(str(expected.dtype), error, what)


def note(dtype: str, error: float, what: str) -> None:
    """Keep the largest error of each dtype."""
    if error >= LARGEST.get(dtype, (-1.0, ""))[0]:
        LARGEST[dtype] = (error, what)


def finite_differences(
    layer: Layer, *inputs: Any, step: float = 1e-6, tolerance: float = 1e-7, **options: Any
) -> None:
    """Check every gradient of a float64 layer by central differences, element by element.

    The layer has to be smooth within ``step`` of the inputs and has to do the same in each call.
    """
    result = layer(*inputs, **options)
    weights = [
        randn(*y.shape, seed=seed + 1) if is_floating(y) else None
        for seed, y in enumerate(flatten(result))
    ]
    dy = nest(result, iter(weights))
    dx = flatten(layer.backward(*(dy if isinstance(dy, tuple) else (dy,))))
    grads = dict(layer.grads)

    def loss() -> Tensor:
        outputs = flatten(layer(*current, **options))
        return sum((w * y).sum() for w, y in zip(weights, outputs, strict=True) if w is not None)

    def numeric(tensor: Tensor, put: Callable[[Tensor], None]) -> Tensor:
        gradient = torch.zeros_like(tensor)
        for i in range(tensor.numel()):
            shift = torch.zeros_like(tensor)
            shift.view(-1)[i] = step
            put(tensor + shift)
            above = loss()
            put(tensor - shift)
            gradient.view(-1)[i] = (above - loss()) / (2 * step)
        put(tensor)
        return gradient

    leaves = flatten(inputs)
    current = inputs
    floating = [i for i, leaf in enumerate(leaves) if is_floating(leaf)]
    for position, i in enumerate(floating):

        def put(tensor: Tensor, i: int = i) -> None:
            nonlocal current
            current = nest(inputs, iter([*leaves[:i], tensor, *leaves[i + 1 :]]))

        what = f"{type(layer).__name__}: numeric gradient of input {position}"
        close_to_numeric(dx[position], numeric(leaves[i], put), what, tolerance)
    for name, parameter in list(layer.named_parameters()):
        wanted = numeric(parameter, lambda t, name=name: layer.assign(name, t))
        what = f"{type(layer).__name__}: numeric gradient of {name}"
        close_to_numeric(grads[name], wanted, what, tolerance)


def close_to_numeric(actual: Tensor, expected: Tensor, what: str, tolerance: float) -> None:
    """Like `close`, but kept out of the record: the error is that of the differences."""
    assert actual.shape == expected.shape, f"{what}: {actual.shape} for {expected.shape}"
    if expected.numel():
        scale = expected.abs().max().clamp(min=1)
        error = ((actual - expected).abs().max() / scale).item()
        assert error <= tolerance, f"{what}: relative error {error:.2g}, at most {tolerance:.2g}"


def _leaf(value: Any) -> Any:
    return value.clone().requires_grad_() if is_floating(value) else value
