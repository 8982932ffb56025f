"""``course demo``: a made-up class for each assignment, graded in a course directory of their own.

Everything is real (release, sandbox, gradebook, feedback); only the students are made up. What each
of them must get is written beside the submissions, and the demonstration fails where it differs.
"""

from __future__ import annotations

import runpy
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from course_utils.errors import DONE, NEEDS_A_PERSON, CourseError
from course_utils.grading import commands, sandbox
from course_utils.grading.course import CONFIG_FILE, Course, fingerprint
from course_utils.grading.feedback import feedback
from course_utils.grading.records import Graded
from course_utils.grading.release import release

CLASSES = Path("assignments", "sample_class")


def demo(root: Path) -> int:
    """Release every assignment, write its class, grade it, write feedback, print the scores.

    Args:
        root: the repository; the course directory is ``root/_build/sample-class``.

    Returns:
        0 if every submission ended as its class says (some must be malformed), or if this machine
        cannot make a sandbox, which is said in one line; else 1.

    Raises:
        CourseError: this is not the repository, or grading fails as a whole.
    """
    console = Console()
    classes = made_up_classes(root / CLASSES)
    if not classes:
        raise CourseError(f"there is no {CLASSES} in {root}: run this in the repository's folder")
    if reason := sandbox.why_not():
        console.print(f"Sample classes not graded: {escape(reason)}", highlight=False)
        return DONE

    course_dir = root / "_build" / "sample-class"
    _prepare(root / "assignments", course_dir, [made_up.assignment for made_up in classes])
    differences = [
        difference for made_up in classes for difference in _grade(console, course_dir, made_up)
    ]
    for what, where in (
        ("gradebook", course_dir / "gradebook.db"),
        ("notebooks", course_dir / "autograded"),
        ("feedback", course_dir / "feedback"),
    ):
        console.print(f"{what:10}{escape(str(where))}", highlight=False, soft_wrap=True)
    return NEEDS_A_PERSON if differences else DONE


def made_up_classes(folder: Path) -> list[Any]:
    """The made-up classes, in the order of their assignments."""
    sys.path.insert(0, str(folder))  # they share a module
    try:
        scripts = sorted(folder.glob("a[0-9]_*.py"))
        return [runpy.run_path(str(script))["CLASS"] for script in scripts]
    finally:
        sys.path.remove(str(folder))


def _grade(console: Console, course_dir: Path, made_up: Any) -> list[str]:
    """Grade one class and print what became of it; where that differs from what it says."""
    name = release(course_dir, made_up.assignment).name
    with Course(course_dir).gradebook() as gradebook:
        gradebook.update_or_create_assignment(name, duedate=made_up.due)
    made_up.write(course_dir)
    results = commands.with_progress(course_dir, name)
    pages = course_dir.joinpath("feedback").glob(f"*/{name}")
    if not all(graded.skipped for graded in results) or not any(pages):
        feedback(course_dir, name)
    console.print(commands.table(results))
    commands.print_reasons(console, results)
    differences = compare(made_up.students, results)
    for difference in differences:
        console.print(f"[red]not as expected[/] {escape(difference)}", highlight=False)
    if not differences:
        console.print(f"All {len(results)} submissions ended as expected.\n", highlight=False)
    return differences


def compare(students: Any, results: list[Graded]) -> list[str]:
    """Where results differ from what the sample class says; empty if nowhere."""
    found = {graded.student: graded for graded in results}
    differences = []
    for student in students:
        graded = found.pop(student.id, None)
        if graded is None:
            differences.append(f"{student.id}: lost")
            continue
        expected = (student.state, student.score, student.by_hand, student.late)
        actual = (graded.state, graded.score, graded.by_hand, graded.late > 0)
        if expected != actual:
            differences.append(
                f"{student.id}: (state, score, by hand, late) = {actual}, expected {expected}"
            )
    return [*differences, *(f"{name}: nobody of that name" for name in found)]


def _prepare(assignments: Path, course_dir: Path, names: list[str]) -> None:
    """A course directory made from today's assignments, with nothing of older ones in it.

    nbgrader does not let cells come and go under submissions, so a changed assignment starts anew.
    """
    sources = [assignments / "source" / name for name in names]
    config = assignments / "sample_class" / CONFIG_FILE
    made_from = course_dir / ".course" / "made-from"
    now = fingerprint(*sources, config)
    if not made_from.is_file() or made_from.read_text() != now:
        shutil.rmtree(course_dir, ignore_errors=True)
        for source in sources:
            shutil.copytree(source, course_dir / "source" / source.name)
        shutil.copyfile(config, course_dir / CONFIG_FILE)
        made_from.parent.mkdir()
        made_from.write_text(now)
    shutil.rmtree(course_dir / "submitted", ignore_errors=True)
