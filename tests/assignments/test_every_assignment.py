"""Every assignment: what its notebook must look like, and that its tests find just what is wrong.

A third of the mistakes and half of the files are tried here, with one secret; `make strength` tries
all, with ten.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
from functools import cache
from pathlib import Path

import nbformat
import pytest
from bench import SOURCES, Bench, is_solution, is_test, nbgrader_of
from nbformat import NotebookNode
from strength import failures_with
from variants import ASSIGNMENTS, SOURCED, variants

from course_utils.grading.release import release

AUTO_POINTS, HAND_POINTS = 70, 30
MINUTES = {"a1": 480, "a2": 720, "a3": 600, "a4": 720}  # as the book's syllabus says, in hours

every_assignment = pytest.mark.parametrize("assignment", ASSIGNMENTS)


@cache
def source(assignment: str) -> NotebookNode:
    return nbformat.read(SOURCES / assignment / f"{assignment}.ipynb", as_version=4)


@cache
def functions(assignment: str) -> frozenset[str]:
    """The names that students define."""
    trees = [ast.parse(cell.source) for cell in source(assignment).cells if is_solution(cell)]
    return frozenset(n.name for tree in trees for n in tree.body if isinstance(n, ast.FunctionDef))


def test_every_assignment_is_tried():
    assert SOURCED == ASSIGNMENTS


# --- the source ---------------------------------------------------------------------------------


@every_assignment
def test_source_is_kept_without_outputs_and_written_one_line_a_line(assignment):
    text = (SOURCES / assignment / f"{assignment}.ipynb").read_text(encoding="utf-8")
    notebook = json.loads(text)

    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    nbformat.validate(notebook)


@every_assignment
def test_points_are_100_of_which_a_person_gives_30(assignment):
    cells = [cell for cell in source(assignment).cells if nbgrader_of(cell).get("grade")]

    assert sum(nbgrader_of(c)["points"] for c in cells if is_test(c)) == AUTO_POINTS
    assert sum(nbgrader_of(c)["points"] for c in cells if not is_test(c)) == HAND_POINTS


@every_assignment
def test_every_cell_has_a_stable_name_and_tests_are_locked(assignment):
    cells = [cell for cell in source(assignment).cells if nbgrader_of(cell)]

    names = [nbgrader_of(cell)["grade_id"] for cell in cells]
    assert len(set(names)) == len(names)
    assert names == [cell.id for cell in cells]
    assert {nbgrader_of(cell)["schema_version"] for cell in cells} == {3}
    assert all(nbgrader_of(cell)["locked"] != nbgrader_of(cell)["solution"] for cell in cells)


@every_assignment
def test_every_test_cell_has_visible_and_hidden_tests_and_no_value(assignment):
    for cell in filter(is_test, source(assignment).cells):
        visible, hidden = cell.source.split("### BEGIN HIDDEN TESTS\n")
        assert "checks." in visible
        assert "checks." in hidden
        # Another secret must mean other numbers.
        assert "checks.Draw(" in hidden or cell.id.startswith("test-train")
        assert hidden.endswith("### END HIDDEN TESTS")
        # nbgrader would read a last expression's value as partial credit.
        last = ast.parse(cell.source).body[-1]
        assert not isinstance(last, ast.Expr), cell.id


@every_assignment
def test_tests_touch_a_students_function_only_as_the_argument_of_call(assignment):
    for cell in filter(is_test, source(assignment).cells):
        tree = ast.parse(cell.source)
        named = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
        called = [
            node.args[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "checks.call"
        ]
        assert called or cell.id.startswith("test-train")
        assert [n for n in named if n.id in functions(assignment) and n not in called] == []


@every_assignment
def test_every_task_says_points_and_minutes_that_add_up_and_has_three_hints(assignment):
    notebook = source(assignment)
    table = {
        int(task): (int(points), int(minutes))
        for task, points, minutes in re.findall(
            r"^\| (\d+) \|.*\| (\d+) \| (\d+) \|$", notebook.cells[0].source, re.M
        )
    }
    assert 6 <= len(table) <= 10
    assert sum(points for points, _ in table.values()) == AUTO_POINTS + HAND_POINTS
    assert sum(minutes for _, minutes in table.values()) == MINUTES[assignment.split("-")[0]]

    reached: dict[int, float] = {}
    hints: dict[int, int] = {}
    for cell in notebook.cells:
        heading = re.search(
            r"^## Task (\d+): .* \((\d+) points, (\d+) minutes\)$", cell.source, re.M
        )
        if cell.cell_type == "markdown" and heading:
            task, points, minutes = map(int, heading.groups())
            assert table[task] == (points, minutes)
            reached[task] = hints[task] = 0
        if reached:
            reached[task] += nbgrader_of(cell).get("points", 0)
            hints[task] += cell.source.count("<details><summary>Hint")
        folded = cell.source.count("<details><summary>Hint")
        assert folded in (0, 3), cell.id
        assert cell.source.count("</details>") == folded
    assert reached == {task: points for task, (points, _) in table.items()}
    assert min(hints.values()) >= 3


@every_assignment
def test_release_shows_neither_solutions_nor_hidden_tests_nor_rubrics(assignment, tmp_path):
    shutil.copytree(SOURCES / assignment, tmp_path / "source" / assignment)
    shutil.copy(SOURCES.parent / "nbgrader_config.py", tmp_path)
    folder = release(tmp_path, assignment)
    released = nbformat.read(folder / f"{assignment}.ipynb", as_version=4)

    text = "\n".join(cell.source for cell in released.cells if is_solution(cell))
    assert text.count("raise NotImplementedError()") == len(functions(assignment))

    text = "\n".join(cell.source for cell in released.cells)
    written = [
        c for c in source(assignment).cells if nbgrader_of(c).get("grade") and not is_test(c)
    ]
    assert text.count("YOUR ANSWER HERE") == len(written) >= 6
    for secret in ("SOLUTION", "HIDDEN", "Rubric", "Model answer", "checks.Draw"):
        assert secret not in text


# --- the tests against mistakes, other right ways and files of weights ----------------------------


@cache
def bench(assignment: str) -> Bench:
    return Bench(assignment)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Of an assignment, the folder with its good files of weights; trained at its first use."""

    @cache
    def folder(assignment: str) -> Path:
        path = tmp_path_factory.mktemp(assignment)
        bench(assignment).train(path)
        return path

    return folder


def all_of(kind: str, *, every: int = 1) -> pytest.MarkDecorator:
    """One run of the test for each variant of this kind of each assignment, or for some."""
    runs = [
        pytest.param(assignment, variant, id=f"{assignment}: {name}")
        for assignment in ASSIGNMENTS
        for name, variant in list(getattr(variants(assignment), kind).items())[::every]
    ]
    return pytest.mark.parametrize(("assignment", "variant"), runs)


@every_assignment
def test_there_are_enough_mistakes_and_other_right_ways(assignment):
    assert len(variants(assignment).mistakes) >= 25
    assert len(variants(assignment).alternatives) >= 8


@every_assignment
def test_solution_passes_all_tests_and_the_blank_none(assignment, trained, tmp_path):
    of = bench(assignment)

    assert of.failures({}, folder=trained(assignment), secret="") == {}
    assert of.failures(of.blank(), folder=tmp_path, secret="").keys() == of.points.keys()


@all_of("mistakes", every=3)
def test_mistake_loses_exactly_its_tests(assignment, variant, trained):
    planted = variant.planted(bench(assignment).solutions)

    failed = bench(assignment).failures(planted, folder=trained(assignment), secret="")

    assert failed.keys() == variant.fails
    assert all(text.startswith("CheckFailed: ") for text in failed.values())
    if variant.says is not None:
        assert any(variant.says in text for text in failed.values()), failed


@all_of("alternatives")
def test_other_right_ways_pass_all_tests(assignment, variant, trained):
    failed = bench(assignment).failures(variant, folder=trained(assignment), secret="another")

    assert failed == {}


@all_of("files", every=2)
def test_file_of_weights_gets_its_band_or_a_message(assignment, variant, trained):
    failed = failures_with(bench(assignment), variant, trained(assignment))

    assert failed.keys() == variant.fails
    assert all(variant.says in text for text in failed.values()), failed
