"""A submission on its way to the workers: taken in, put right, sanitized."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import find_all_files
from sqlalchemy.exc import DatabaseError

from course_utils.grading.converter import SplitAutograde
from course_utils.grading.course import Course
from course_utils.grading.intake import AGAIN, MACHINE_ERRORS, take_in
from course_utils.grading.restore import Restored


@dataclass
class Prepared:
    """A submission that can be executed and recorded.

    Attributes:
        temporary: a folder of the submission's own.
        copy: in it, what was submitted, cleaned, with the source folder's files over it.
        malformed: why notebooks cannot be graded, by name, in words for the student.
        left_out: what was not taken in, in words for staff.
        converter: nbgrader's, for this copy.
        notebooks: the other notebooks, sanitized.
        restored: what was put right in each.
        jobs: what workers have to know of each; None where executing is switched off.
    """

    student: str
    temporary: Path
    copy: Path
    malformed: dict[str, str]
    left_out: list[str]
    converter: SplitAutograde
    notebooks: dict[str, NotebookNode] = field(default_factory=dict)
    restored: dict[str, Restored] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    def path(self, notebook: str) -> str:
        return str(self.copy / f"{notebook}.ipynb")

    def written(self, notebook: str) -> Path:
        """Where the files go that a notebook writes."""
        return self.temporary / "written" / notebook


def prepare(
    course: Course,
    assignment: str,
    student: str,
    released: Mapping[str, NotebookNode],
    temporary: Path,
) -> Prepared:
    """Take a submission in and do what nbgrader does before it executes a notebook.

    Args:
        course: the course.
        assignment: its full name.
        student: whose submission.
        released: the assignment's notebooks, by name.
        temporary: an empty folder of the submission's own.
    """
    directory = course.directory(assignment, submitted_directory=str(temporary / "submitted"))
    copy = Path(directory.format_path(directory.submitted_directory, student, assignment))
    submitted = course.folder("submitted", assignment, student)
    intake = take_in(submitted, copy, sorted(released))
    converter = SplitAutograde(coursedir=directory, config=course.config, force=True)
    prepared = Prepared(student, temporary, copy, intake.bad, intake.left_out, converter)
    _lay_over(course, assignment, converter, copy)
    (temporary / "written").mkdir()
    converter.begin([prepared.path(name) for name in intake.good])
    for name in intake.good:
        try:
            notebook, restored = converter.sanitize(prepared.path(name), released[name])
            prepared.jobs[name] = converter.job(notebook)
        except DatabaseError:
            raise  # the machine's fault, not this submission's
        except Exception as error:
            if isinstance(error, OSError) and error.errno in MACHINE_ERRORS:
                raise
            prepared.malformed[name] = explain(name, error)
        else:
            prepared.notebooks[name], prepared.restored[name] = notebook, restored
    return prepared


def explain(notebook: str, error: Exception) -> str:
    """Why nbgrader could not grade a notebook, in words for the student."""
    lines = str(error).strip().splitlines() or [""]
    said = f"{type(error).__name__}: {lines[0]}"
    return f"{notebook}.ipynb could not be graded ({said}). {AGAIN}"


def _lay_over(course: Course, assignment: str, converter: SplitAutograde, copy: Path) -> None:
    """The source folder's files, which nbgrader puts over what was submitted."""
    source = course.folder("source", assignment)
    kept = {source / name for name in converter.exclude_overwriting.get(assignment, [])}
    for file in find_all_files(str(source), [*converter.coursedir.ignore, "*.ipynb"]):
        if Path(file) not in kept:
            target = copy / Path(file).relative_to(source)
            if target.is_dir():
                shutil.rmtree(target)
            for parent in reversed(target.relative_to(copy).parents):
                if (copy / parent).is_file():
                    (copy / parent).unlink()
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
