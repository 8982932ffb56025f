"""From nothing to the first cell of A1: a wheel, an empty environment, no make or compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path, path: Path) -> str:
    """Run a command with an environment that knows just one folder of programs."""
    kept = {k: v for k, v in os.environ.items() if k.startswith("PIP_") or k in ("LANG", "TMPDIR")}
    environment = {**kept, "PATH": str(path), "HOME": str(cwd)}
    if "PIP_CACHE_DIR" not in environment:
        environment["PIP_CACHE_DIR"] = subprocess.run(
            [sys.executable, "-m", "pip", "cache", "dir"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A1 as students get it."""
    course_dir = tmp_path_factory.mktemp("staff") / "assignments"
    shutil.copytree(
        ROOT / "assignments",
        course_dir,
        ignore=shutil.ignore_patterns(
            "release", "submitted", "autograded", "feedback", "gradebook.db", ".course"
        ),
    )
    subprocess.run(["course", "release", "A1", "--course-dir", course_dir], check=True)
    return course_dir / "release" / "a1-mlps"


def test_a_student_reaches_the_first_cell_with_the_wheel_alone(tmp_path, released):
    wheels = tmp_path / "wheels"
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = wheels.glob("course_utils-*.whl")

    environment = tmp_path / "course-env"
    venv.create(environment)
    programs = environment / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    for tool in ("make", "git", "gcc", "cc"):
        assert shutil.which(tool, path=str(programs)) is None
    # This pip fills it, and leaves compiling to the first import: half of the CPU time.
    pip = [sys.executable, "-m", "pip", "--python", python]
    install = [*pip, "install", "-q", "--no-compile"]
    run(*install, "torch==2.13.0", cwd=tmp_path, path=programs)
    pins = ROOT / "constraints.txt"
    run(*install, "-c", pins, f"{wheel}[student]", cwd=tmp_path, path=programs)

    walk = Path(__file__).with_name("walk.py")
    said = run(python, walk, released, cwd=tmp_path, path=programs)
    assert "first cell of a1-mlps.ipynb ran" in said
    assert "course pack made a1-mlps.zip" in said

    find = (
        "from course_utils.recorded import recorded_file as f; print(f('results/finetuning.json'))"
    )
    assert str(environment) in run(python, "-c", find, cwd=tmp_path, path=programs)
