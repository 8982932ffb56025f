"""Files of weights, read as data."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from course_utils.errors import CourseError


def read_checkpoint(path: Path, *, mend: str) -> dict[str, Any]:
    """What ``torch.save`` wrote, on the CPU: tensors in dicts, and no code that a pickle can carry.

    Args:
        path: the file.
        mend: what to do about it if it is damaged or holds anything else, as a sentence.

    Raises:
        CourseError: it is damaged or holds anything else.
    """
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        # torch's own words are left out: they explain how to trust such a file all the same.
        raise CourseError(f"{path} does not hold weights that can be read. {mend}") from error
    if not isinstance(found, dict):
        raise CourseError(f"{path} holds a {type(found).__name__}, expected a dict. {mend}")
    return found
