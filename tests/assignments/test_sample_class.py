"""The made-up class, graded end to end: every student's state and points, and none is lost."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest

from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.engine import grade
from course_utils.grading.records import Graded
from course_utils.grading.release import ensure_released

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"


def load_script() -> ModuleType:
    path = ASSIGNMENTS / "sample_class" / "a1_mlps.py"
    spec = importlib.util.spec_from_file_location("a1_mlps", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["a1_mlps"] = module  # where dataclasses look their annotations up
    spec.loader.exec_module(module)
    return module


sample = load_script()


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course directory of the sample class's own, with everything handed in."""
    root = tmp_path_factory.mktemp("sample-class")
    shutil.copytree(ASSIGNMENTS / "source", root / "source")
    shutil.copy(ASSIGNMENTS / "sample_class" / "nbgrader_config.py", root)
    ensure_released(Course(root), sample.ASSIGNMENT)
    with Course(root).gradebook() as gradebook:
        gradebook.update_or_create_assignment(sample.ASSIGNMENT, duedate=sample.DUE)
    sample.write(root)
    return root


@pytest.fixture(scope="module")
def results(course) -> dict[str, Graded]:
    if reason := sandbox.why_not():
        pytest.skip(f"no sandbox here: {reason}")
    return {result.student: result for result in grade(course, "A1")}


def test_nobody_is_lost(results):
    assert list(results) == [student.id for student in sample.STUDENTS]


@pytest.mark.parametrize("student", sample.STUDENTS, ids=lambda student: student.id)
def test_state_and_points_are_as_expected(results, student):
    result = results[student.id]

    assert (result.state, result.score, result.max_score, result.by_hand) == (
        student.state,
        student.score,
        sample.AUTO_POINTS,
        student.by_hand,
    ), result.reason
    assert (result.late > 0) == student.late


def test_gradebook_has_every_students_points_and_the_lateness_without_a_penalty(course, results):
    with Course(course).gradebook() as gradebook:
        for student in sample.STUDENTS:
            submission = gradebook.find_submission(sample.ASSIGNMENT, student.id)
            assert submission.score == student.score
            assert submission.max_score == sample.AUTO_POINTS + sample.HAND_POINTS
            assert submission.total_seconds_late == (7200 if student.late else 0)
            assert not submission.late_submission_penalty


def test_endless_cell_fails_at_the_time_limit_and_later_cells_run(course, results):
    path = course / "autograded" / "s09-endless" / sample.ASSIGNMENT / f"{sample.ASSIGNMENT}.ipynb"
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}

    names = {output.get("ename") for output in cells["test-loss-stable"].outputs}
    assert "CellTimeoutError" in names or "KeyboardInterrupt" in names
    assert "The tests you see pass." in cells["test-loss-gradient"].outputs[0].text


def test_same_release_gives_the_same_files(course, tmp_path):
    shutil.copytree(course / "release", tmp_path / "release")
    sample.write(tmp_path)

    def files(root: Path) -> dict[str, str]:
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((root / "submitted").rglob("*"))
            if path.is_file()
        }

    assert files(tmp_path) == files(course)
    with_weights = [student for student in sample.STUDENTS if student.weights]
    assert len(files(course)) == 2 * len(sample.STUDENTS) + len(with_weights)
