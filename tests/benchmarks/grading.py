"""How fast the autograder is, beside stock nbgrader, and where the time goes.

    python tests/benchmarks/grading.py                 # 100 submissions, some minutes
    python tests/benchmarks/grading.py --count 10      # to see it work

A class hands in a notebook that imports torch and has two tests. Everything is measured in one run,
on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "grading"))

from tiny_course import ASSIGNMENT, answers, cell, make_course, released, submit

from course_utils.grading.course import Course
from course_utils.grading.engine import grade
from course_utils.grading.kernels.nursery import Nursery
from course_utils.grading.release import release
from course_utils.grading.sandbox.limits import Limits
from course_utils.grading.workers import Workers, cores

TORCH = "import torch\ndef add(a, b):\n    return (torch.tensor(a) + torch.tensor(b)).item()"
CONFIG = 'c = get_config()\nc.CourseDirectory.course_id = "bench"\n'


def write_class(root: Path, count: int) -> None:
    notebook = answers(released(root), add=TORCH)
    cell(notebook, "imports").source = "import torch, numpy, matplotlib.pyplot"
    for number in range(count):
        submit(root, f"student-{number:04}", notebook)


def stock_seconds(root: Path, count: int) -> float:
    """Seconds that stock nbgrader takes for one submission."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "nbgrader", "autograde", ASSIGNMENT]
    students = [f"--student=student-000[0-{count - 1}]"]
    start = time.monotonic()
    subprocess.run(
        [*command, *students],
        cwd=root,
        env=os.environ | {"PATH": path},
        capture_output=True,
        check=True,
    )
    whole = time.monotonic() - start
    with Course(root).gradebook() as gradebook:
        assert len(gradebook.assignment_submissions(ASSIGNMENT)) == count
    return whole / count


def recording_against_class_size(root: Path, sizes: list[int]) -> list[tuple[int, float]]:
    """Seconds that recording one submission takes in a gradebook of so many students."""
    found = []
    rows = 0
    for size in sizes:
        with Course(root).gradebook() as gradebook:
            for number in range(rows, size):
                gradebook.add_student(f"other-{number:05}")
                gradebook.add_submission(ASSIGNMENT, f"other-{number:05}")
                gradebook.db.expunge_all()
        rows = max(rows, size)
        few = [f"student-{number:04}" for number in range(5)]
        grade(root, ASSIGNMENT, students=few, force=True)
        report = json.loads((root / ".course" / ASSIGNMENT / "report.json").read_text())
        found.append((size, report["seconds"]["record"] / len(few)))
    return found


def memory_of_workers(counts: tuple[int, int] = (1, 2)) -> float:
    """Bytes that one worker more costs, each with a kernel that has imported torch.

    What processes share counts once: proportional set sizes.
    """
    totals = []
    for count in counts:
        with Nursery() as nursery, Workers(count, nursery) as workers:
            source = "import torch, time\ntime.sleep(8)"
            cells = [{"type": "code", "source": source, "timeout": 60, "test": False}]
            with tempfile.TemporaryDirectory() as folder:
                job = {"cells": cells, "settings": {}, "folder": folder, "limits": _limits()}
                job |= {"secret": "", "argv": None, "seed": None}
                runs = [workers.submit(job | {"keep": f"{folder}/{n}"}) for n in range(count)]
                time.sleep(6)
                totals.append(_memory())
                for run in runs:
                    run.result()
    return (totals[1] - totals[0]) / (counts[1] - counts[0])


def _limits() -> dict[str, int]:
    return Limits().as_dict()


def _memory() -> int:
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


def main() -> None:
    warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="submissions")
    parser.add_argument("--stock", type=int, default=5, help="of these, by stock nbgrader too")
    parser.add_argument("--sizes", type=int, nargs="*", default=[50, 200, 1000])
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        root = make_course(Path(temporary, "ours"), config=CONFIG)
        release(root, "p1")
        write_class(root, options.count)
        theirs = shutil.copytree(root, Path(temporary, "theirs"))

        start = time.monotonic()
        results = grade(root, ASSIGNMENT)
        ours = (time.monotonic() - start) / options.count
        assert {graded.score for graded in results} == {10}, "every submission is right"
        stock = stock_seconds(theirs, min(options.stock, options.count, 10))
        report = json.loads((root / ".course" / ASSIGNMENT / "report.json").read_text())
        cells = [
            sum(c for n in g["cells"].values() for c in n.values()) for g in report["submissions"]
        ]

        table = Table(
            title=f"{options.count} torch notebooks, {cores()} cores", title_justify="left"
        )
        for name in ("what", "value"):
            table.add_column(name)
        table.add_row("stock nbgrader, s a submission", f"{stock:.2f}")
        table.add_row("ours, s a submission", f"{ours:.3f}")
        table.add_row("throughput, times stock", f"{stock / ours:.1f}")
        for name, seconds in report["seconds"].items():
            table.add_row(f"{name}, s in all", f"{seconds:.2f}")
        table.add_row("the cells themselves, s a submission", f"{statistics.mean(cells):.3f}")
        for size, seconds in recording_against_class_size(root, options.sizes):
            table.add_row(f"recording in a class of {size}, s a submission", f"{seconds:.3f}")
        table.add_row("memory of one worker more, MB", f"{memory_of_workers() / 1e6:.0f}")
        console.print(table)


if __name__ == "__main__":
    main()
