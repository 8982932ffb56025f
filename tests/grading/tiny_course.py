"""A tiny nbgrader course for the tests: grading must know no assignment of ours."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ASSIGNMENT = "p1-numbers"
TIMEOUT = 4

ADD = "def add(a, b):\n    return a + b"
SCALE = "def scale(a, k):\n    return a * k"

CONFIG = f"""
c = get_config()
c.CourseDirectory.course_id = "tiny"
c.ExecutePreprocessor.timeout = {TIMEOUT}
c.ExecutePreprocessor.iopub_timeout = 2
"""


def graded(cell: NotebookNode, name: str, *, points: float | None = None, solution: bool = False):
    """Give a cell nbgrader's metadata."""
    metadata = {"grade_id": name, "schema_version": 3, "task": False, "solution": solution}
    metadata |= {"grade": points is not None, "locked": not solution}
    cell.metadata["nbgrader"] = metadata | ({"points": points} if points is not None else {})
    cell.id = name
    return cell


def solution(body: str) -> str:
    head, rest = body.split("\n", 1)
    return f"{head}\n    ### BEGIN SOLUTION\n{rest}\n    ### END SOLUTION"


def tests_of(visible: str, hidden: str) -> str:
    return f"{visible}\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS"


def source_notebook() -> NotebookNode:
    add_tests = tests_of(
        "shared_line = 1\nassert add(shared_line, 2) == 3",
        "shared_line = 1\nhidden_sum = 4711\nassert add(4700, 11) == hidden_sum",
    )
    scale_tests = tests_of("assert scale(2, 3) == 6", "assert scale(8, 9) == 72")
    cells = [
        new_markdown_cell("# Numbers", id="title"),
        new_code_cell("import math", id="imports"),
        new_markdown_cell("## Task 1: add", id="task-1"),
        graded(new_code_cell(solution(ADD)), "add", solution=True),
        graded(new_code_cell(add_tests), "test-add", points=4),
        new_markdown_cell("## Task 2: scale", id="task-2"),
        graded(new_code_cell(solution(SCALE)), "scale", solution=True),
        graded(new_code_cell(scale_tests), "test-scale", points=6),
        graded(new_markdown_cell("Your answer"), "explain", points=5, solution=True),
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernelspec})


def make_course(root: Path, *, config: str = CONFIG) -> Path:
    folder = root / "source" / ASSIGNMENT
    folder.mkdir(parents=True)
    nbformat.write(source_notebook(), folder / f"{ASSIGNMENT}.ipynb")
    (folder / "data.txt").write_text("1 2 3\n")
    (root / "nbgrader_config.py").write_text(config)
    return root


def released(root: Path) -> NotebookNode:
    return nbformat.read(root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", as_version=4)


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.id == name)


def answers(notebook: NotebookNode, **sources: str) -> NotebookNode:
    """A filled-in copy: right answers, unless ``add=…``, ``scale=…`` … give another source."""
    filled = copy.deepcopy(notebook)
    sources = {"add": ADD, "scale": SCALE, "explain": "Because."} | sources
    for name, source in sources.items():
        cell(filled, name.replace("_", "-")).source = source
    return filled


def submit(
    root: Path,
    student: str,
    notebook: NotebookNode | str | bytes,
    *,
    timestamp: str | None = None,
    edit: Callable[[Path], None] | None = None,
) -> Path:
    folder = root / "submitted" / student / ASSIGNMENT
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ASSIGNMENT}.ipynb"
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        text = notebook if isinstance(notebook, str) else json.dumps(notebook, indent=1)
        path.write_text(text, encoding="utf-8")
    if timestamp:
        (folder / "timestamp.txt").write_text(timestamp)
    if edit:
        edit(folder)
    return path
