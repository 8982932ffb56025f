"""Calling a student's function."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from course_utils.checks.by_hand import NotByHand, unwatched, watch
from course_utils.checks.compare import close
from course_utils.checks.failure import CheckFailed
from course_utils.checks.plain import Plain, copy, describe


def call(function: Callable[..., Any], /, *args: Plain, **kwargs: Plain) -> Plain:
    """Call a student's function with copies of plain values and return copies of what it returns.

    Returned tensors are detached from any autograd graph: only their values are of interest. An
    argument may also be a function of the test's own, which the student's function may call with
    plain values and which answers with them: all that goes in and out of it is copied too.

    Raises:
        CheckFailed: the function raised (the message gives the student's own line and describes
            the arguments), it returned something that is not a plain value, or it used what
            `by_hand` forbids.
    """
    __tracebackhide__ = True
    name = _name(function)
    watching = watch()
    try:
        with watching as guard:
            result = function(
                *[_given(value, guard) for value in args],
                **{key: _given(value, guard) for key, value in kwargs.items()},
            )
        if guard is not None and guard.refused:
            raise NotByHand(guard.refused)
    except NotByHand as error:
        raise CheckFailed(_describe_refusal(name, error)) from None
    except NotImplementedError:
        raise CheckFailed(f"{name} is not written yet.") from None
    except (Exception, SystemExit) as error:  # an interrupt goes through: it is the time limit
        raise CheckFailed(_describe_error(name, error, args, kwargs)) from None
    try:
        return copy(result)
    except TypeError as error:
        raise CheckFailed(
            f"{name} must return numbers, strings, plain tensors, or lists, tuples and "
            f"dictionaries of them, but {error}."
        ) from None


def _given(value: Any, guard: Any) -> Any:
    """What the student's function gets for an argument."""
    if not callable(value) or isinstance(value, type):
        return copy(value)

    def function(*args: Plain) -> Plain:
        with unwatched(guard):
            return copy(value(*[copy(argument) for argument in args]))

    return function


def yours_or_reference(
    yours: Callable[..., Any], reference: Callable[..., Any], /, *args: Plain
) -> Callable[..., Any]:
    """Return `yours` if it agrees with `reference` on an example, else `reference`.

    So no task needs an earlier one to be right. A printed line says whose function it is.
    """
    name = _name(yours)
    try:
        close(call(yours, *args), call(reference, *args), what=name)
    except CheckFailed as failure:
        print(f"{name}: the reference steps in. ({str(failure).splitlines()[0]})")
        return reference
    print(f"{name}: yours.")
    return yours


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))


def _describe_refusal(name: str, error: NotByHand) -> str:
    lines = [f"{name} uses {error}, which does the work of this task: write it yourself."]
    frame = _students_frame(error)
    if frame is not None and frame.line:
        lines.append(f"    in {frame.name}, line {frame.lineno}: {frame.line}")
    return "\n".join(lines)


def _describe_error(
    name: str, error: BaseException, args: Sequence[Plain], kwargs: Mapping[str, Plain]
) -> str:
    """The error in a student's function, with their line and what the function was called with."""
    lines = [f"{name} raised {type(error).__name__}: {error}".rstrip(": ")]
    frame = _students_frame(error)
    if frame is not None and frame.line:
        lines.append(f"    in {frame.name}, line {frame.lineno}: {frame.line}")
    lines += [f"    argument {i + 1}: {_shown(value)}" for i, value in enumerate(args)]
    lines += [f"    argument {key}: {_shown(value)}" for key, value in kwargs.items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return "a function of the test" if callable(value) else describe(value)


def _students_frame(error: BaseException) -> traceback.FrameSummary | None:
    """The innermost frame that is neither the course's nor a library's."""
    course = Path(__file__).parents[1]
    libraries = [Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib")]
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not any(path.is_relative_to(folder) for folder in (course, *libraries)):
            return frame
    return None
