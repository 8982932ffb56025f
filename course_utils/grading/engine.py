"""Grade every submission of an assignment; each ends in exactly one recorded state."""

from __future__ import annotations

import fcntl
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nbformat.warnings import DuplicateCellId, MissingIDFieldWarning
from sqlalchemy.exc import SAWarning

from course_utils.errors import CourseError
from course_utils.grading import sandbox as sandbox_module
from course_utils.grading.course import Course
from course_utils.grading.records import Graded
from course_utils.grading.release import ensure_released
from course_utils.grading.run import Progress, Run
from course_utils.grading.workers import cores

LOCK_SECONDS = 3


def grade(
    course_dir: Path,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    force: bool = False,
    sandbox: bool = True,
    workers: int | None = None,
    progress: Progress = lambda student, done, total: None,
) -> list[Graded]:
    """Autograde the submissions of an assignment.

    A submission whose files, assignment, configuration and secret are those it was last graded
    with is skipped. A run that is stopped at any moment is completed by the next one. Its report is
    ``.course/<assignment>/report.json`` in the course directory.

    Args:
        course_dir: an nbgrader course directory.
        assignment: its name; ``A1`` stands for the one assignment named ``a1-…``.
        students: grade these only.
        force: grade again what has not changed.
        sandbox: run the students' code in the sandbox. Without it their code can do whatever the
            person who grades can.
        workers: notebooks that run at a time; by default, and at most, one for each core.
        progress: called as ``progress(student, done, total)`` after each submission.

    Raises:
        CourseError: no such assignment, student or submission, no sandbox on this machine, another
            run of the same assignment, or the machine fails (disk full, no kernel starts). What was
            graded by then is kept.
    """
    course = Course(course_dir)
    name = course.resolve(assignment)
    if sandbox and (reason := sandbox_module.why_not()):
        raise CourseError(
            f"nothing was graded, because students' code would run without a sandbox: {reason}\n"
            "`--unsafe` grades without one: only for code that you trust as your own."
        )
    chosen = _choose(course, name, students)
    with _only_run(course, name):
        ensure_released(course, name)
        run = Run(course, name, sandbox, min(workers or cores(), cores()), progress)
        with warnings.catch_warnings():
            # nbgrader's own queries make SQLAlchemy 2 warn on every new submission.
            warnings.simplefilter("ignore", SAWarning)
            # A submission's odd cell ids are mended, and nobody's business on the terminal.
            warnings.simplefilter("ignore", DuplicateCellId)
            warnings.simplefilter("ignore", MissingIDFieldWarning)
            return run.grade(chosen, force=force)


def _choose(course: Course, assignment: str, students: Sequence[str] | None) -> list[str]:
    submitted = course.students(assignment)
    where = course.folder("submitted", assignment, student="*")
    if not submitted:
        raise CourseError(f"no submissions of {assignment}: there is nothing in {where}")
    if not students:
        return submitted
    if unknown := sorted(set(students) - set(submitted)):
        raise CourseError(
            f"no submission of {assignment} by {', '.join(unknown)} in {where}; there are "
            f"submissions by: {', '.join(submitted)}"
        )
    return [student for student in submitted if student in students]


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _only_run(course: Course, assignment: str) -> Iterator[None]:
    lock = course.notes(assignment, "lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        # A process that a killed run was just starting holds the lock for a moment longer.
        end = time.monotonic() + LOCK_SECONDS
        while not _locked(file):
            if time.monotonic() > end:
                raise CourseError(
                    f"{assignment} is being graded by another run in {course.root}: wait for it, "
                    "or stop it"
                )
            time.sleep(0.1)
        yield
