"""The demonstration grades a class for real and notices when a result is not what it must be."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from tiny_course import ASSIGNMENT, graded, make_course, source_notebook

from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.grading.demo import CLASSES, demo

SAMPLE = f"""
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, {str(Path(__file__).parent)!r})
from tiny_course import answers, released, submit

def write(course_dir):
    submit(course_dir, "right", answers(released(course_dir)))
    submit(course_dir, "broken", "{{", timestamp="2026-03-02 12:00:00 UTC")


CLASS = SimpleNamespace(
    assignment={ASSIGNMENT!r},
    due="2026-03-02 10:00:00 UTC",
    students=[
        SimpleNamespace(id="right", state="graded", score=10, by_hand=5, late=False),
        SimpleNamespace(id="broken", state="malformed", score=0, by_hand=0, late=True),
    ],
    write=write,
)
"""


@pytest.fixture
def repository(tmp_path) -> Path:
    assignments = make_course(tmp_path / "assignments")
    script = tmp_path / CLASSES / "a1_made_up.py"
    script.parent.mkdir()
    script.write_text(SAMPLE)
    shutil.move(assignments / "nbgrader_config.py", script.parent)
    return tmp_path


@pytest.mark.skipif(sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}")
def test_the_sample_class_is_graded_once_and_compared_every_time(repository, capsys):
    assert demo(repository) == 0
    said = capsys.readouterr().out
    assert "All 2 submissions ended as expected" in said
    assert "10/10" in said
    course_dir = repository / "_build" / "sample-class"
    assert {path.name for path in (course_dir / "feedback").iterdir()} == {"right", "broken"}
    assert not (repository / "assignments" / "gradebook.db").exists()

    page = course_dir / "feedback" / "right" / ASSIGNMENT / f"{ASSIGNMENT}.html"
    made = page.stat().st_mtime_ns
    assert demo(repository) == 0
    assert capsys.readouterr().out.count("unchanged") >= 2
    assert page.stat().st_mtime_ns == made

    script = repository / CLASSES / "a1_made_up.py"
    script.write_text(script.read_text().replace("score=10", "score=9"))
    assert demo(repository) == 1
    assert "right" in capsys.readouterr().out.split("not as expected")[1]

    # An author adds a cell to the assignment: the old class does not stand in the way.
    path = repository / "assignments" / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    notebook = source_notebook()
    extra = new_code_cell("assert add(0, 0) == 0")
    notebook.cells.append(graded(extra, "test-zero", points=1))
    nbformat.write(notebook, path)
    script.write_text(SAMPLE.replace("score=10", "score=11"))
    assert demo(repository) == 0
    assert "11/11" in capsys.readouterr().out


def test_outside_the_repository_the_message_says_so(tmp_path):
    with pytest.raises(CourseError, match="run this in the repository's folder"):
        demo(tmp_path)


def test_without_a_sandbox_it_says_why_and_is_done(repository, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(repository))
    sandbox.why_not.cache_clear()
    try:
        assert demo(repository) == 0
    finally:
        sandbox.why_not.cache_clear()
    assert "Sample classes not graded: bubblewrap is not installed" in capsys.readouterr().out
