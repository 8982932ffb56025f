"""How long grading a class takes, assignment by assignment, from the files handed in to the pages.

    python tests/benchmarks/assignments.py               # 30 submissions of each assignment
    python tests/benchmarks/assignments.py A2 --count 8

The class is the sample class, its students in turn until there are enough; a student whose loop
never ends costs a time limit, which is 20 s there. Everything is measured on an otherwise idle
machine; 300 submissions are taken to need ten times what 30 need.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from course_utils.grading.course import Course
from course_utils.grading.demo import CLASSES, made_up_classes
from course_utils.grading.engine import grade
from course_utils.grading.feedback import feedback
from course_utils.grading.release import ensure_released
from course_utils.grading.workers import cores

ROOT = Path(__file__).resolve().parents[2]
CLASS_SIZE = 300


def of_size(made_up: Any, count: int) -> Any:
    """The class with as many students, its own in turn."""
    students = [
        replace(made_up.students[i % len(made_up.students)], id=f"student-{i:04}")
        for i in range(count)
    ]
    return replace(made_up, students=tuple(students))


def measure(made_up: Any, count: int) -> dict[str, float]:
    """Seconds that grading and feedback take, and where they go."""
    name = made_up.assignment
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        shutil.copytree(ROOT / "assignments" / "source" / name, root / "source" / name)
        shutil.copy(ROOT / CLASSES / "nbgrader_config.py", root)
        ensure_released(Course(root), name)
        of_size(made_up, count).write(root)

        start = time.monotonic()
        results = grade(root, name)
        graded = time.monotonic()
        feedback(root, name)
        pages = time.monotonic()
        assert len(results) == count
        report = json.loads((root / ".course" / name / "report.json").read_text())
    cells = [sum(c for n in g["cells"].values() for c in n.values()) for g in report["submissions"]]
    return {
        "grading, s in all": graded - start,
        "a submission, s": (graded - start) / count,
        "its cells, s (median)": statistics.median(cells),
        "feedback, s in all": pages - graded,
        f"{CLASS_SIZE} submissions, min": CLASS_SIZE / count * (pages - start) / 60,
    }


def main() -> None:
    warnings.simplefilter("ignore")  # SQLAlchemy's, about nbgrader
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("assignments", nargs="*", help="A1 …; all if there is none")
    parser.add_argument("--count", type=int, default=30, help="submissions of each")
    options = parser.parse_args()
    chosen = [
        made_up
        for made_up in made_up_classes(ROOT / CLASSES)
        if not options.assignments or made_up.assignment[:2].upper() in options.assignments
    ]
    found = {made_up.assignment: measure(made_up, options.count) for made_up in track(chosen)}
    table = Table(title=f"{options.count} submissions, {cores()} cores", title_justify="left")
    for name in ("", *found):
        table.add_column(name, justify="right" if name else "left")
    for what in next(iter(found.values())):
        table.add_row(what, *(f"{values[what]:.2f}" for values in found.values()))
    Console().print(table)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
