"""Noticing that a function computes with what it was asked to write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

COURSE = Path(__file__).parents[1]
TORCH = Path(torch.__file__).parent

# Whatever these parts of torch compute, they compute instead of the student.
REFUSED_PARTS = {"nn/modules/": "torch.nn", "optim/": "torch.optim", "autograd/": "autograd"}
GRAD_MODE = "autograd/grad_mode.py"  # torch.no_grad and its kin compute nothing


class NotByHand(Exception):  # noqa: N818 (what a student did, not an error of the course)
    """Something that the task forbids was called; the message names it."""


class _Watch(TorchFunctionMode):
    """Refuses torch functions by their name, and whatever autograd or a ready-made layer calls."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = frozenset(names)
        self.paused = False
        self.refused: str | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if not self.paused and (what := self._forbidden(func, args, kwargs)):
            # Kept as well as raised: the student's code may catch it.
            self.refused = what
            raise NotByHand(what)
        return func(*args, **kwargs)

    def _forbidden(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> str | None:
        name = getattr(func, "__name__", "").removeprefix("special_")
        if name in self.names:
            return name
        if name in ("backward", "grad") or kwargs.get("requires_grad"):
            return "autograd"
        # x.requires_grad_() and x.requires_grad = True; a False asks for nothing.
        if name == "requires_grad_" and args[1:] != (False,) and "requires_grad" not in kwargs:
            return "autograd"
        setter = name == "__set__" and getattr(func, "__self__", None) is Tensor.requires_grad
        return "autograd" if setter and args[-1] else _ready_made()


def _ready_made() -> str | None:
    """The part of torch or of the course on whose behalf a torch function was called, if any."""
    frame, found = sys._getframe(2), None
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(COURSE):
            inside = path.relative_to(COURSE)
            if inside.parts[0] == "checks":  # the watch itself, or the call that it watches
                frame = frame.f_back
                continue
            part = f"course_utils.{'.'.join(inside.with_suffix('').parts)}"
            # The outermost names what the student called; all layers are called through their base.
            if found is None or part != "course_utils.layers.base":
                found = part
            frame = frame.f_back
            continue
        if not path.is_relative_to(TORCH):
            return found
        inside = path.relative_to(TORCH).as_posix()
        for part, name in REFUSED_PARTS.items():
            if inside.startswith(part) and inside != GRAD_MODE:
                return found or name
        frame = frame.f_back
    return found


_names: tuple[str, ...] | None = None


@contextmanager
def by_hand(*names: str) -> Iterator[None]:
    """Within this context, `call` refuses work that a student's function has others do.

    Refused are the torch functions of these names, wherever they are called from
    (``"softmax"`` is ``torch.softmax``, ``Tensor.softmax``, ``F.softmax`` and
    ``torch.special.softmax``), and always autograd, the modules of ``torch.nn``, ``torch.optim``,
    and the course's own layers and losses. Everything else is allowed: matrix products, einsum,
    NumPy, loops, copies in another precision, ``F.one_hot``. Only what runs inside the function is
    looked at, so a test may compute the truth with all of these.

    It is a reminder of the rules and not a lock: who wants to get round it in Python can.

    Example:
        ``with checks.by_hand("linear"): y = checks.call(linear_forward, x, W, b)``
    """
    global _names
    before = _names
    _names = names
    try:
        yield
    finally:
        _names = before


def watch() -> _Watch | nullcontext[None]:
    """What `call` runs a student's function in: a watch within `by_hand`, else nothing."""
    return nullcontext() if _names is None else _Watch(_names)


@contextmanager
def unwatched(watch: _Watch | None) -> Iterator[None]:
    """While the test's own function runs, called by the student's."""
    if watch is None:
        yield
        return
    before, watch.paused = watch.paused, True
    try:
        yield
    finally:
        watch.paused = before
