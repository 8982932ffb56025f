"""A1: what its notebook must look like, and that its tests find exactly what is wrong."""

from __future__ import annotations

import ast
import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import torch
from a1_alternatives import ALTERNATIVES
from a1_mistakes import MISTAKES
from a1_weights import FILE, FILES, Weights
from bench import Bench, is_solution, is_test, nbgrader_of, run, secret_is
from nbclient import NotebookClient
from nbformat import NotebookNode
from strength import plant, trained_weights

ASSIGNMENTS = Path(__file__).parents[2] / "assignments"
SOURCE = ASSIGNMENTS / "source" / "a1-mlps" / "a1-mlps.ipynb"
AUTO_POINTS, HAND_POINTS = 70, 30


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


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
        # Another secret must mean other numbers.
        assert "checks.Draw(" in hidden or cell.id.startswith("test-train")
        assert hidden.endswith("### END HIDDEN TESTS")
        # nbgrader would read a last expression's value as partial credit.
        last = ast.parse(cell.source).body[-1]
        assert not isinstance(last, ast.Expr), cell.id


def functions() -> set[str]:
    """The names that students define."""
    cells = filter(is_solution, read(SOURCE).cells)
    trees = [ast.parse(cell.source) for cell in cells]
    return {n.name for tree in trees for n in tree.body if isinstance(n, ast.FunctionDef)}


def test_tests_touch_a_students_function_only_as_the_argument_of_call():
    for cell in filter(is_test, read(SOURCE).cells):
        tree = ast.parse(cell.source)
        named = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
        called = [
            node.args[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "checks.call"
        ]
        assert called or cell.id.startswith("test-train")
        assert [n for n in named if n.id in functions() and n not in called] == []


def test_every_task_says_points_and_minutes_that_add_up_and_has_three_hints_for_each_part():
    notebook = read(SOURCE)
    table = {
        int(task): (int(points), int(minutes))
        for task, points, minutes in re.findall(
            r"^\| (\d+) \|.*\| (\d+) \| (\d+) \|$", notebook.cells[0].source, re.M
        )
    }
    assert sum(points for points, _ in table.values()) == AUTO_POINTS + HAND_POINTS
    assert sum(minutes for _, minutes in table.values()) == 480

    reached: dict[int, float] = {}
    for cell in notebook.cells:
        heading = re.search(
            r"^## Task (\d+): .* \((\d+) points, (\d+) minutes\)$", cell.source, re.M
        )
        if cell.cell_type == "markdown" and heading:
            task, points, minutes = map(int, heading.groups())
            assert table[task] == (points, minutes)
            reached[task] = 0
        if reached:
            reached[task] += nbgrader_of(cell).get("points", 0)
        hints = cell.source.count("<details><summary>Hint")
        assert hints in (0, 3), cell.id
        assert cell.source.count("</details>") == hints
        if re.match(r"## Task (?!1:)", cell.source):
            assert hints == 3, cell.id
    assert reached == {task: points for task, (points, _) in table.items()}


def test_release_shows_neither_solutions_nor_hidden_tests_nor_rubrics(released):
    text = "\n".join(cell.source for cell in released.cells if is_solution(cell))
    assert text.count("raise NotImplementedError()") == len(functions())

    text = "\n".join(cell.source for cell in released.cells)
    assert text.count("YOUR ANSWER HERE") == 6
    for secret in ("SOLUTION", "HIDDEN", "Rubric", "Model answer", "checks.Draw", "x @ W.T + b"):
        assert secret not in text


# --- stock nbgrader -----------------------------------------------------------------------------


def test_stock_nbgrader_gives_the_solution_all_points_and_the_blank_none(course, released, weights):
    from nbgrader.api import Gradebook

    for student, notebook in {"solution": read(SOURCE), "blank": released}.items():
        folder = course / "submitted" / student / "a1-mlps"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "a1-mlps.ipynb")
    torch.save(weights, course / "submitted" / "solution" / "a1-mlps" / FILE)

    nbgrader("autograde", "a1-mlps", cwd=course)

    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        solution = gradebook.find_submission("a1-mlps", "solution")
        blank = gradebook.find_submission("a1-mlps", "blank")
        assert (solution.score, solution.max_score) == (AUTO_POINTS, AUTO_POINTS + HAND_POINTS)
        assert solution.needs_manual_grade
        assert blank.score == 0
        assert not blank.needs_manual_grade


# --- in a real kernel -----------------------------------------------------------------------------

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


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


@pytest.fixture
def source() -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in read(SOURCE).cells}


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_solution_runs_from_top_to_bottom_and_trains_once(source, here):
    kernel = Kernel(read(SOURCE))
    code = [cell for cell in source.values() if cell.cell_type == "code"]
    with kernel.client.setup_kernel(env=ENVIRONMENT, cwd=str(here)):
        assert kernel.run(*code) == {}
        made = (here / FILE).stat().st_mtime_ns
        assert kernel.run(*code) == {}
    assert (here / FILE).stat().st_mtime_ns == made


# --- the tests against mistakes, other right ways and files of weights ----------------------------


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench("a1-mlps")


@pytest.fixture(scope="module")
def trained(bench, tmp_path_factory) -> Path:
    """A folder with good weights in it."""
    folder = tmp_path_factory.mktemp("trained")
    trained_weights(bench, folder)
    return folder


@pytest.fixture(scope="module")
def weights(trained) -> Weights:
    return torch.load(trained / FILE, weights_only=True)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_mistake_loses_exactly_its_tests(bench, trained, mistake):
    planted = plant(bench, mistake.cell, mistake.right, mistake.wrong)

    failed = bench.failures(planted, folder=trained, secret="")

    assert failed.keys() == mistake.fails
    assert all(text.startswith("CheckFailed: ") for text in failed.values())
    if mistake.says is not None:
        assert any(mistake.says in text for text in failed.values()), failed


@pytest.mark.parametrize("cells", ALTERNATIVES.values(), ids=ALTERNATIVES.keys())
def test_other_right_ways_pass_all_tests(bench, trained, cells):
    assert bench.failures(cells, folder=trained, secret="another") == {}


@pytest.mark.parametrize(("write", "fails", "says"), FILES.values(), ids=FILES.keys())
def test_file_of_weights_gets_its_band_or_a_message(bench, weights, tmp_path, write, fails, says):
    write(tmp_path / FILE, weights)

    failed = bench.failures({}, folder=tmp_path, secret="")

    assert failed.keys() == fails
    assert all(says in text for text in failed.values()), failed


def test_hidden_tests_draw_other_numbers_from_another_secret(bench, trained):
    """Who has seen the hidden tests of one secret knows nothing of those of another."""
    remembers = """
seen = {}


def sine_forward(z, omega):
    key = str(z.tolist())
    if learning:
        seen[key] = torch.sin(omega * z) / omega
    return seen[key]
"""
    changed = {"sine-forward": f"if 'learning' not in globals():\n    learning = True\n{remembers}"}
    learned = bench.namespace(changed)
    code = bench.cells["test-sine-forward"].source
    with secret_is("old"):
        assert run("test", code, learned) == ""
        learned["learning"] = False
        assert run("test", code, learned) == ""
    with secret_is("new"):
        assert "KeyError" in run("test", code, learned)


# --- in a real kernel -----------------------------------------------------------------------------


def test_student_cannot_change_what_a_test_compares_with(bench, trained):
    changed = {
        "linear-forward": """
def linear_forward(x, W, b):
    y = x @ W.T + b
    x.zero_(), W.zero_(), b.zero_()
    return y * 0
"""
    }
    assert bench.failures(changed, folder=trained, secret="").keys() == {"test-linear-forward"}


def test_blank_release_runs_with_the_reference_and_without_nbgrader(released, here):
    blank = copy.deepcopy(released)
    blank.cells.append(
        nbformat.v4.new_code_cell(
            "import sys\n"
            "print([name for name in ('nbgrader', 'sqlalchemy', 'sphinx') if name in sys.modules])"
        )
    )
    NotebookClient(
        blank,
        timeout=60,
        allow_errors=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(here)}},
    ).execute()
    cells = {cell.id: cell for cell in blank.cells}
    failed = {
        cell.id: output
        for cell in blank.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }
    assert failed.keys() == {cell.id for cell in blank.cells if is_test(cell)} | {"train-and-save"}
    for name, output in failed.items():
        if name == "train-and-save":
            continue
        assert output.ename == "CheckFailed"
        unwritten = output.evalue.endswith(" is not written yet.")
        assert unwritten or output.evalue.startswith(f"There is no file {FILE}"), name
        assert output.traceback == [output.evalue], name  # one short message, no frames
    assert cells["parts"].outputs[0].text.count("the reference steps in") == 8
    for name in ("measure-sum", "measure-momentum", "measure-smooth"):
        assert "test accuracy" in cells[name].outputs[-1].text
    assert blank.cells[-1].outputs[0].text == "[]\n"


def test_references_and_right_functions_train_alike(bench):
    """Who has not solved a task sees the same experiments as who has."""
    yours, reference = bench.namespace({}), bench.namespace(bench.blank())
    for names in (yours, reference):
        assert run("parts", bench.cells["parts"].source, names) == ""
        assert run("learn", bench.cells["learn"].source, names) == ""
    options = {"momentum": 0.9, "epsilon": 0.1, "steps": 20}
    ours, theirs = yours["learn"](**options)[0], reference["learn"](**options)[0]
    assert theirs == pytest.approx(ours, rel=1e-3)
