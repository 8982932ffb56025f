"""Run an assignment's cells in this process, many times and quickly: what mistakes do to its tests.

The cells are executed one after the other in one namespace, as a kernel does, without a kernel's
start and without nbgrader, which `test_a1_mlps` and `test_sample_class` have for a sample of them.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from course_utils.checks.draw import SECRET

SOURCES = Path(__file__).parents[2] / "assignments" / "source"


def nbgrader_of(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def is_test(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(nbgrader_of(cell).get("grade"))


def is_solution(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(nbgrader_of(cell).get("solution"))


class Bench:
    """An assignment's instructor version, whose solutions can be replaced.

    Attributes:
        solutions: the source of each solution cell, by its id.
        points: the points of each test cell, by its id.
    """

    def __init__(self, name: str) -> None:
        notebook = nbformat.read(SOURCES / name / f"{name}.ipynb", as_version=4)
        self.cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
        self.solutions = {c.id: c.source for c in self.cells.values() if is_solution(c)}
        self.points = {c.id: nbgrader_of(c)["points"] for c in self.cells.values() if is_test(c)}
        self._code = {id: compile(self.cells[id].source, id, "exec") for id in self.points}
        self._setup: dict[str, object] = {"__name__": "__main__"}
        run("setup", self.cells["setup"].source, self._setup)

    def blank(self) -> dict[str, str]:
        """Every solution cell as it is released."""
        return {
            id: replace_solutions(source, "raise NotImplementedError()")
            for id, source in self.solutions.items()
        }

    def namespace(self, changed: Mapping[str, str]) -> dict[str, object]:
        """The names after the first cell and all solution cells, some of them changed."""
        names = dict(self._setup)
        for id, source in {**self.solutions, **changed}.items():
            run(id, source, names)
        return names

    def train(self, folder: Path) -> None:
        """Write the files of weights into a folder, by the solution's own cells, as at home.

        Raises:
            RuntimeError: one of the cells failed.
        """
        names = self.namespace({})
        with contextlib.chdir(folder):
            for id, cell in self.cells.items():
                if id.startswith(("parts", "train-and-save")) and (
                    problem := run(id, cell.source, names)
                ):
                    raise RuntimeError(f"{id}: {problem}")

    def failures(self, changed: Mapping[str, str], *, folder: Path, secret: str) -> dict[str, str]:
        """Why tests fail, by the ids of those that do.

        Args:
            changed: other sources for solution cells.
            folder: where the files lie that are handed in with the notebook.
            secret: what hidden tests draw their numbers from.
        """
        names = self.namespace(changed)
        failed = {}
        with contextlib.chdir(folder), secret_is(secret):
            for id, code in self._code.items():
                if problem := run(id, code, names):
                    failed[id] = problem
        return failed


def replace_solutions(source: str, statement: str) -> str:
    """``statement`` in place of everything between the marks, with the indentation kept."""
    lines, inside = [], False
    for line in source.splitlines():
        if "### BEGIN SOLUTION" in line:
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + statement)
        elif "### END SOLUTION" in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def run(id: str, code: object, names: dict[str, object]) -> str:
    """Execute a cell; what it raised, in words, or nothing."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code if not isinstance(code, str) else compile(code, id, "exec"), names)
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return ""


@contextlib.contextmanager
def secret_is(secret: str) -> Iterator[None]:
    before = os.environ.get(SECRET)
    os.environ[SECRET] = secret
    try:
        yield
    finally:
        if before is None:
            del os.environ[SECRET]
        else:
            os.environ[SECRET] = before
