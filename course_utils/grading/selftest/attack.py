"""What an attack is: what it tries, how its submission is made, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from nbformat import NotebookNode

from course_utils.grading.records import GRADED, MALFORMED, NEEDS_REVIEW, Graded
from course_utils.grading.selftest.little_course import ADD, FULL

REVIEWED = (NEEDS_REVIEW,)
EITHER = (GRADED, NEEDS_REVIEW)
BROKEN = (MALFORMED,)


@dataclass(frozen=True)
class World:
    """What is true of the machine while the corpus is graded; attacks and probes use it.

    Attributes:
        root: the course directory.
        outside: a folder outside of it that any user may write to.
        values: what stands for ``$name`` in an attack's sources.
        connections: what came in on the sockets that listen outside, as it came.
    """

    root: Path
    outside: Path
    values: dict[str, str]
    connections: list[str] = field(default_factory=list)

    def page(self, student: str) -> str:
        """A student's feedback page; empty if there is none."""
        pages = list(self.root.glob(f"feedback/{student}/*/*.html"))
        return pages[0].read_text(encoding="utf-8", errors="replace") if pages else ""


# A probe runs on the host after grading. It says what got through, or nothing.
Probe = Callable[[World, Graded], str | None]
Edit = Callable[[NotebookNode], NotebookNode | str | bytes | None]


@dataclass(frozen=True)
class Attack:
    """One hostile or broken submission.

    Attributes:
        name: the student who hands it in.
        tries: what it tries, a sentence.
        cells: sources of cells, by name, that differ from the right answers; ``$name`` in them is
            one of the world's values.
        edit: changes the notebook, or gives the text of another file in its place.
        files: adds to the submitted folder.
        state: the states that it may end in.
        score: the points of the tests, or several that it may have. None: not looked at.
        reason: a part of what staff read.
        probe: what the host looks at afterwards.
    """

    name: str
    tries: str
    cells: dict[str, str] = field(default_factory=dict)
    edit: Edit | None = None
    files: Callable[[Path], None] | None = None
    state: tuple[str, ...] = (GRADED,)
    score: float | tuple[float, ...] | None = FULL
    reason: str = ""
    probe: Probe | None = None

    def sources(self, world: World) -> dict[str, str]:
        return {
            name: Template(source).safe_substitute(world.values)
            for name, source in self.cells.items()
        }

    def not_held(self, graded: Graded | None, world: World) -> str:
        """What came of it that must not; empty if it held."""
        if graded is None:
            return "the submission was lost"
        said = []
        if graded.state not in self.state:
            said.append(f"state {graded.state}, expected {' or '.join(self.state)}")
        scores = self.score if isinstance(self.score, tuple) else (self.score,)
        if self.score is not None and graded.score not in scores:
            said.append(f"score {graded.score:g}, expected {' or '.join(f'{s:g}' for s in scores)}")
        if self.reason.casefold() not in graded.reason.casefold():
            said.append(f"the reason is {graded.reason!r}, expected {self.reason!r} in it")
        if self.probe is not None and (found := self.probe(world, graded)):
            said.append(found)
        return "; ".join(said)


def first(code: str) -> dict[str, str]:
    """Code that runs when the first answer's cell does; the answer itself is right."""
    return {"add": f"{code}\n{ADD}"}


def spy(attempt: str, before: str = "") -> dict[str, str]:
    """A first answer that is right, unless an expression gets at something."""
    return {
        "add": f"""\
import ctypes, glob, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
{before}
try:
    reached = {attempt}
except Exception as error:
    reached = False
def add(a, b):
    return "reached" if reached else a + b
"""
    }
