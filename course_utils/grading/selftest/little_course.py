"""The course that the attacks are handed in for: one notebook, four tasks, fifteen points."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ASSIGNMENT = "s1-numbers"
NOTEBOOK = f"{ASSIGNMENT}.ipynb"
TIMEOUT = 3  # seconds for a cell

ADD = "def add(a, b):\n    return a + b"
SCALE = "def scale(a, k):\n    return a * k"
PART = "def part():\n    return 2"
DOUBLE = "def double(x):\n    return x + x"
ANSWERS = {"add": ADD, "scale": SCALE, "part": PART, "double": DOUBLE, "explain": "Because."}

# The points of the tests. `part` gives as many as it says: partial credit.
POINTS = {"test-add": 4.0, "test-scale": 6.0, "test-part": 2.0, "test-double": 3.0}
FULL = sum(POINTS.values())

# What only the hidden tests hold; none of it may be read by a student.
HIDDEN = ("4711", "hidden_sum", "scale(8, 9)", "HIDDEN TESTS")

CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = "selftest"
c.ExecutePreprocessor.timeout = {TIMEOUT}
c.ExecutePreprocessor.iopub_timeout = 2
c.Limits.memory = 1000 * 2**20
c.Limits.processes = 64
"""


def without(*tests: str) -> float:
    """The points that are left when these tests are lost."""
    return FULL - sum(POINTS[f"test-{name}"] for name in tests)


def make(root: Path) -> None:
    """Write the course directory: source folder and configuration."""
    folder = root / "source" / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(_source(), folder / NOTEBOOK)
    (folder / "data.txt").write_text("1 2 3\n")
    (root / "nbgrader_config.py").write_text(CONFIG)


def submit(root: Path, student: str, notebook: NotebookNode | str | bytes) -> Path:
    """Hand in a notebook, or the text of a file in its place; the folder is returned."""
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True)
    if not isinstance(notebook, bytes):
        text = notebook if isinstance(notebook, str) else json.dumps(notebook, indent=1)
        notebook = text.encode("utf-8", "surrogatepass")
    (folder / NOTEBOOK).write_bytes(notebook)
    (folder / "timestamp.txt").write_text("2026-01-01 10:00:00 UTC")
    return folder


def answered(released: NotebookNode, answers: Mapping[str, str]) -> NotebookNode:
    """The released notebook with right answers, or those that are given."""
    notebook = copy.deepcopy(released)
    for name, source in {**ANSWERS, **answers}.items():
        cell(notebook, name).source = source
    return notebook


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def _graded(cell: NotebookNode, name: str, points: float | None = None) -> NotebookNode:
    """nbgrader's metadata: an answer; or, of code with points, a test."""
    test = points is not None and cell.cell_type == "code"
    metadata = {"grade_id": name, "schema_version": 3, "task": False, "solution": not test}
    metadata |= {"grade": points is not None, "locked": test}
    cell.metadata["nbgrader"] = metadata | ({"points": points} if points is not None else {})
    cell.id = name
    return cell


def _task(name: str, answer: str, test: str) -> list[NotebookNode]:
    head, body = answer.split("\n", 1)
    solution = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
    return [
        new_markdown_cell(f"## Task: {name}", id=f"task-{name}"),
        _graded(new_code_cell(solution), name),
        _graded(new_code_cell(test), f"test-{name}", POINTS[f"test-{name}"]),
    ]


def _source() -> NotebookNode:
    hidden = "{}\n### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS".format
    tests = {
        "add": hidden(
            "assert add(1, 2) == 3", "hidden_sum = 4711\nassert add(4700, 11) == hidden_sum"
        ),
        "scale": hidden(
            "assert scale(2, 3) == 6\nassert isinstance(scale(2, 3), int)",
            "assert scale(8, 9) == 72",
        ),
        "part": "part()",
        "double": hidden(
            "import torch\nassert torch.allclose(double(torch.ones(2)), torch.full((2,), 2.0))",
            "from numpy.testing import assert_allclose\n"
            "assert_allclose(double(torch.tensor([3.0])).numpy(), [6.0])",
        ),
    }
    cells = [new_markdown_cell("# Numbers", id="title"), new_code_cell("import math", id="imports")]
    for name, test in tests.items():
        cells += _task(name, ANSWERS[name], test)
    cells.append(_graded(new_markdown_cell("Your answer"), "explain", 5))
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
