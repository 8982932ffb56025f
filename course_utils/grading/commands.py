"""``course grade``: a progress bar, a table, and an exit code that says whether to look at it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from course_utils.errors import DONE, NEEDS_A_PERSON, CourseError
from course_utils.grading import engine
from course_utils.grading.course import Course
from course_utils.grading.records import GRADED, MALFORMED, NEEDS_REVIEW, Graded, needs_a_person

STOPPED_BY_CTRL_C = 130
STYLES = {GRADED: "green", NEEDS_REVIEW: "yellow", MALFORMED: "red"}


def grade(
    course_dir: Path,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    force: bool = False,
    unsafe: bool = False,
    workers: int | None = None,
    as_json: bool = False,
) -> int:
    """Grade and print the result; 1 if a submission is malformed or needs review, else 0."""
    results = with_progress(
        course_dir,
        assignment,
        students=students,
        force=force,
        sandbox=not unsafe,
        workers=workers,
    )
    if as_json:
        print(json.dumps([asdict(graded) for graded in results], indent=1))
    else:
        console = Console()
        console.print(table(results))
        print_reasons(console, results)
        _summary(console, Course(course_dir), results)
    return NEEDS_A_PERSON if needs_a_person(results) else DONE


def with_progress(
    course_dir: Path,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    force: bool = False,
    sandbox: bool = True,
    workers: int | None = None,
) -> list[Graded]:
    """`engine.grade` with a progress bar on standard error: how many, how fast, how much longer.

    Raises:
        CourseError: Ctrl-C was pressed; says how many are graded.
    """
    bar = Progress(
        TextColumn("Grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=Console(stderr=True),
    )
    start = time.monotonic()
    with bar:
        task = bar.add_task("", total=None, rate="")

        def show(student: str, done: int, total: int) -> None:
            rate = f"{60 * done / max(time.monotonic() - start, 1e-3):.0f}/min"
            bar.update(task, description=escape(student), completed=done, total=total, rate=rate)

        try:
            results = engine.grade(
                course_dir,
                assignment,
                students=students,
                force=force,
                sandbox=sandbox,
                workers=workers,
                progress=show,
            )
        except KeyboardInterrupt:
            state = bar.tasks[0]
            raise CourseError(
                f"stopped: {state.completed:g} of {state.total or 0:g} submissions are graded and "
                "kept. The same command goes on with the others.",
                exit_code=STOPPED_BY_CTRL_C,
            ) from None
        bar.update(task, description="")
    return results


def table(results: Sequence[Graded]) -> Table:
    """A row for each submission, without the reasons, which are sentences."""
    shown = Table(title=results[0].assignment if results else None, title_justify="left")
    shown.add_column("student", overflow="fold")
    shown.add_column("state", no_wrap=True)
    for name in ("score", "by hand", "late", "seconds"):
        shown.add_column(name, justify="right")
    for graded in results:
        shown.add_row(
            escape(graded.student),
            f"[{STYLES[graded.state]}]{graded.state}[/]",
            f"{graded.score:g}/{graded.max_score:g}",
            f"+{graded.by_hand:g}" if graded.by_hand else "",
            lateness(graded.late),
            "unchanged" if graded.skipped else f"{graded.seconds:.1f}",
        )
    return shown


def print_reasons(console: Console, results: Sequence[Graded]) -> None:
    """What a person has to look at, and why."""
    for graded in needs_a_person(results):
        shown = f"[{STYLES[graded.state]}]{escape(graded.student)}[/]: {escape(graded.reason)}"
        console.print(shown, highlight=False)


def lateness(seconds: float) -> str:
    """Time after the due date in its largest unit, rounded down; empty if on time."""
    for name, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:g} {name}"
    return f"{seconds:g} s" if seconds else ""


def _summary(console: Console, course: Course, results: Sequence[Graded]) -> None:
    states = Counter(graded.state for graded in results)
    parts = [f"{count} {state}" for state, count in sorted(states.items())]
    if skipped := sum(graded.skipped for graded in results):
        parts.append(f"{skipped} unchanged since they were last graded")
    if by_hand := sum(graded.by_hand > 0 for graded in results):
        parts.append(f"{by_hand} with answers to grade by hand")
    console.print(f"{len(results)} submissions: {', '.join(parts)}")
    if unsafe := [graded.student for graded in results if not graded.sandboxed]:
        console.print(f"[bold red]Unsafe:[/] graded without a sandbox: {escape(', '.join(unsafe))}")
    name = results[0].assignment
    autograded = course.folder("autograded", name, student="*")
    for where in (
        f"gradebook   {course.directory(name).db_url}",
        f"notebooks   {autograded}",
        f"report      {course.notes(name, 'report.json')}",
        f"next        course feedback {name} --course-dir {course.root}",
    ):
        console.print(escape(where), highlight=False, soft_wrap=True)
