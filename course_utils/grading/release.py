"""The students' version of an assignment, made by nbgrader's ``generate_assignment``."""

from __future__ import annotations

import shutil
from pathlib import Path

from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from rich.console import Console

from course_utils.errors import CourseError
from course_utils.grading.course import Course, alembic_on_path
from course_utils.grading.nblog import named_failures


def release(course_dir: Path, assignment: str) -> Path:
    """Release an assignment and say where it lies; when nothing changed, only say so.

    Solutions and hidden tests are removed, the cells that are graded are recorded in the gradebook.
    Nothing a student submitted is touched.

    Raises:
        CourseError: no such assignment, or nbgrader refuses it; the message has nbgrader's reason.
    """
    course = Course(course_dir)
    name = course.resolve(assignment)
    made = ensure_released(course, name)
    folder = course.folder("release", name).resolve()
    what = "released" if made else "unchanged since its release"
    Console().print(f"{name}: {what}, in {folder}", highlight=False, soft_wrap=True)
    return folder


def ensure_released(course: Course, assignment: str) -> bool:
    """Release if the source changed since the last release; whether that was needed."""
    stamp = course.notes(assignment, "released")
    now = course.source_fingerprint(assignment)
    if stamp.is_file() and stamp.read_text() == now and _complete(course, assignment):
        return False
    source = course.folder("source", assignment)
    if not any(source.glob("*.ipynb")):
        raise CourseError(f"no notebook in {source}")

    # nbgrader removes a release that exists before it makes the next, and again if that fails: it
    # works beside the old one, which is replaced when the new one is whole.
    workshop = stamp.with_name("releasing")
    shutil.rmtree(workshop, ignore_errors=True)
    directory = course.directory(assignment, release_directory=str(workshop))
    converter = GenerateAssignment(coursedir=directory, config=course.config)
    with alembic_on_path(), named_failures(converter, f"{source} cannot be released"):
        converter.start()
    made = Path(directory.format_path(directory.release_directory, ".", assignment))
    released = course.folder("release", assignment)
    shutil.rmtree(released, ignore_errors=True)
    released.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, released)
    shutil.rmtree(workshop)
    stamp.write_text(now)
    return True


def _complete(course: Course, assignment: str) -> bool:
    """Whether the released notebooks and their rows in the gradebook are there."""
    notebooks = {path.name for path in course.folder("source", assignment).glob("*.ipynb")}
    folder = course.folder("release", assignment)
    if not all((folder / name).is_file() for name in notebooks):
        return False
    with course.gradebook() as gradebook:
        try:
            rows = gradebook.find_assignment(assignment).notebooks
        except MissingEntry:
            return False
        return {f"{row.name}.ipynb" for row in rows} == notebooks
