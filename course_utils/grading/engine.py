"""Grade every submission of an assignment; each ends in exactly one recorded state."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbgrader import utils as nbgrader_utils
from sqlalchemy.exc import DatabaseError, SAWarning

from course_utils.errors import CourseError
from course_utils.grading import sandbox as sandbox_module
from course_utils.grading.converter import AutogradeOne
from course_utils.grading.course import Course, database_error, fingerprint
from course_utils.grading.intake import AGAIN, take_in
from course_utils.grading.records import (
    GRADED,
    MALFORMED,
    NEEDS_REVIEW,
    Graded,
    Note,
    fill_gaps,
    mark_for_review,
    record_zero,
    result,
)
from course_utils.grading.release import ensure_released
from course_utils.student.execution import STOPPED, KernelStartError

# Where the disk is full or the like, going on would blame every student for it.
MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}

Progress = Callable[[str, int, int], None]


def grade(
    course_dir: Path,
    assignment: str,
    *,
    students: Sequence[str] | None = None,
    force: bool = False,
    sandbox: bool = True,
    progress: Progress = lambda student, done, total: None,
) -> list[Graded]:
    """Autograde the submissions of an assignment, one after the other.

    A submission whose files, assignment, configuration and secret are those it was last graded
    with is skipped. A run that is stopped at any moment is completed by the next one.

    Args:
        course_dir: an nbgrader course directory.
        assignment: its name; ``A1`` stands for the one assignment named ``a1-…``.
        students: grade these only.
        force: grade again what has not changed.
        sandbox: run the students' code in the sandbox. Without it their code can do whatever the
            person who grades can.
        progress: called as ``progress(student, done, total)`` before each submission.

    Raises:
        CourseError: no such assignment, student or submission, no sandbox on this machine, or the
            machine fails (disk full, no kernel starts). What was graded by then is kept.
    """
    course = Course(course_dir)
    name = course.resolve(assignment)
    if sandbox and (reason := sandbox_module.why_not()):
        raise CourseError(
            f"nothing was graded, because students' code would run without a sandbox: {reason}\n"
            "`--unsafe` grades without one: only for code that you trust as your own."
        )
    chosen = _choose(course, name, students)
    ensure_released(course, name)
    # With another secret the hidden tests are others.
    secret = os.environ.get(sandbox_module.SECRET, "").encode()
    source = f"{course.source_fingerprint(name)}:{hashlib.sha256(secret).hexdigest()}"

    results = []
    with warnings.catch_warnings():
        # nbgrader's own queries make SQLAlchemy 2 warn on every new submission.
        warnings.simplefilter("ignore", SAWarning)
        for done, student in enumerate(chosen):
            progress(student, done, len(chosen))
            submission = Submission(course, name, student)
            results.append(submission.grade(source, force=force, sandbox=sandbox))
    return results


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


@dataclass
class Submission:
    """One student's submission of an assignment on its way into the gradebook."""

    course: Course
    assignment: str
    student: str
    review: list[str] = field(default_factory=list)
    malformed: dict[str, str] = field(default_factory=dict)

    def grade(self, source: str, *, force: bool, sandbox: bool) -> Graded:
        """Grade the submission, unless its note says that this was done with the same files."""
        folder = self.course.folder("submitted", self.assignment, self.student)
        note_file = self.course.notes(self.assignment, "graded", self.student, "note.json")
        now = f"{source}:{fingerprint(folder)}"

        old = Note.read(note_file)
        autograded = self.course.folder("autograded", self.assignment, self.student)
        if old and old.fingerprint == now and autograded.is_dir() and not force:
            with self.course.gradebook() as gradebook:
                if known := result(gradebook, self.assignment, self.student, old, skipped=True):
                    return known

        note_file.unlink(missing_ok=True)
        start = time.monotonic()
        try:
            notebooks = self._run(folder, sandbox=sandbox)
        except KernelStartError as error:
            raise CourseError(
                f"stopped at {self.student}: the kernel did not start ({error}). Nothing was "
                "recorded for this submission; the ones before it are graded."
            ) from error
        except DatabaseError as error:
            raise database_error(self.course.directory("*").db_url, error) from error
        except OSError as error:
            if error.errno in MACHINE_ERRORS:
                raise CourseError(f"stopped at {self.student}: {error}") from error
            raise
        state, reason = self._verdict(notebooks)
        note = Note(now, state, reason, round(time.monotonic() - start, 2), sandbox)
        with self.course.gradebook() as gradebook:
            graded = result(gradebook, self.assignment, self.student, note, skipped=False)
        assert graded is not None
        note.write(note_file)
        return graded

    def _verdict(self, notebooks: list[str]) -> tuple[str, str]:
        reasons = [*self.malformed.values(), *self.review]
        if len(self.malformed) == len(notebooks):
            return MALFORMED, " ".join(reasons)
        return (NEEDS_REVIEW if reasons else GRADED), " ".join(reasons)

    def _run(self, folder: Path, *, sandbox: bool) -> list[str]:
        with self.course.gradebook() as gradebook:
            rows = gradebook.find_assignment(self.assignment).notebooks
            notebooks = sorted(row.name for row in rows)
        with tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True) as temporary:
            directory = self.course.directory(
                self.assignment, submitted_directory=str(Path(temporary, "submitted"))
            )
            copy = Path(
                directory.format_path(directory.submitted_directory, self.student, self.assignment)
            )
            intake = take_in(folder, copy, notebooks)
            self.malformed |= intake.bad
            self.review += [f"Left out: {what}." for what in intake.left_out]
            if intake.good:
                converter = AutogradeOne(
                    coursedir=directory, config=self.course.config, sandbox=sandbox
                )
                try:
                    converter.start()
                except (KernelStartError, DatabaseError, OSError):
                    raise
                except Exception as error:  # before the first notebook: it holds for all of them
                    converter.failures = dict.fromkeys(intake.good, error)
                for name, error in converter.failures.items():
                    self.malformed[name] = explain(name, error)
            else:
                self._enter(directory.get_existing_timestamp(str(copy)))

        for name in notebooks:
            if name in self.malformed:
                self._record_malformed(name)
            else:
                self._look_over(name)
        if intake.left_out:
            with self.course.gradebook() as gradebook:
                for name in sorted(set(notebooks) - set(self.malformed)):
                    mark_for_review(gradebook, self.assignment, self.student, name)
        return notebooks

    def _enter(self, timestamp) -> None:
        """What nbgrader does first: an empty folder, rows for the student and the submission."""
        folder = self.course.folder("autograded", self.assignment, self.student)
        shutil.rmtree(folder, ignore_errors=True)
        given = {} if timestamp is None else {"timestamp": timestamp}
        with self.course.gradebook() as gradebook:
            gradebook.update_or_create_student(self.student)
            gradebook.update_or_create_submission(self.assignment, self.student, **given)

    def _autograded(self, notebook: str) -> Path:
        folder = self.course.folder("autograded", self.assignment, self.student)
        return folder / f"{notebook}.ipynb"

    def _record_malformed(self, name: str) -> None:
        """Score 0, and the released notebook with the reason on top stands in for it."""
        with self.course.gradebook() as gradebook:
            record_zero(gradebook, self.assignment, self.student, name)
        released = self.course.folder("release", self.assignment) / f"{name}.ipynb"
        notebook = nbformat.read(released, as_version=4)
        notebook.cells.insert(
            0,
            nbformat.v4.new_markdown_cell(
                f"**This notebook could not be graded.** {self.malformed[name]}"
            ),
        )
        target = self._autograded(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        nbformat.write(notebook, target)
        os.chmod(target, 0o444)

    def _look_over(self, name: str) -> None:
        """Close the gaps that nbgrader leaves, and note what a person has to see."""
        cells = nbformat.read(self._autograded(name), as_version=4).cells
        graded = {
            cell.metadata.nbgrader.grade_id: cell
            for cell in cells
            if nbgrader_utils.is_grade(cell) or nbgrader_utils.is_task(cell)
        }
        stopped = {id for id, cell in graded.items() if _stopped(cell)}
        with self.course.gradebook() as gradebook:
            where = (gradebook, self.assignment, self.student, name)
            if gaps := fill_gaps(*where, present=graded.keys()):
                self.review.append(f"Missing or without a score, counted 0: {', '.join(gaps)}.")
            if any(_stopped(cell) for cell in cells):
                mark_for_review(*where, cells=stopped)
                why = next(why for cell in cells if (why := _stopped(cell)))
                self.review.append(f"The kernel stopped: {why}.")


def _stopped(cell: nbformat.NotebookNode) -> str:
    """Why the kernel stopped in or before a cell; empty if it did not."""
    errors = (output for output in cell.get("outputs", []) if output.get("ename") == STOPPED)
    return next((error.evalue for error in errors), "")


def explain(notebook: str, error: Exception) -> str:
    """Why nbgrader could not grade a notebook, in words for the student."""
    lines = str(error).strip().splitlines() or [""]
    said = f"{type(error).__name__}: {lines[0]}"
    return f"{notebook}.ipynb could not be graded ({said}). {AGAIN}"
