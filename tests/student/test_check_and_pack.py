"""``course check`` and ``course pack`` as a student meets them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.errors import CourseError
from course_utils.student import check as check_module
from course_utils.student.check import check
from course_utils.student.pack import find, pack

RIGHT = "def double(x):\n    return 2 * x"


def locked_test(source: str, name: str, points: int):
    metadata = {"grade": True, "locked": True, "solution": False, "task": False}
    metadata |= {"grade_id": name, "points": points, "schema_version": 3}
    return new_code_cell(source, metadata={"nbgrader": metadata})


def write(path: Path, answer: str, *, extra: str = "pass") -> Path:
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Numbers\n\nText.\n\n## Task 1: double"),
            new_code_cell(answer),
            locked_test("assert double(2) == 4, 'expected 4'", "test-double", 1),
            new_markdown_cell("## Task 2: files"),
            new_code_cell(extra),
            locked_test("assert open('data.txt').read() == '1'", "test-files", 3),
        ],
        metadata={"kernelspec": {"name": "nobody-has-this", "display_name": "Other"}},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "data.txt").write_text("1")
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notebook(tmp_path) -> Path:
    return write(tmp_path / "p1-numbers" / "p1-numbers.ipynb", RIGHT)


def test_right_work_passes_in_its_own_folder_with_any_kernel_name(notebook, capsys):
    before = notebook.read_bytes()
    assert check(notebook) == 0
    said = capsys.readouterr().out
    assert re.search(r"Task 1: double\n +passed +test-double \(1 point\)", said)
    assert re.search(r"Task 2: files\n +passed +test-files \(3 points\)", said)
    assert "worth 4 of 4 points" in said
    assert "hidden tests" in said
    assert notebook.read_bytes() == before


def test_wrong_work_is_told_by_task_and_the_rest_still_runs(tmp_path, capsys):
    wrong = "def double(x):\n    return x"
    path = write(tmp_path / "a.ipynb", wrong, extra="import does_not_exist")
    assert check(path) == 1
    said = capsys.readouterr().out
    assert re.search(r"failed +test-double \(1 point\)\n +AssertionError: expected 4", said)
    assert re.search(r"passed +test-files", said)
    assert "cell 5" in said
    assert "No module named 'does_not_exist'" in said
    assert "Traceback" not in said


def test_unfilled_task_is_called_that(tmp_path, capsys):
    path = write(tmp_path / "a.ipynb", "def double(x):\n    raise NotImplementedError()")
    assert check(path) == 1
    assert "not filled in yet" in capsys.readouterr().out


def test_endless_loop_and_dead_kernel_are_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(check_module, "SECONDS_PER_CELL", 2)
    loops = "def double(x):\n    while True:\n        pass"
    path = write(tmp_path / "a.ipynb", loops, extra="import os\nos._exit(0)")
    assert check(path) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "ran longer than 2 s and was interrupted" in said
    assert "the kernel died while this cell ran" in said
    assert "failed test-files (3 points) not run: the kernel stopped in an earlier cell" in said


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"cells": [', "its JSON breaks off at line 1"),
        ("[1]", "is no notebook"),
        (None, r"there is no file .*\(notebooks in .*: other\.ipynb\)"),
    ],
)
def test_files_that_cannot_be_read_are_named(tmp_path, content, message):
    write(tmp_path / "other.ipynb", RIGHT)
    path = tmp_path / "mine.ipynb"
    if content:
        path.write_text(content)
    with pytest.raises(CourseError, match=message):
        check(path)


def test_pack_makes_the_same_file_of_the_same_work(notebook, capsys, monkeypatch):
    monkeypatch.chdir(notebook.parents[1])
    folder = notebook.parent
    for junk in (".ipynb_checkpoints/p1-numbers.ipynb", ".venv/x", "__pycache__/x.pyc"):
        (folder / junk).parent.mkdir()
        (folder / junk).write_text("{}")
    before = notebook.read_bytes()
    assert pack("P1") == 0
    said = capsys.readouterr().out
    archive = folder.parent / "p1-numbers.zip"
    first = archive.read_bytes()
    digest = sha256(first).hexdigest()
    assert digest in said
    receipt = (folder.parent / "p1-numbers.receipt.txt").read_text()
    assert digest in receipt
    assert "all visible tests pass" in receipt
    assert notebook.read_bytes() == before
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == ["p1-numbers/data.txt", "p1-numbers/p1-numbers.ipynb"]
        assert opened.read("p1-numbers/p1-numbers.ipynb") == before

    monkeypatch.chdir(folder)
    assert pack("p1") == 0
    assert archive.read_bytes() == first


def test_unfinished_work_is_packed_with_a_warning(tmp_path, capsys, monkeypatch):
    write(tmp_path / "p1-numbers" / "p1-numbers.ipynb", "pass")
    monkeypatch.chdir(tmp_path)
    assert pack("P1") == 0
    assert "Some tests fail" in capsys.readouterr().out
    assert (tmp_path / "p1-numbers.zip").is_file()


def test_the_assignments_folder_is_found_or_the_message_says_where_to_go(tmp_path):
    folder = write(tmp_path / "P1-Numbers" / "p1.ipynb", RIGHT).parent
    assert find("p1", tmp_path) == folder
    assert find("p1", folder) == folder
    assert find("P1-Numbers", tmp_path) == folder
    assert find(".", folder) == folder
    with pytest.raises(CourseError, match="run this in the assignment's folder"):
        find("p2", tmp_path)
    write(tmp_path / "p1-more" / "p1.ipynb", RIGHT)
    with pytest.raises(CourseError, match="could be P1-Numbers, p1-more"):
        find("p1", tmp_path)


def test_neither_command_imports_nbgrader():
    script = (
        "import sys\n"
        "from course_utils.student import check, pack\n"
        "print([name for name in sys.modules if name.startswith(('nbgrader', 'sqlalchemy'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
