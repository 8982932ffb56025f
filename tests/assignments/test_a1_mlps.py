"""A1 with stock nbgrader and in real kernels, which stand for all assignments."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from a1_weights import FILE
from bench import Bench, is_test, run, secret_is
from nbclient import NotebookClient
from nbformat import NotebookNode

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


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench("a1-mlps")


@pytest.fixture(scope="module")
def trained(bench, tmp_path_factory) -> Path:
    """A folder with good weights in it."""
    folder = tmp_path_factory.mktemp("trained")
    bench.train(folder)
    return folder


# --- stock nbgrader -----------------------------------------------------------------------------


def test_stock_nbgrader_gives_the_solution_all_points_and_the_blank_none(course, released, trained):
    from nbgrader.api import Gradebook

    for student, notebook in {"solution": read(SOURCE), "blank": released}.items():
        folder = course / "submitted" / student / "a1-mlps"
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "a1-mlps.ipynb")
    shutil.copy(trained / FILE, course / "submitted" / "solution" / "a1-mlps")

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
    """One kernel that runs cells of the notebook, some of them twice."""

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
        assert kernel.run(source["train-and-save"]) == {}
    assert (here / FILE).stat().st_mtime_ns == made


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
