"""What the tests of grading share."""

from __future__ import annotations

import contextlib

import pytest

from course_utils.grading import run
from course_utils.grading.kernels import nursery


@pytest.fixture
def one_zygote(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs take their kernels from one nursery that is there, which saves each its start."""
    monkeypatch.setattr(run, "Nursery", lambda **_: contextlib.nullcontext(nursery.shared()))
