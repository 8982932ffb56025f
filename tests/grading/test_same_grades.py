"""The same courses through stock nbgrader and through ours: the same rows and the same files."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import nbformat
import nbgrader
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from tiny_course import ASSIGNMENT, CONFIG, answers, make_course, released, submit

from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.engine import grade
from course_utils.grading.records import GRADED
from course_utils.grading.release import release

pytestmark = [
    pytest.mark.skipif(
        sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
    ),
    pytest.mark.usefixtures("one_zygote"),  # none of these tests is about its start
]
LATE = """
c.LateSubmissionPlugin.penalty_method = "zero"
c.LimitOutput.max_lines = 5
"""
EXAMPLE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"


def stock(root: Path, *arguments: str) -> None:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=root,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def rows(root: Path, assignment: str) -> dict[tuple[str, ...], object]:
    """Everything that the gradebook has of an assignment's submissions."""
    found: dict[tuple[str, ...], object] = {}
    with Course(root).gradebook() as gradebook:
        for submission in gradebook.assignment_submissions(assignment):
            who = submission.student_id
            found[who, "timestamp"] = submission.timestamp
            for notebook in submission.notebooks:
                place = who, notebook.name
                found[*place, "totals"] = (
                    notebook.score,
                    notebook.max_score,
                    notebook.written_score,
                    notebook.code_score,
                    notebook.task_score,
                    notebook.needs_manual_grade,
                    notebook.failed_tests,
                    notebook.late_submission_penalty,
                )
                for one in notebook.grades:
                    row = one.auto_score, one.manual_score, one.needs_manual_grade, one.extra_credit
                    found[*place, "grade", one.name] = row
                for one in notebook.comments:
                    found[*place, "comment", one.name] = one.auto_comment, one.manual_comment
    return found


def files(root: Path) -> dict[str, tuple[str, object]]:
    """Every file of ``autograded/`` with its permissions and content."""
    return {
        str(path.relative_to(root)): (
            stat.filemode(path.stat().st_mode),
            _content(nbformat.read(path, as_version=4))
            if path.suffix == ".ipynb"
            else path.read_bytes()
            if path.is_file()
            else b"",
        )
        for path in sorted((root / "autograded").rglob("*"))
    }


def _content(notebook: NotebookNode) -> NotebookNode:
    """All of a notebook but tags, the times when cells ran, and where objects lay in memory."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        cell.metadata.pop("tags", None)  # ours takes some off
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [re.sub("0x[0-9a-f]+", "0x", line) for line in output.traceback]
    return notebook


def assert_same(ours: Path, theirs: Path, assignment: str) -> None:
    assert rows(ours, assignment) == rows(theirs, assignment)
    found, expected = files(ours), files(theirs)
    assert found.keys() == expected.keys()
    for name in found:
        assert found[name] == expected[name], name


def test_a_course_of_ours(tmp_path):
    root = make_course(tmp_path / "ours", config=CONFIG + LATE)
    release(root, "p1")
    with Course(root).gradebook() as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-03-02 10:00:00 UTC")
    blank = released(root)
    submit(root, "blank", blank, timestamp="2026-03-02 09:00:00 UTC")
    submit(root, "late", answers(blank), timestamp="2026-03-02 12:00:00 UTC")
    submit(root, "wrong", answers(blank, scale="def scale(a, k):\n    return 6"))
    submit(root, "broken", answers(blank, add="def add(a, b:"))

    lively = answers(blank)
    shows = "from IPython.display import HTML, display\ndisplay(HTML('<b>x</b>'))\n[1, 2]"
    writes = "from pathlib import Path\nPath('new').mkdir()\nPath('new/out.txt').write_text('1')"
    prints = "for i in range(20):\n    print(i)"
    lively.cells[1:1] = [new_code_cell(source) for source in (shows, writes, prints, "1 / 0")]

    def more(folder: Path) -> None:
        (folder / "data.txt").write_text("mine\n")
        (folder / "sub").mkdir()
        (folder / "sub" / "more.txt").write_text("more\n")

    submit(root, "lively", lively, edit=more)
    theirs = shutil.copytree(root, tmp_path / "theirs")
    assert {graded.state for graded in grade(root, "p1")} == {GRADED}
    stock(theirs, "autograde", ASSIGNMENT)
    assert_same(root, theirs, ASSIGNMENT)


def test_nbgraders_own_example_course(tmp_path):
    stock(tmp_path, "quickstart", "example")
    root = tmp_path / "example"
    release(root, "ps1")
    for student in ("bitdiddle", "hacker"):
        shutil.copytree(EXAMPLE / "submitted" / student, root / "submitted" / student)
    shutil.copytree(root / "release" / "ps1", root / "submitted" / "right" / "ps1")
    _fill(root / "submitted" / "right" / "ps1", root / "source" / "ps1")
    theirs = shutil.copytree(root, tmp_path / "theirs")
    results = {graded.student: graded for graded in grade(root, "ps1")}
    assert results["right"].score == 3
    stock(theirs, "autograde", "ps1")
    assert_same(root, theirs, "ps1")


def _fill(submitted: Path, source: Path) -> None:
    """The author's own answers."""
    for path in submitted.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        author = nbformat.read(source / path.name, as_version=4)
        known = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in author.cells
            if cell.metadata.get("nbgrader", {}).get("solution")
        }
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = known.get(name, cell.source)
        nbformat.write(notebook, path)


def test_a_warning_costs_points_there_and_none_here(tmp_path):
    root = make_course(tmp_path / "ours")
    release(root, "p1")
    warns = "import warnings\ndef add(a, b):\n    warnings.warn('careful')\n    return a + b"
    submit(root, "warned", answers(released(root), add=warns))
    theirs = shutil.copytree(root, tmp_path / "theirs")
    (graded,) = grade(root, "p1")
    stock(theirs, "autograde", ASSIGNMENT)
    assert (graded.state, graded.score) == (GRADED, 10)
    grade_of = ("warned", ASSIGNMENT, "grade", "test-add")
    assert rows(theirs, ASSIGNMENT)[grade_of][0] == 0
