"""Feedback pages: nbgrader's ``generate_feedback``, without hidden tests."""

from __future__ import annotations

import glob
import html
import shutil
from collections.abc import Collection
from pathlib import Path

from nbgrader.converters import GenerateFeedback
from rich.console import Console
from rich.progress import track
from traitlets.config import Config

from course_utils.errors import CourseError
from course_utils.grading.course import Course
from course_utils.grading.exporter import FeedbackExporter
from course_utils.grading.harmless import KeepHarmless
from course_utils.grading.nblog import named_failures
from course_utils.grading.records import MALFORMED, Note
from course_utils.grading.redact import RedactHiddenTests

MALFORMED_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{notebook}: could not be graded</title>
<style>
body {{ font: 1.1rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }}
</style>
</head>
<body>
<main>
<h1>{notebook}</h1>
<p><strong>Your submission could not be graded; its score is 0.</strong></p>
<p>{reason}</p>
<p>If you think that this is a mistake, tell your teaching staff: your file is kept as you
submitted it.</p>
</main>
</body>
</html>
"""


def feedback(course_dir: Path, assignment: str, *, students: Collection[str] = ()) -> Path:
    """Write a page for every notebook of every graded submission, and say where.

    Hidden tests are removed from sources and outputs, HTML in answers and outputs is sanitized, and
    the pages load nothing from the network (so formulas appear as TeX). A malformed submission gets
    a page with the reason.

    Args:
        course_dir: an nbgrader course directory.
        assignment: its name.
        students: write these students' pages only; without any, all.

    Raises:
        CourseError: nothing is graded yet, or nbgrader fails; then the other pages are written.
    """
    course = Course(course_dir)
    name = course.resolve(assignment)
    folder = course.folder("feedback", name, student="*")
    graded = [s for s in course.students(name) if course.folder("autograded", name, s).is_dir()]
    if not graded:
        raise CourseError(f"nothing of {name} is graded yet: course grade {assignment}")
    graded = [student for student in graded if student in students or not students]
    console, failed = Console(), []
    for student in track(graded, description="Feedback", console=console):
        note = Note.read(course.notes(name, "graded", student, "note.json"))
        if note and note.state == MALFORMED:
            _write_malformed(course, name, student, note.reason)
        else:
            try:
                _write_feedback(course, name, student)
            except CourseError as error:
                failed.append(str(error))
    if failed:
        raise CourseError("\n".join([*failed, "The other students' pages are written."]))
    console.print(f"{len(graded)} students' feedback in {folder}", highlight=False, soft_wrap=True)
    return folder


def _write_feedback(course: Course, assignment: str, student: str) -> None:
    settings = Config()
    settings.HTMLExporter.sanitize_html = True
    directory = course.directory(assignment, student_id=glob.escape(student))
    converter = GenerateFeedback(
        coursedir=directory, config=course.config, exporter_class=FeedbackExporter, force=True
    )
    converter.update_config(settings)
    converter.preprocessors = [KeepHarmless, RedactHiddenTests, *converter.preprocessors]
    with named_failures(converter, f"no feedback for {student}"):
        converter.start()


def _write_malformed(course: Course, assignment: str, student: str, reason: str) -> None:
    folder = course.folder("feedback", assignment, student)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for notebook in course.folder("autograded", assignment, student).glob("*.ipynb"):
        page = MALFORMED_PAGE.format(
            notebook=html.escape(notebook.stem), reason=html.escape(reason)
        )
        (folder / f"{notebook.stem}.html").write_text(page, encoding="utf-8")
