"""A run's report: what became of every submission and where the time went."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_course import ASSIGNMENT, answers, make_course, released, submit

from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.grading.engine import grade
from course_utils.grading.release import release

pytestmark = [
    pytest.mark.skipif(
        sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
    ),
    pytest.mark.usefixtures("one_zygote"),
]
SLOW = "import time\ntime.sleep(1)\ndef add(a, b):\n    return a + b"


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    root = make_course(tmp_path_factory.mktemp("report") / "course")
    release(root, "p1")
    submit(root, "slow", answers(released(root), add=SLOW))
    submit(root, "broken", "{")
    return root


def report(root: Path) -> dict:
    return json.loads((root / ".course" / ASSIGNMENT / "report.json").read_text())


def test_a_run_says_what_it_did_and_the_next_what_it_did_not(root):
    grade(root, "p1", workers=1)
    first = report(root)
    assert (first["workers"], first["graded"], first["unchanged"], first["left"]) == (1, 2, 0, 0)
    assert set(first["seconds"]) == {"wall", "prepare", "execute", "record", "idle"}
    assert all(seconds >= 0 for seconds in first["seconds"].values())
    assert first["seconds"]["execute"] > 1
    broken, slow = first["submissions"]
    assert (broken["student"], broken["state"], broken["cells"]) == ("broken", "malformed", {})
    assert "breaks off" in broken["reason"]
    assert slow["cells"][ASSIGNMENT]["add"] > 1 > slow["cells"][ASSIGNMENT]["test-add"]
    assert slow["seconds"] > 1
    assert slow["sandboxed"]
    assert slow["peak_memory"] is None or slow["peak_memory"] > 2**20

    command = "from course_utils.cli import main; main()"
    arguments = ["grade", "p1", "--course-dir", str(root), "--json", "--workers", "1"]
    done = subprocess.run(
        [sys.executable, "-c", command, *arguments], capture_output=True, text=True, check=False
    )
    second = report(root)
    assert (second["graded"], second["unchanged"]) == (0, 2)
    assert json.loads(done.stdout) == second["submissions"]
    assert second["submissions"][1]["cells"] == slow["cells"], "as it was when it was graded"


def test_unsafe_is_in_the_report(root):
    grade(root, "p1", students=["slow"], force=True, sandbox=False)
    assert [entry["sandboxed"] for entry in report(root)["submissions"]] == [False]


def test_a_limit_of_the_course_is_a_limit_and_a_misspelled_one_is_named(root):
    config = root / "nbgrader_config.py"
    before = config.read_text()
    try:
        config.write_text(before + "\nc.Limits.submission = 1\n")
        (graded,) = grade(root, "p1", students=["slow"])
        assert graded.state == "graded-needs-review"
        assert "longer than 1 s" in graded.reason
        config.write_text(before + "\nc.Limits.memoryy = 5\n")
        with pytest.raises(CourseError, match="memoryy"):
            grade(root, "p1", students=["slow"])
    finally:
        config.write_text(before)
