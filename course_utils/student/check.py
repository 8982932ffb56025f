"""``course check``: run a notebook's visible tests and say task by task what is right."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_output
from rich.console import Console
from rich.markup import escape

from course_utils.ansi import strip_ansi
from course_utils.errors import DONE, NEEDS_A_PERSON, CourseError
from course_utils.student.execution import STOPPED, TIMED_OUT, KernelStartError, RunToTheEnd
from course_utils.student.progress import cell_by_cell

SECONDS_PER_CELL = 60
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.M)


@dataclass(frozen=True)
class Outcome:
    """What became of one code cell.

    Attributes:
        name: the test's name, or the cell's position for a cell that is no test.
        task: the nearest heading above it.
        points: what the test is worth; None for a cell that is no test.
        problem: the error's message; empty where there is none.
    """

    name: str
    task: str
    points: float | None
    problem: str


def check(notebook: Path) -> int:
    """Print how a notebook's visible tests go; 0 if every cell runs and passes, else 1.

    The notebook is run from top to bottom in a fresh kernel, in its own folder. The file is not
    changed.

    Raises:
        CourseError: no such file, it is no notebook, or no kernel starts.
    """
    console = Console()
    outcomes = run(read(notebook), notebook, console)
    return DONE if report(outcomes, console) else NEEDS_A_PERSON


def read(path: Path) -> NotebookNode:
    """A notebook from a file.

    Raises:
        CourseError: it cannot be read; the message says what to do.
    """
    if path.is_dir():
        inside = ", ".join(sorted(p.name for p in path.glob("*.ipynb"))) or "none"
        raise CourseError(f"{path} is a folder; name a notebook (in it: {inside})")
    if not path.is_file():
        near = ", ".join(sorted(p.name for p in path.parent.glob("*.ipynb"))) or "none"
        raise CourseError(f"there is no file {path} (notebooks in {path.parent}: {near})")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        json.loads(text)
        return nbformat.reads(text, as_version=4)
    except json.JSONDecodeError as error:
        raise CourseError(
            f"{path} is damaged: its JSON breaks off at line {error.lineno}, column "
            f"{error.colno} ({error.msg}). Take your last good copy (JupyterLab keeps one in "
            ".ipynb_checkpoints) or the assignment as you got it."
        ) from error
    except Exception as error:
        raise CourseError(f"{path} is no notebook: {type(error).__name__}: {error}") from error


def run(notebook: NotebookNode, path: Path, console: Console) -> list[Outcome]:
    """Execute a notebook's cells in memory and say what became of each.

    Raises:
        CourseError: no kernel starts on this machine.
    """
    client = RunToTheEnd(
        notebook,
        resources={"metadata": {"path": str(path.resolve().parent)}},
        timeout=SECONDS_PER_CELL,
        interrupt_on_timeout=True,
        error_on_timeout={"ename": TIMED_OUT, "evalue": "", "traceback": []},
        raise_on_iopub_timeout=True,
        allow_errors=True,
        shutdown_kernel="immediate",
        on_cell_executed=_keep_time_out,
    )
    outcomes: list[Outcome] = []
    task = ""
    bar = cell_by_cell(console, "Running")
    try:
        with bar, client.setup_kernel():
            cells = bar.add_task("", total=len(notebook.cells))
            for index, cell in enumerate(notebook.cells):
                if cell.cell_type == "markdown":
                    headings = HEADING.findall(cell.source)
                    task = headings[-1] if headings else task
                bar.update(cells, completed=index, description=escape(task))
                client.execute_cell(cell, index)
                if cell.cell_type == "code":
                    outcomes.append(_outcome(cell, index, task))
    except KernelStartError as error:
        raise CourseError(
            f"Python could not start a kernel ({error}). Is the course installed in this very "
            "environment? pip install 'course_utils[student]'"
        ) from error
    return outcomes


def _keep_time_out(cell: NotebookNode, execute_reply: dict, **_) -> None:
    """An interrupted cell ends with KeyboardInterrupt: say instead why it was interrupted."""
    if execute_reply["content"].get("ename") == TIMED_OUT:
        why = f"ran longer than {SECONDS_PER_CELL} s and was interrupted: an endless loop?"
        cell.outputs.append(new_output("error", ename=TIMED_OUT, evalue=why, traceback=[]))


def _outcome(cell: NotebookNode, index: int, task: str) -> Outcome:
    metadata = cell.metadata.get("nbgrader", {})
    is_test = metadata.get("grade", False) and not metadata.get("solution", False)
    errors = [output for output in cell.outputs if output.output_type == "error"]
    return Outcome(
        name=metadata.get("grade_id", "") if is_test else f"cell {index + 1}",
        task=task,
        points=metadata.get("points", 0) if is_test else None,
        problem=_message(errors[-1]) if errors else "",
    )


def _message(error: NotebookNode) -> str:
    text = strip_ansi(error.evalue).strip()
    if error.ename == "NotImplementedError" and not text:
        return "not filled in yet (NotImplementedError)"
    if error.ename in (STOPPED, TIMED_OUT) or (error.ename == "CheckFailed" and text):
        return text
    return f"{error.ename}: {text}" if text else error.ename


def _points(points: float) -> str:
    return f"{points:g} point{'' if points == 1 else 's'}"


def report(outcomes: list[Outcome], console: Console) -> bool:
    """Print the tests under their tasks; whether nothing failed."""
    tests = [outcome for outcome in outcomes if outcome.points is not None]
    broken = [outcome for outcome in outcomes if outcome.points is None and outcome.problem]
    task = None
    for test in tests:
        if test.task != task:
            task = test.task
            console.print(f"\n[bold]{escape(task)}[/]", highlight=False)
        mark = "[red]failed[/]" if test.problem else "[green]passed[/]"
        console.print(f"  {mark}  {escape(test.name)} ({_points(test.points)})", highlight=False)
        for line in test.problem.splitlines():
            console.print(f"          {escape(line)}", highlight=False)
    if broken:
        console.print("\n[bold]Cells that end with an error[/]")
        for cell in broken:
            first = cell.problem.splitlines()[0]
            console.print(f"  [red]{cell.name}[/]  {escape(first)}", highlight=False)

    passed = sum(not test.problem for test in tests)
    reached = sum(test.points or 0 for test in tests if not test.problem)
    possible = sum(test.points or 0 for test in tests)
    console.print(
        f"\n{passed} of {len(tests)} tests passed, worth {reached:g} of {possible:g} points. These "
        "are the visible tests only: hidden tests and answers graded by hand decide the rest.",
        highlight=False,
    )
    return passed == len(tests) and not broken
