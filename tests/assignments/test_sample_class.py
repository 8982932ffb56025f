"""The made-up classes, graded end to end: every student's state and points, and none is lost."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.demo import made_up_classes
from course_utils.grading.engine import grade
from course_utils.grading.records import Graded
from course_utils.grading.release import ensure_released

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"
SAMPLE = ASSIGNMENTS / "sample_class"


def sampled(made_up: Any) -> Any:
    """Of A1 all, who have the accidents; of others who is perfect, forbidden and late.

    `course demo`, the last step of `make course`, grades all of all classes.
    """
    if made_up.assignment == "a1-mlps":
        return made_up
    return replace(made_up, students=tuple(made_up.students[i] for i in (0, 4, 6)))


CLASSES = {made_up.assignment: sampled(made_up) for made_up in made_up_classes(SAMPLE)}

every_class = pytest.mark.parametrize("name", CLASSES)
every_student = pytest.mark.parametrize(
    ("name", "student"),
    [
        pytest.param(name, student, id=f"{name}: {student.id}")
        for name, made_up in CLASSES.items()
        for student in made_up.students
    ],
)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """A course directory of the sample classes' own, with everything handed in."""
    root = tmp_path_factory.mktemp("sample-class")
    shutil.copy(SAMPLE / "nbgrader_config.py", root)
    for name, made_up in CLASSES.items():
        shutil.copytree(ASSIGNMENTS / "source" / name, root / "source" / name)
        ensure_released(Course(root), name)
        with Course(root).gradebook() as gradebook:
            gradebook.update_or_create_assignment(name, duedate=made_up.due)
        made_up.write(root)
    return root


@pytest.fixture(scope="module")
def results(course) -> dict[str, dict[str, Graded]]:
    """What became of each student, class by class."""
    if reason := sandbox.why_not():
        pytest.skip(f"no sandbox here: {reason}")
    return {name: {result.student: result for result in grade(course, name)} for name in CLASSES}


def autograded(course: Path, student: str, name: str) -> dict[str, Any]:
    path = course / "autograded" / student / name / f"{name}.ipynb"
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def test_every_assignment_has_a_class():
    assert list(CLASSES) == sorted(path.name for path in (ASSIGNMENTS / "source").iterdir())


@every_class
def test_nobody_is_lost(name, results):
    assert list(results[name]) == [student.id for student in CLASSES[name].students]


@every_student
def test_state_and_points_are_as_expected(name, student, results):
    result = results[name][student.id]

    assert (result.state, result.score, result.max_score, result.by_hand) == (
        student.state,
        student.score,
        CLASSES[name].auto_points,
        student.by_hand,
    ), result.reason
    assert (result.late > 0) == student.late


@every_class
def test_all_points_mean_that_no_cell_failed(name, course, results):
    """Cells without points are run, too: the experiments, for one."""
    perfect = CLASSES[name].students[0]
    assert perfect.score == CLASSES[name].auto_points

    outputs = [
        (id, output)
        for id, cell in autograded(course, perfect.id, name).items()
        for output in cell.get("outputs", [])
    ]
    assert [(id, o.evalue) for id, o in outputs if o.output_type == "error"] == []
    measured = {id for id, output in outputs if id.startswith("measure-")}
    assert len(measured) >= 3


@every_student
def test_gradebook_has_the_points_and_the_lateness_without_a_penalty(
    name, student, course, results
):
    with Course(course).gradebook() as gradebook:
        submission = gradebook.find_submission(name, student.id)
        assert submission.score == student.score
        assert submission.max_score == CLASSES[name].auto_points + CLASSES[name].hand_points
        assert submission.total_seconds_late == (7200 if student.late else 0)
        assert not submission.late_submission_penalty


def test_endless_cell_fails_at_the_time_limit_and_later_cells_run(course, results):
    cells = autograded(course, "s09-endless", "a1-mlps")

    names = {output.get("ename") for output in cells["test-loss-stable"].outputs}
    assert "CellTimeoutError" in names or "KeyboardInterrupt" in names
    assert "The tests you see pass." in cells["test-loss-gradient"].outputs[0].text


@every_class
def test_same_release_gives_the_same_files(name, course, tmp_path):
    shutil.copytree(course / "release", tmp_path / "release")
    CLASSES[name].write(tmp_path)

    def files(root: Path) -> dict[str, str]:
        return {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((root / "submitted").glob(f"*/{name}/*"))
        }

    assert files(tmp_path) == files(course)
