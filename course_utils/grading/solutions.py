"""``course solutions``: the staff's page of an assignment, with all that students do not get.

The instructor's version is executed in a folder of its own and becomes one HTML file: solutions,
visible and hidden tests, model answers and rubrics, figures and numbers, and before them what the
assignment asks of students and of those who grade it. It lies in ``solutions/``, which no release
and no pack reads.
"""

from __future__ import annotations

import os
import re
import shutil
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell
from rich.console import Console
from rich.markup import escape

from course_utils.ansi import strip_ansi
from course_utils.errors import NEEDS_A_PERSON, CourseError
from course_utils.grading.course import Course
from course_utils.grading.headings import headings
from course_utils.grading.scratch import Scratch
from course_utils.grading.solutions_page import page
from course_utils.student.execution import KernelStartError, RunToTheEnd
from course_utils.student.progress import cell_by_cell

FOLDER = "solutions"
SECONDS_PER_CELL = 600
# Reading: of prose, not of code. Deciding: a look at the rubric and at the answer, for each point.
WORDS_PER_MINUTE = 200
SECONDS_PER_POINT = 20

MARK = re.compile(r"^[ \t]*### (?:BEGIN|END) [A-Z ]+\n?", re.M)
RUBRIC = re.compile(r"\*{1,2}(?:Rubric|Grading)[.:]?\*{1,2}[.:]?\s*", re.I)
MODEL = re.compile(r"\*{1,2}(?:Model answer|Answer|Solution)[.:]?\*{1,2}[.:]?\s*", re.I)
MINUTES = re.compile(r"(\d+)\s*min", re.I)
NOTICE = "**For staff. Never released.** Solutions, hidden tests, model answers and rubrics."


@dataclass
class Task:
    """What a section of the assignment asks for.

    Attributes:
        title: its heading, without points and minutes.
        minutes: for students, as the heading says; empty where it does not.
        by_tests: points that tests give.
        by_hand: points that a person gives.
    """

    title: str
    minutes: str = ""
    by_tests: float = 0
    by_hand: float = 0


@dataclass(frozen=True)
class Answer:
    """An answer that a person grades.

    Attributes:
        name: nbgrader's name of the cell.
        where: the nearest heading above it.
        points: the most it can get.
        model: the model answer.
        rubric: what gives how many points.
    """

    name: str
    where: str
    points: float
    model: str
    rubric: str

    @property
    def seconds(self) -> float:
        """An estimate of what grading one answer takes."""
        words = len(self.model.split())
        return 60 * words / WORDS_PER_MINUTE + SECONDS_PER_POINT * self.points


@dataclass
class Contents:
    """What the page begins with."""

    tasks: list[Task] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)


def solutions(course_dir: Path, assignment: str) -> list[Path]:
    """Write the page of each of the assignment's notebooks, and say where.

    Raises:
        CourseError: no such assignment, no notebook, or a cell of it fails; the message names it.
    """
    course, console = Course(course_dir), Console()
    name = course.resolve(assignment)
    source = course.folder("source", name)
    notebooks = sorted(source.glob("*.ipynb"))
    if not notebooks:
        raise CourseError(f"no notebook in {source}")
    written = []
    with Scratch() as scratch:
        folder = scratch / "run"
        shutil.copytree(source, folder)
        for path in notebooks:
            notebook = nbformat.read(path, as_version=4)
            _execute(notebook, folder, path.name, console)
            title = path.stem if path.stem == name else f"{name}-{path.stem}"
            target = course.root / FOLDER / f"{title}.html"
            target.parent.mkdir(exist_ok=True)
            partial = target.with_suffix(".partial")
            partial.write_text(page(assemble(notebook), f"{title}: solutions"), encoding="utf-8")
            os.replace(partial, target)
            written.append(target)
    for target in written:
        console.print(f"{escape(str(target))}: for staff, never released", soft_wrap=True)
    return written


def _execute(notebook: NotebookNode, folder: Path, file: str, console: Console) -> None:
    """Run all cells; the instructor's own code, so without a sandbox."""
    client = RunToTheEnd(
        notebook,
        resources={"metadata": {"path": str(folder)}},
        timeout=SECONDS_PER_CELL,
        interrupt_on_timeout=True,
        allow_errors=True,
        shutdown_kernel="immediate",
    )
    bar = cell_by_cell(console, "Executing")
    try:
        with bar, client.setup_kernel():
            cells = bar.add_task("", total=len(notebook.cells))
            for index, cell in enumerate(notebook.cells):
                name = _name(cell) or f"cell {index + 1}"
                bar.update(cells, completed=index, description=escape(name))
                client.execute_cell(cell, index)
                _stop_at_error(cell, name, file)
    except KernelStartError as error:
        raise CourseError(f"Python could not start a kernel ({error}): course doctor") from error


def _stop_at_error(cell: NotebookNode, name: str, file: str) -> None:
    if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", []):
        return
    for output in cell.outputs:
        if output.output_type == "error":
            message = strip_ansi(f"{output.ename}: {output.evalue}".strip(": "))
            raise CourseError(
                f"{file}, {name} fails, so there is no page: {message}", exit_code=NEEDS_A_PERSON
            )


# --- what the page has ---------------------------------------------------------------------------


def _grading(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader") or {}


def _name(cell: NotebookNode) -> str:
    return _grading(cell).get("grade_id", "")


def _by_hand(cell: NotebookNode) -> bool:
    """Answers that carry points, and nbgrader's task cells."""
    own = _grading(cell)
    return bool(own.get("grade") and own.get("solution")) or bool(own.get("task"))


def contents(notebook: NotebookNode) -> Contents:
    """The assignment's tasks and hand-graded answers, from its headings and nbgrader's metadata.

    A task is a section under a heading of the second level; what stands above the first counts for
    the assignment as a whole.
    """
    found, where = Contents([Task("before the first task")]), ""
    for cell in notebook.cells:
        own = _grading(cell)
        if cell.cell_type == "markdown" and not own.get("solution"):
            for level, heading in headings(cell.source):
                where = _short(heading)
                if level == 2:
                    minutes = MINUTES.search(heading)
                    found.tasks.append(Task(where, minutes[1] if minutes else ""))
        points = float(own.get("points") or 0)
        if _by_hand(cell):
            found.tasks[-1].by_hand += points
            found.answers.append(_answer(cell, where, points))
        elif own.get("grade"):
            found.tasks[-1].by_tests += points
    found.tasks = [task for task in found.tasks if task.by_tests or task.by_hand]
    return found


def _short(heading: str) -> str:
    """Without the points and minutes in brackets at its end, which have columns of their own."""
    return re.sub(r"\s*\([^()]*(?:point|min)[^()]*\)$", "", heading)


def _answer(cell: NotebookNode, where: str, points: float) -> Answer:
    text = MARK.sub("", cell.source).strip()
    model, *rubric = RUBRIC.split(text, maxsplit=1)
    if cell.cell_type == "code":
        model, rubric = "", []
    return Answer(
        name=_name(cell),
        where=where,
        points=points,
        model=MODEL.sub("", model, count=1).strip(),
        rubric=rubric[0].strip() if rubric else "",
    )


def assemble(notebook: NotebookNode) -> NotebookNode:
    """The executed notebook as the page shows it: an overview, labels, headings one level down."""
    found, title, cells = contents(notebook), "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            title = title or next((text for _, text in headings(cell.source)), "")
            cell.source = _one_level_down(MARK.sub("", cell.source))
        if label := _label(cell):
            cells.append(new_markdown_cell(f'<p class="staff" id="{_name(cell)}">{label}</p>'))
        cells.append(cell)
    shown = nbformat.v4.new_notebook(cells=[new_markdown_cell(_overview(found, title)), *cells])
    shown.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    _describe_figures(shown)
    return shown


def _one_level_down(source: str) -> str:
    lines, fenced = [], False
    for line in source.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        heading = not fenced and re.match(r"#{1,5}\s", line)
        lines.append(f"#{line}" if heading else line)
    return "\n".join(lines)


def _label(cell: NotebookNode) -> str:
    own, points = _grading(cell), f"{_points(_grading(cell).get('points'))}"
    name = f"<code>{_name(cell)}</code>"
    if _by_hand(cell):
        return f"Model answer and rubric: {name}, {points}, graded by a person"
    if own.get("solution"):
        return f"Solution: {name}"
    if own.get("grade"):
        hidden = ", with hidden tests" if "### BEGIN HIDDEN TESTS" in cell.source else ""
        return f"Tests: {name}, {points}{hidden}"
    return ""


def _points(points: float | None) -> str:
    return f"{points or 0:g} point{'' if points == 1 else 's'}"


def _overview(found: Contents, title: str) -> str:
    rows = [
        f"| {_cell(task.title)} | {task.by_tests:g} | {task.by_hand:g} "
        f"| {task.minutes or 'not said'} |"
        for task in found.tasks
    ]
    by_tests = sum(task.by_tests for task in found.tasks)
    by_hand = sum(task.by_hand for task in found.tasks)
    minutes = sum(int(task.minutes) for task in found.tasks if task.minutes)
    lines = [
        f"# Solutions: {title}" if title else "# Solutions",
        f'<div class="notice">\n\n{NOTICE}\n\n</div>',
        "## Tasks",
        "\n".join(
            [
                "| task | points by tests | points by hand | minutes for students |",
                "|---|---|---|---|",
                *rows,
                f"| all | {by_tests:g} | {by_hand:g} | {minutes or 'not said'} |",
            ]
        ),
        "## Graded by hand",
    ]
    if found.answers:
        lines += [_graded_by_hand(found.answers, by_hand)]
    else:
        lines += ["Nothing: tests give all points."]
    return "\n\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _graded_by_hand(answers: list[Answer], points: float) -> str:
    words = sum(len(one.model.split()) for one in answers)
    seconds = sum(one.seconds for one in answers)
    listed = [
        f"- [`{one.name}`](#{one.name}) ({_cell(one.where)}), {_points(one.points)}, about "
        f"{one.seconds / 60:.1f} minutes\n\n"
        + textwrap.indent(f"*Rubric.* {one.rubric}" if one.rubric else "There is no rubric.", "  ")
        for one in answers
    ]
    return "\n".join(
        [
            f"**About {seconds / 60:.0f} minutes for one submission**: an estimate, not a "
            f"measurement. It counts the {words} words of the model answers at "
            f"{WORDS_PER_MINUTE} words a minute, and {SECONDS_PER_POINT} seconds for each of the "
            f"{points:g} points: {words} / {WORDS_PER_MINUTE} min + {points:g} · "
            f"{SECONDS_PER_POINT} s. Short answers and practice make it less, unreadable ones "
            f"more. For 100 submissions that is {seconds / 36:.0f} hours.",
            "",
            "\n\n".join(listed),
        ]
    )


def _describe_figures(notebook: NotebookNode) -> None:
    """Alternative texts, where the author gave none: which cell drew the figure, and about what."""
    where = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            where = [where, *(text for _, text in headings(cell.source))][-1]
            continue
        for output in cell.get("outputs", []):
            for kind in ("image/png", "image/jpeg"):
                if kind in output.get("data", {}):
                    given = output.setdefault("metadata", {}).setdefault(kind, {})
                    drawn = f"Figure drawn by the cell {_name(cell)}" if _name(cell) else "Figure"
                    given.setdefault("alt", f"{drawn}, in the section “{where}”")
