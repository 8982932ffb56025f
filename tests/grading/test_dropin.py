"""nbgrader's own applications on our converter: nbgrader's own tests say whether they notice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbgrader.converters
import pytest
from tiny_course import ASSIGNMENT, answers, make_course, released, submit

from course_utils.grading import Autograde, sandbox
from course_utils.grading.course import Course
from course_utils.grading.release import release

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)
PLUGIN = """
import nbgrader.apps.autogradeapp, nbgrader.converters
from course_utils.grading import Autograde
nbgrader.apps.autogradeapp.Autograde = nbgrader.converters.Autograde = Autograde
"""
# Of the 42 (nbgrader itself skips two), those about what runs, what is kept, how it fails.
SAMPLE = (
    "test_missing_assignment",
    "test_grade_timestamp",
    "test_grade_overwrite_files_subdirs",
    "test_side_effects",
    "test_handle_failure",
    "test_no_execute",
    "test_showtraceback_exploit",
)


def test_it_is_nbgraders_converter_and_costs_nothing_until_it_is_used():
    assert issubclass(Autograde, nbgrader.converters.Autograde)
    code = "import sys, course_utils.grading; sys.exit('nbgrader' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nbgraders_own_tests_pass_on_it(tmp_path):
    (tmp_path / "on_ours.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "on_ours", "-p", "no:cacheprovider"]
    tests = ["--pyargs", "nbgrader.tests.apps.test_nbgrader_autograde"]
    done = subprocess.run(
        [*command, *tests, "-k", " or ".join(f"({name} and not {name}_)" for name in SAMPLE)],
        cwd=tmp_path,
        env=os.environ
        | {
            "PYTHONPATH": str(tmp_path),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{len(SAMPLE)} passed" in done.stdout


def test_what_the_engine_restores_it_restores_and_marks(tmp_path):
    root = make_course(tmp_path)
    release(root, "p1")
    blank = released(root)
    tagged = answers(blank, add="def add(a, b):\n    return 3")
    for cell in tagged.cells:
        cell.metadata["tags"] = ["skip-execution"]
    submit(root, "tagged", tagged)
    gone = answers(blank)
    gone.cells = [cell for cell in gone.cells if cell.id != "test-add"]
    submit(root, "gone", gone)
    course = Course(root)
    Autograde(coursedir=course.directory(ASSIGNMENT), config=course.config).start()
    with course.gradebook() as gradebook:
        found = {
            (student, name): gradebook.find_grade(name, ASSIGNMENT, ASSIGNMENT, student)
            for student in ("tagged", "gone")
            for name in ("test-add", "test-scale")
        }
        scores = {key: (one.auto_score, one.needs_manual_grade) for key, one in found.items()}
    assert scores == {
        ("tagged", "test-add"): (0, False),
        ("tagged", "test-scale"): (6, False),
        ("gone", "test-add"): (4, True),
        ("gone", "test-scale"): (6, False),
    }
