"""What is tried on an assignment: mistakes, other right ways, files handed in with the notebook.

Beside each assignment's source there are ``aN_mistakes.MISTAKES``, ``aN_alternatives.ALTERNATIVES``
and ``aN_weights.FILES`` in this folder; `variants` finds them by the assignment's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from bench import SOURCES

HERE = Path(__file__).parent
SOURCED = sorted(path.name for path in SOURCES.iterdir())
ASSIGNMENTS = [name for name in SOURCED if (HERE / f"{name.split('-')[0]}_mistakes.py").exists()]


class Mistake(NamedTuple):
    """One change to the solution.

    Attributes:
        cell: the solution cell that is changed.
        right: what stands there.
        wrong: what stands there instead.
        fails: the tests that fail: those and no others.
        says: a part of their messages; None where any will do.
    """

    cell: str
    right: str
    wrong: str
    fails: set[str]
    says: str | None = None

    def planted(self, solutions: Mapping[str, str]) -> dict[str, str]:
        """The changed cell.

        Raises:
            ValueError: what is to be replaced is not there.
        """
        source = solutions[self.cell]
        if self.right not in source:
            raise ValueError(f"{self.right!r} is not in the cell {self.cell}:\n{source}")
        return {self.cell: source.replace(self.right, self.wrong)}


class File(NamedTuple):
    """One file of weights, good or bad.

    Attributes:
        file: its name.
        write: writes it, given its path and what is in the good one; it may also write nothing.
        fails: the tests that fail: those and no others.
        says: a part of every message.
    """

    file: str
    write: Callable[[Path, Any], object]
    fails: set[str]
    says: str = ""


@dataclass(frozen=True)
class Variants:
    """All that is tried on one assignment, by the names of the things tried."""

    mistakes: Mapping[str, Mistake]
    alternatives: Mapping[str, Mapping[str, str]]
    files: Mapping[str, File]


def variants(assignment: str) -> Variants:
    """Those of the assignment ``aN-…``."""
    short = assignment.split("-")[0]
    return Variants(
        import_module(f"{short}_mistakes").MISTAKES,
        import_module(f"{short}_alternatives").ALTERNATIVES,
        import_module(f"{short}_weights").FILES,
    )
