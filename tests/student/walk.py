"""What a student does first, with nothing but the student's extra: open, run, check, pack.

    python walk.py FOLDER        FOLDER: a released assignment, such as assignments/release/a1-mlps

Run by tests/student/test_fresh_environment.py here and by the workflows on Windows and macOS.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def course(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run ``course`` of this very environment, whether or not it is activated."""
    command = [sys.executable, "-c", "from course_utils.cli import main; main()", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False
    )


def main(released: Path) -> None:
    missing = [name for name in ("nbgrader", "jupyter_book") if importlib.util.find_spec(name)]
    assert not missing, f"the student's extra brought {missing}"

    # The name has a space and a letter beyond ASCII, as home folders do.
    home = Path(tempfile.mkdtemp(prefix="student é "))
    folder = home / released.name
    shutil.copytree(released, folder)
    (path,) = folder.glob("*.ipynb")
    before = path.read_bytes()

    notebook = nbformat.read(path, as_version=4)
    first = next(i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code")
    client = NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}, timeout=300)
    with client.setup_kernel():
        client.execute_cell(notebook.cells[first], first)
    print(f"first cell of {path.name} ran")

    checked = course("check", str(path), cwd=home)
    report = checked.stdout + checked.stderr
    assert checked.returncode == 1, f"a blank assignment passes its tests:\n{report}"
    assert "Traceback" not in report, report
    print("course check reported what is missing")

    packed = course("pack", "A1", cwd=home)
    assert packed.returncode == 0, packed.stdout + packed.stderr
    archives = [*home.rglob("*.zip")]
    assert len(archives) == 1, archives
    with zipfile.ZipFile(archives[0]) as archive:
        assert any(name.endswith(path.name) for name in archive.namelist())
    assert path.read_bytes() == before, "checking or packing changed the student's notebook"
    print(f"course pack made {archives[0].name}")
    shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
