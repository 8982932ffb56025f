"""Grading as staff meet it: what is done again, what is kept, what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_course import (
    ASSIGNMENT,
    answers,
    make_course,
    released,
    source_notebook,
    submit,
)

from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.engine import grade
from course_utils.grading.release import release

needs_sandbox = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)
WRONG_SCALE = "def scale(a, k):\n    return 6"
COURSE = [sys.executable, "-c", "from course_utils.cli import main; main()"]


def rows(root: Path) -> dict[tuple[str, str], float | None]:
    """The automatic score of every cell of every student, as nbgrader has it."""
    with Course(root).gradebook() as gradebook:
        return {
            (submission.student_id, grade.name): grade.auto_score
            for submission in gradebook.assignment_submissions(ASSIGNMENT)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def write_three(root: Path) -> None:
    blank = released(root)
    submit(root, "blank", blank)
    submit(root, "right", answers(blank))
    submit(root, "wrong", answers(blank, scale=WRONG_SCALE))


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    root = make_course(tmp_path_factory.mktemp("template") / "course")
    release(root, "p1")
    write_three(root)
    return root


@pytest.fixture
def root(tmp_path, template, one_zygote) -> Path:
    return shutil.copytree(template, tmp_path / "course")


@needs_sandbox
def test_only_what_changed_is_graded_again(root):
    first = grade(root, ASSIGNMENT)
    assert [graded.skipped for graded in first] == [False, False, False]
    again = grade(root, ASSIGNMENT)
    assert [graded.skipped for graded in again] == [True, True, True]
    assert [graded.score for graded in again] == [graded.score for graded in first] == [0, 10, 4]

    submit(root, "blank", answers(released(root), add="def add(a, b):\n    return 0"))
    changed = grade(root, ASSIGNMENT)
    assert [(g.student, g.skipped, g.score) for g in changed] == [
        ("blank", False, 6),
        ("right", True, 10),
        ("wrong", True, 4),
    ]
    assert not any(g.skipped for g in grade(root, ASSIGNMENT, students=["right"], force=True))

    # A mended hidden test reaches the students' scores without another command.
    path = root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.write_text(path.read_text().replace("scale(8, 9) == 72", "scale(2, 3) == 6"))
    mended = grade(root, ASSIGNMENT)
    assert [(g.skipped, g.score) for g in mended] == [(False, 6), (False, 10), (False, 10)]


@needs_sandbox
def test_the_secret_reaches_the_tests_and_another_one_grades_again(root, monkeypatch):
    scale = (
        "import os\ndef scale(a, k):\n    return a * k if os.environ['COURSE_SECRET'] == 's' else 0"
    )
    submit(root, "right", answers(released(root), scale=scale))
    monkeypatch.setenv("COURSE_SECRET", "s")
    (first,) = grade(root, ASSIGNMENT, students=["right"])
    (again,) = grade(root, ASSIGNMENT, students=["right"])
    assert (first.score, again.score, again.skipped) == (10, 10, True)
    monkeypatch.delenv("COURSE_SECRET")
    (public,) = grade(root, ASSIGNMENT, students=["right"])
    assert (public.score, public.skipped) == (4, False)


@needs_sandbox
def test_a_persons_score_and_comment_survive_grading_again(root):
    grade(root, ASSIGNMENT, students=["right"])
    with Course(root).gradebook() as gradebook:
        gradebook.find_grade("explain", ASSIGNMENT, ASSIGNMENT, "right").manual_score = 3
        gradebook.find_comment("explain", ASSIGNMENT, ASSIGNMENT, "right").manual_comment = "Good"
        gradebook.db.commit()
    grade(root, ASSIGNMENT, students=["right"], force=True)
    with Course(root).gradebook() as gradebook:
        assert gradebook.find_grade("explain", ASSIGNMENT, ASSIGNMENT, "right").manual_score == 3
        comment = gradebook.find_comment("explain", ASSIGNMENT, ASSIGNMENT, "right")
        assert comment.comment == "Good"


@needs_sandbox
def test_a_run_killed_in_the_middle_is_completed_by_the_next(root, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(root, whole)
    grade(whole, ASSIGNMENT)

    notes = root / ".course" / ASSIGNMENT / "graded"
    process = subprocess.Popen(
        [*COURSE, "grade", "p1", "--course-dir", str(root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not any(notes.rglob("note.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    finished = grade(root, ASSIGNMENT)
    assert any(graded.skipped for graded in finished), "what was graded before the kill is kept"
    assert rows(root) == rows(whole)


@needs_sandbox
def test_late_is_counted_from_the_due_date(root):
    submit(root, "right", answers(released(root)), timestamp="2026-03-02 12:00:00 UTC")
    with Course(root).gradebook() as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-03-02 10:00:00 UTC")
    (graded,) = grade(root, ASSIGNMENT, students=["right"])
    assert graded.late == 7200
    assert graded.score == 10


@needs_sandbox
def test_json_is_all_that_is_printed_on_standard_output(root):
    submit(root, "broken", "{")
    command = [*COURSE, "grade", "P1", "--course-dir", str(root), "--json"]
    command += ["--student", "broken", "--student", "right"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = {entry["student"]: entry for entry in json.loads(done.stdout)}
    assert found["right"]["score"] == 10
    assert found["broken"]["state"] == "malformed"
    assert done.returncode == 1, "a malformed submission needs a person"


@needs_sandbox
def test_the_table_names_states_scores_and_where_to_look(root):
    command = [*COURSE, "grade", "p1", "--course-dir", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    right = next(line for line in done.stdout.splitlines() if "right" in line)
    assert "graded" in right
    assert "10/10" in right
    assert "+5" in right
    assert str(root / "gradebook.db") in done.stdout


def test_without_a_sandbox_grading_is_refused_unless_unsafe(root):
    """A PATH without bubblewrap is a machine without it."""
    only_ours = os.environ | {"PATH": str(Path(sys.executable).parent)}
    command = [*COURSE, "grade", "p1", "--course-dir", str(root), "--student", "right"]
    refused = subprocess.run(command, env=only_ours, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "bubblewrap is not installed" in refused.stderr
    assert "--unsafe" in refused.stderr
    assert not (root / "autograded").exists()

    unsafe = subprocess.run(
        [*command, "--unsafe"], env=only_ours, capture_output=True, text=True, check=False
    )
    assert unsafe.returncode == 0, unsafe.stderr
    assert "10/10" in unsafe.stdout
    assert "without a sandbox: right" in unsafe.stdout


@needs_sandbox
def test_unknown_students_and_empty_classes_are_named(root):
    with pytest.raises(CourseError, match=r"by nobody.*blank, right, wrong"):
        grade(root, ASSIGNMENT, students=["nobody"])
    shutil.rmtree(root / "submitted")
    with pytest.raises(CourseError, match="no submissions of p1-numbers"):
        grade(root, ASSIGNMENT)


@pytest.mark.parametrize("name", ["p1", "P1", "p1-numbers", "P1-Numbers"])
def test_short_names_resolve(root, name):
    assert Course(root).resolve(name) == ASSIGNMENT


def test_names_that_fit_none_or_several_list_what_exists(root):
    (root / "source" / "p1-more").mkdir()
    with pytest.raises(CourseError, match="p1-more, p1-numbers"):
        Course(root).resolve("p1")
    with pytest.raises(CourseError, match="there are: p1-more, p1-numbers"):
        Course(root).resolve("p2")
    (root / "source" / "p1").mkdir()
    assert Course(root).resolve("P1") == "p1", "an exact name wins"


def test_a_folder_that_is_no_course_directory_is_refused(tmp_path):
    with pytest.raises(CourseError, match="no folder source/"):
        Course(tmp_path)
    with pytest.raises(CourseError, match="--course-dir"):
        Course(tmp_path / "nowhere")


def test_a_broken_configuration_is_named(root):
    (root / "nbgrader_config.py").write_text("1 / 0\n")
    with pytest.raises(CourseError, match=r"nbgrader_config\.py failed: ZeroDivisionError"):
        release(root, "p1")


def test_release_has_no_solution_and_no_hidden_test(root):
    text = json.dumps(released(root))
    assert "return a + b" not in text
    assert "4711" not in text
    assert "assert add(shared_line, 2) == 3" in text
    assert (root / "release" / ASSIGNMENT / "data.txt").read_text() == "1 2 3\n"


def test_release_runs_again_only_when_the_source_changed(root):
    path = root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    before = path.stat().st_mtime_ns
    release(root, "p1")
    assert path.stat().st_mtime_ns == before
    (root / "source" / ASSIGNMENT / "data.txt").write_text("4\n")
    release(root, "p1")
    assert (path.parent / "data.txt").read_text() == "4\n"
    path.unlink()
    release(root, "p1")
    assert path.is_file()


@needs_sandbox
def test_release_refuses_to_drop_cells_that_have_grades(root):
    grade(root, ASSIGNMENT, students=["right"])
    before = rows(root)
    notebook = source_notebook()
    notebook.cells = [cell for cell in notebook.cells if cell.id != "test-add"]
    path = root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    path.write_text(json.dumps(notebook))
    with pytest.raises(CourseError, match="Cannot add or remove cells"):
        release(root, "p1")
    assert rows(root) == before
    assert "test-add" in json.dumps(released(root)), "the last release is still there"


@needs_sandbox
def test_a_notebook_that_shows_too_much_is_stopped_and_says_so(root):
    config = root / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.Limits.output = 2**20\n")
    flood = "from IPython.display import display\ndef scale(a, k):\n    for _ in range(400):\n"
    flood += "        display({'text/plain': 'x' * 10_000}, raw=True)\n    return a * k"
    submit(root, "right", answers(released(root), scale=flood))
    (graded,) = grade(root, ASSIGNMENT, students=["right"])
    assert (graded.state, graded.score) == ("graded-needs-review", 4)
    assert "had shown more than 1 MiB" in graded.reason


@needs_sandbox
def test_a_notebook_that_seeds_nothing_gets_the_same_grade_again_and_another_student_another(root):
    lucky = (
        "import random\nLUCK = random.random()\ndef scale(a, k):\n    print(LUCK)\n    return a * k"
    )
    for student in ("blank", "right"):
        submit(root, student, answers(released(root), scale=lucky))

    def printed() -> list[str]:
        grade(root, ASSIGNMENT, students=["blank", "right"], force=True)
        notebooks = [
            json.loads((root / "autograded" / s / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_text())
            for s in ("blank", "right")
        ]
        return [
            "".join(output["text"])
            for notebook in notebooks
            for cell in notebook["cells"]
            for output in cell.get("outputs", [])
            if output.get("name") == "stdout"
        ]

    first, again = printed(), printed()
    assert first == again
    assert len(set(first)) == 2
    assert (root / ".course" / "key").stat().st_mode & 0o077 == 0
