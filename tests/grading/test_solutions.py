"""The staff's page has everything, opens without a network, and nothing of it reaches students."""

from __future__ import annotations

import html
import re
import zipfile
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell
from tiny_course import ASSIGNMENT, cell, make_course, source_notebook

from course_utils.errors import CourseError
from course_utils.grading.course import Course
from course_utils.grading.release import release
from course_utils.grading.solutions import contents, solutions
from course_utils.student.pack import write_zip

MODEL = "Because a sum " + "of numbers " * 99 + "is one."  # 203 words
RUBRIC = "3 points for the reason, 2 for an example (a wrong one costs nothing)."
EXPLAIN = f"""### BEGIN SOLUTION
*Model answer.* {MODEL}

*Rubric.* {RUBRIC}
### END SOLUTION"""
DRAWS = """\
import base64
from pathlib import Path
from IPython.display import Image
assert not Path("made.txt").exists(), "the folder is not fresh"
Path("made.txt").write_text("x")
print("six times seven is", 6 * 7)
Image(data=base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
))"""
# What only staff may see: a solution, a hidden test, a model answer, a rubric.
SECRETS = ("return a * k", "hidden_sum", "Because a sum", "costs nothing", "BEGIN SOLUTION")


def write(root: Path, **cells: str) -> None:
    notebook = source_notebook()
    cell(notebook, "task-2").source = "## Task 2: scale (6 points, 25 minutes)\n\n$x^2 | y$"
    cell(notebook, "explain").source = EXPLAIN
    notebook.cells.insert(-1, new_markdown_cell("### Why | so\n\n```\n# no heading\n```"))
    notebook.cells.insert(-1, new_code_cell(DRAWS))
    for name, source in cells.items():
        cell(notebook, name).source = source
    nbformat.write(notebook, root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = make_course(tmp_path_factory.mktemp("solutions"))
    write(root)
    solutions(root, "P1")
    return root


@pytest.fixture(scope="module")
def page(root) -> str:
    return (root / "solutions" / f"{ASSIGNMENT}.html").read_text(encoding="utf-8")


def without_scripts(page: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", without_scripts(page))).split())


def test_it_has_solutions_hidden_tests_model_answers_rubrics_and_outputs(page):
    text = text_of(page)
    for secret in SECRETS:
        assert secret in text
    assert "For staff. Never released." in text
    assert "six times seven is 42" in text
    assert "Tests: test-add, 4 points, with hidden tests" in text
    assert "NotImplementedError" not in text, "no blank answer"
    assert "BEGIN SOLUTION *Model" not in text, "no marks in prose"


def test_it_begins_with_points_minutes_and_an_estimate_that_says_its_formula(page):
    text = text_of(page)
    assert "task points by tests points by hand minutes for students" in text
    assert "Task 1: add 4 0 not said" in text
    assert "Task 2: scale 6 5 25" in text
    assert "all 10 5 25" in text
    # 203 words at 200 a minute and 5 points at 20 s: 61 s + 100 s.
    assert "About 3 minutes for one submission: an estimate, not a measurement." in text
    assert "203 / 200 min + 5 · 20 s" in text
    assert "explain (Why | so), 5 points, about 2.7 minutes" in text
    assert f"Rubric. {RUBRIC}" in text


def test_it_opens_without_a_network_and_is_accessible(page):
    shown = without_scripts(page)
    assert page.startswith("<!DOCTYPE html>")
    assert '<html lang="en">' in page
    assert f"<title>{ASSIGNMENT}: solutions</title>" in page
    tags = re.findall(r"<(?:script|link|img|iframe)\b[^>]*>", shown)
    tags += re.findall(r"<script\b[^>]*>", page)
    assert not [tag for tag in tags if re.search(r"(src|href)=[\"'](?!data:)", tag)]
    assert not re.search(r"\bimport\(|@import", page.replace("window.MathJax", "")[:400_000])
    alternatives = re.findall(r'<img[^>]*\balt="([^"]*)"', shown)
    assert alternatives == ["Figure, in the section “Why | so”"]
    levels = [int(level) for level in re.findall(r"<h([1-6])", shown)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_nothing_of_it_reaches_students(root, tmp_path):
    before = (root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes()
    folder = release(root, "p1")
    write_zip(folder, tmp_path / "handed-in.zip")

    assert not list((root / "release").rglob("*.html"))
    assert not (root / "source" / ASSIGNMENT / "made.txt").exists()
    assert (root / "source" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb").read_bytes() == before
    with zipfile.ZipFile(tmp_path / "handed-in.zip") as packed:
        everything = [packed.read(name).decode("utf-8", "replace") for name in packed.namelist()]
    files = [path for path in (root / "release").rglob("*") if path.is_file()]
    everything += [path.read_text("utf-8", "replace") for path in files]
    for secret in SECRETS:
        assert not any(secret in text for text in everything)
    assert "solutions" not in Course(root).assignments()
    ignored = Path(__file__).parents[2] / "assignments" / ".gitignore"
    assert "/solutions/" in ignored.read_text().splitlines()


def test_a_cell_that_fails_is_named_and_the_old_page_stays(root, page):
    write(root, add="def add(a, b):\n    return 7")
    with pytest.raises(CourseError, match=rf"{ASSIGNMENT}.ipynb, test-add fails.*AssertionError"):
        solutions(root, "p1")
    write(root)
    assert (root / "solutions" / f"{ASSIGNMENT}.html").read_text(encoding="utf-8") == page
    assert [path.suffix for path in (root / "solutions").iterdir()] == [".html"]


def test_an_answer_without_a_rubric_and_points_before_the_first_task_are_told():
    notebook = source_notebook()
    notebook.cells = [one for one in notebook.cells if not one.source.startswith("## ")]
    found = contents(notebook)
    assert [(task.title, task.by_tests, task.by_hand) for task in found.tasks] == [
        ("before the first task", 10, 5)
    ]
    assert [(one.name, one.rubric) for one in found.answers] == [("explain", "")]


def test_without_a_notebook_it_says_where_one_was_looked_for(root):
    (root / "source" / "p2-none").mkdir()
    with pytest.raises(CourseError, match=r"no notebook in .*p2-none"):
        solutions(root, "p2")
