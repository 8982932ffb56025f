"""A1: what its notebook must look like, and that its tests find exactly what is wrong."""

from __future__ import annotations

import ast
import copy
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"
SOURCE = ASSIGNMENTS / "source" / "a1-mlps" / "a1-mlps.ipynb"
FUNCTIONS = {
    "linear-forward": "linear_forward",
    "linear-backward": "linear_backward",
    "cross-entropy": "cross_entropy",
    "cross-entropy-backward": "cross_entropy_backward",
}
AUTO_POINTS, HAND_POINTS = 70, 30


def nbgrader_of(cell: NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def is_test(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(nbgrader_of(cell).get("grade"))


def nbgrader(*arguments: str, cwd: Path) -> None:
    """Stock nbgrader, as a person types it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=cwd,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Path:
    """The course directory with A1 released by stock nbgrader."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ASSIGNMENTS / "source", root / "source")
    shutil.copy(ASSIGNMENTS / "nbgrader_config.py", root)
    nbgrader("generate_assignment", "a1-mlps", cwd=root)
    return root


@pytest.fixture(scope="module")
def released(course) -> NotebookNode:
    return read(course / "release" / "a1-mlps" / "a1-mlps.ipynb")


# --- the source ---------------------------------------------------------------------------------


def test_source_is_kept_without_outputs_and_written_one_line_a_line():
    text = SOURCE.read_text(encoding="utf-8")
    notebook = json.loads(text)

    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    nbformat.validate(notebook)


def test_points_are_100_of_which_a_person_gives_30():
    cells = [cell for cell in read(SOURCE).cells if nbgrader_of(cell).get("grade")]

    assert sum(nbgrader_of(c)["points"] for c in cells if is_test(c)) == AUTO_POINTS
    assert sum(nbgrader_of(c)["points"] for c in cells if not is_test(c)) == HAND_POINTS


def test_every_cell_has_a_stable_name_and_tests_are_locked():
    cells = [cell for cell in read(SOURCE).cells if nbgrader_of(cell)]

    names = [nbgrader_of(cell)["grade_id"] for cell in cells]
    assert len(set(names)) == len(names)
    assert names == [cell.id for cell in cells]
    assert {nbgrader_of(cell)["schema_version"] for cell in cells} == {3}
    assert all(nbgrader_of(cell)["locked"] != nbgrader_of(cell)["solution"] for cell in cells)


def test_every_test_cell_has_visible_and_hidden_tests_and_no_value():
    for cell in filter(is_test, read(SOURCE).cells):
        visible, hidden = cell.source.split("### BEGIN HIDDEN TESTS\n")
        assert "checks." in visible
        assert "checks." in hidden
        assert hidden.endswith("### END HIDDEN TESTS")
        # nbgrader would read a last expression's value as partial credit.
        last = ast.parse(cell.source).body[-1]
        assert not isinstance(last, ast.Expr), cell.id


def test_tests_touch_a_students_function_only_as_the_argument_of_call():
    for cell in filter(is_test, read(SOURCE).cells):
        tree = ast.parse(cell.source)
        named = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
        called = [
            node.args[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "checks.call"
        ]
        assert called
        assert [n for n in named if n.id in FUNCTIONS.values() and n not in called] == []


def test_release_shows_neither_solutions_nor_hidden_tests_nor_rubrics(released):
    text = "\n".join(cell.source for cell in released.cells)

    assert text.count("raise NotImplementedError()") == len(FUNCTIONS) + 1  # once in the prose
    assert text.count("YOUR ANSWER HERE") == 2
    for secret in ("SOLUTION", "HIDDEN", "Rubric", "Model answer", "manual_seed(1000", "W.T + b"):
        assert secret not in text


# --- stock nbgrader -----------------------------------------------------------------------------


def test_stock_nbgrader_gives_the_solution_all_points_and_the_blank_none(course, released):
    from nbgrader.api import Gradebook

    for student, notebook in {"solution": read(SOURCE), "blank": released}.items():
        folder = course / "submitted" / student / "a1-mlps"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "a1-mlps.ipynb")

    nbgrader("autograde", "a1-mlps", cwd=course)

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        solution = gradebook.find_submission("a1-mlps", "solution")
        blank = gradebook.find_submission("a1-mlps", "blank")
        assert (solution.score, solution.max_score) == (AUTO_POINTS, AUTO_POINTS + HAND_POINTS)
        assert solution.needs_manual_grade
        assert blank.score == 0
        assert not blank.needs_manual_grade


# --- the tests against solutions, planted mistakes and a blank, in a real kernel ------------------


class Kernel:
    """One kernel that runs cells of the notebook, so that each mistake costs no new start."""

    def __init__(self, notebook: NotebookNode) -> None:
        self.notebook = copy.deepcopy(notebook)
        self.client = NotebookClient(
            self.notebook, timeout=60, allow_errors=True, kernel_name="python3"
        )

    def run(self, *cells: NotebookNode) -> dict[str, str]:
        """Run cells; return the error message of each that failed, by its id."""
        failed = {}
        for cell in cells:
            self.notebook.cells = [copy.deepcopy(cell)]
            for output in self.client.execute_cell(self.notebook.cells[0], 0).outputs:
                if output.output_type == "error":
                    failed[cell.id] = f"{output.ename}: {output.evalue}"
                assert output.get("name") != "stderr", output.text
        return failed


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    kernel = Kernel(read(SOURCE))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    with kernel.client.setup_kernel(env=environment):
        yield kernel


@pytest.fixture
def source() -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in read(SOURCE).cells}


def test_solution_runs_from_top_to_bottom(kernel, source):
    code = [cell for cell in source.values() if cell.cell_type == "code"]

    assert kernel.run(*code) == {}


ONE_FORWARD = {"test-linear-forward"}
THREE_BACKWARD = {"test-linear-dx", "test-linear-dw", "test-linear-db"}
BOTH_LOSSES = {"test-loss", "test-loss-stable"}
BOTH_GRADIENTS = {"test-loss-gradient", "test-loss-gradient-stable"}
ROW_MAX = "logits.max(1, keepdim=True).values"
LOG_P = "shifted - shifted.exp().sum(1, keepdim=True).log()"
FORWARD = "return x @ W.T + b"

# name: (cell, text in the solution, what stands there instead, tests that fail, their message)
MISTAKES = {
    "no bias": ("linear-forward", "+ b", "", ONE_FORWARD, "y of the example"),
    "bias subtracted": ("linear-forward", "+ b", "- b", ONE_FORWARD, "y of the example"),
    "W not transposed": ("linear-forward", "W.T", "W", ONE_FORWARD, "shapes cannot be multiplied"),
    "output transposed": (
        "linear-forward", FORWARD, "return (x @ W.T + b).T", ONE_FORWARD, "did you transpose?",
    ),
    "no return": ("linear-forward", "return ", "", ONE_FORWARD, "did you forget `return`?"),
    "right for the visible batches only": (
        "linear-forward", "+ b", "+ b * (len(x) in (1, 8))", ONE_FORWARD, "B = 6",
    ),
    "dx by the wrong matrix": (
        "linear-backward", "dy @ W", "x", {"test-linear-dx"}, "dx of 8 digits",
    ),
    "dW transposed": (
        "linear-backward", "dy.T @ x", "x.T @ dy", {"test-linear-dw"}, "did you transpose?",
    ),
    "dW averaged": (
        "linear-backward", "dy.T @ x", "dy.T @ x / len(x)", {"test-linear-dw"},
        "8 times too small. Mean or sum?",
    ),
    "db not summed": (
        "linear-backward", "dy.sum(0)", "dy", {"test-linear-db"},
        "expected shape (10,), got (8, 10): did you forget to sum",
    ),
    "db averaged": ("linear-backward", "dy.sum(0)", "dy.mean(0)", {"test-linear-db"}, "too small"),
    "db summed over both": (
        "linear-backward", "dy.sum(0)", "dy.sum()", {"test-linear-db"}, "expected shape (10,)",
    ),
    "db not written yet": ("linear-backward", "dy.sum(0)", "None", {"test-linear-db"}, "None"),
    "two of three returned": (
        "linear-backward", "return dx, dW, db", "return dx, dW", THREE_BACKWARD,
        "must return 3 values, dx, dW, db",
    ),
    "exception": (
        "linear-backward", "dx = dy @ W", "dx = dy @ W.T", THREE_BACKWARD,
        "in linear_backward, line 7: dx = dy @ W.T",
    ),
    "sys.exit": (
        "linear-backward", "dx = dy @ W", "raise SystemExit", THREE_BACKWARD, "raised SystemExit",
    ),
    "not a tensor": (
        "linear-backward", "dx = dy @ W", "dx = (dy @ W).numpy()", THREE_BACKWARD,
        "value of type numpy.ndarray",
    ),
    "loss summed": ("cross-entropy", ".mean()", ".sum()", BOTH_LOSSES, None),
    "loss of one example": ("cross-entropy", ".mean()", "", BOTH_LOSSES, "expected shape ()"),
    "wrong sign": ("cross-entropy", "return -", "return ", BOTH_LOSSES, "wrong sign"),
    "overflow": ("cross-entropy", f"- {ROW_MAX}", "", {"test-loss-stable"}, "NaN or infinite"),
    "one maximum for all rows": (
        "cross-entropy", ROW_MAX, "logits.max()", {"test-loss-stable"}, "NaN or infinite",
    ),
    "epsilon in the logarithm": (
        "cross-entropy", LOG_P, "(shifted.softmax(1) + 1e-12).log()", {"test-loss-stable"}, None,
    ),
    "gradient of the sum": (
        "cross-entropy-backward", " / len(labels)", "", BOTH_GRADIENTS,
        "Mean or sum?",
    ),
    "no label": (
        "cross-entropy-backward", "-= 1", "-= 0", BOTH_GRADIENTS, None,
    ),
    "divided by the visible batch": (
        "cross-entropy-backward", "/ len(labels)", "/ 8", BOTH_GRADIENTS, None,
    ),
    "gradient overflows": (
        "cross-entropy-backward", f"- {ROW_MAX}", "", {"test-loss-gradient-stable"},
        "NaN or infinite",
    ),
    "one maximum for all rows of the gradient": (
        "cross-entropy-backward", ROW_MAX, "logits.max()", {"test-loss-gradient-stable"},
        "NaN or infinite",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "right", "wrong", "fails", "message"), MISTAKES.values(), ids=MISTAKES.keys()
)
def test_mistake_loses_exactly_its_cells(kernel, source, cell, right, wrong, fails, message):
    planted = source[cell]
    assert right in planted.source
    planted.source = planted.source.replace(right, wrong)

    kernel.run(source["setup"], *[source[name] for name in FUNCTIONS])
    failed = kernel.run(*filter(is_test, source.values()))

    assert failed.keys() == fails
    assert all(text.startswith("CheckFailed: ") for text in failed.values())
    if message is not None:
        assert all(message in text for text in failed.values()), failed


@pytest.mark.parametrize(
    ("cell", "one_way", "another"),
    [
        ("linear-forward", FORWARD, "return (W.double() @ x.double().T).T + b"),
        ("linear-backward", "return dx, dW, db", "return [dx, dW, db]"),
        ("cross-entropy", ".mean()", ".double().mean().item()"),
        ("cross-entropy-backward", ROW_MAX, "logits.amax(1, keepdim=True) + 1"),
    ],
)
def test_other_right_ways_pass_all_tests(kernel, source, cell, one_way, another):
    assert one_way in source[cell].source
    source[cell].source = source[cell].source.replace(one_way, another)

    assert kernel.run(*[source[name] for name in FUNCTIONS]) == {}
    assert kernel.run(*filter(is_test, source.values())) == {}


def test_student_cannot_change_what_a_test_compares_with(kernel, source):
    source["linear-forward"].source = """
def linear_forward(x, W, b):
    y = x @ W.T + b
    x.zero_(), W.zero_(), b.zero_()
    return y * 0
"""
    kernel.run(*[source[name] for name in FUNCTIONS])

    assert kernel.run(source["test-linear-forward"]).keys() == ONE_FORWARD


def test_blank_release_runs_with_the_reference_and_without_nbgrader(released):
    blank = copy.deepcopy(released)
    blank.cells.append(
        nbformat.v4.new_code_cell(
            "import sys\n"
            "print([name for name in ('nbgrader', 'sqlalchemy', 'sphinx') if name in sys.modules])"
        )
    )
    NotebookClient(blank, timeout=60, allow_errors=True, kernel_name="python3").execute()
    cells = {cell.id: cell for cell in blank.cells}
    failed = {
        cell.id: output
        for cell in blank.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }

    assert failed.keys() == {cell.id for cell in filter(is_test, blank.cells)}
    for name, output in failed.items():
        assert output.evalue.endswith(" is not written yet."), name
        assert output.traceback == [output.evalue], name  # one short message, no frames
    assert cells["whose"].outputs[0].text.count("the reference steps in") == len(FUNCTIONS)
    assert "gradient of the mean" in cells["measure"].outputs[-1].text
    assert blank.cells[-1].outputs[0].text == "[]\n"
