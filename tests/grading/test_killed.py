"""A run that ends in the middle, in whatever way, is completed by the next one."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import multiprocessing
import os
import pkgutil
import random
import shutil
import signal
import stat
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_course import ASSIGNMENT, answers, make_course, released, submit

from course_utils.errors import CourseError
from course_utils.grading import engine, sandbox
from course_utils.grading.course import Course
from course_utils.grading.engine import grade
from course_utils.grading.release import release
from course_utils.grading.scratch import LOCK

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)
STUDENTS = ["ada", "bob", "cyd"]

# Each run that is killed is a process of its own, forked from one that has made the imports.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["course_utils.grading.engine", __name__])


def kill_at(name: str, when: str, count: int, root: Path) -> None:
    """Grade, and end before or after the given call of a function by killing itself."""
    owner, _, attribute = name.rpartition(".")
    owner = pkgutil.resolve_name(owner)
    function, calls = getattr(owner, attribute), 0

    @functools.wraps(function)
    def deadly(*args, **kwargs):
        nonlocal calls
        calls += 1
        last = calls == count
        if last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        value = function(*args, **kwargs)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    setattr(owner, attribute, deadly)
    grade(root, "p1")


def recorded(root: Path) -> dict[str, object]:
    """All that a run leaves: rows of the gradebook, files with their permissions, notes."""
    found: dict[str, object] = {}
    with Course(root).gradebook() as gradebook:
        for student in gradebook.students:
            found[f"student {student.id}"] = True
        for submission in gradebook.assignment_submissions(ASSIGNMENT):
            who = submission.student_id
            found[who, "timestamp"] = submission.timestamp
            for notebook in submission.notebooks:
                found[who, "penalty"] = notebook.late_submission_penalty
                for one in notebook.grades:
                    row = one.auto_score, one.manual_score, one.needs_manual_grade
                    found[who, "grade", one.name] = row
                for one in notebook.comments:
                    found[who, "comment", one.name] = one.auto_comment, one.manual_comment
    for path in sorted((root / "autograded").rglob("*")):
        mode = stat.filemode(path.stat().st_mode)
        found[str(path.relative_to(root))] = mode, path.read_bytes() if path.is_file() else b""
    for path in sorted((root / ".course").rglob("note.json")):
        note = json.loads(path.read_text())
        kept = ("fingerprint", "state", "reason")
        found[str(path.relative_to(root))] = {name: note[name] for name in kept}
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    root = make_course(tmp_path_factory.mktemp("killed") / "course")
    release(root, "p1")
    blank = released(root)
    submit(root, "ada", answers(blank), timestamp="2026-01-01 10:00:00 UTC")
    writes = "open('mine.txt', 'w').write('1')\ndef add(a, b):\n    return 0"
    submit(root, "bob", answers(blank, add=writes))
    submit(root, "cyd", "{")
    return root


@pytest.fixture(scope="module")
def whole(tmp_path_factory, template) -> dict[str, object]:
    root = shutil.copytree(template, tmp_path_factory.mktemp("whole") / "course")
    assert [graded.score for graded in grade(root, "p1")] == [10, 6, 0]
    return recorded(root)


@pytest.fixture
def root(tmp_path, template) -> Path:
    return shutil.copytree(template, tmp_path / "course")


@pytest.fixture
def completed(root, one_zygote) -> Callable[[], dict[str, object]]:
    """What is recorded after another run."""

    def complete() -> dict[str, object]:
        grade(root, "p1")
        return recorded(root)

    return complete


@pytest.mark.parametrize(
    ("name", "when", "count"),
    [
        ("course_utils.grading.prepare.take_in", "after", 2),
        ("course_utils.grading.workers.Workers.submit", "after", 2),
        ("course_utils.grading.recorder.Recorder.record", "before", 1),
        ("nbgrader.converters.Autograde.init_assignment", "before", 1),
        ("nbgrader.converters.Autograde.init_assignment", "after", 2),
        ("nbgrader.converters.Autograde.write_single_notebook", "after", 2),
        ("nbgrader.converters.Autograde.set_permissions", "before", 2),
        ("course_utils.grading.recorder.record_zero", "after", 1),
        ("course_utils.grading.recorder.Recorder._verdict", "after", 2),
        ("course_utils.grading.records.Note.write", "before", 1),
        ("course_utils.grading.records.Note.write", "after", 3),
        ("course_utils.grading.run.write_report", "before", 1),
    ],
)
def test_killed_at_any_point_the_next_run_completes_it(root, whole, completed, name, when, count):
    process = PROCESSES.Process(target=kill_at, args=(name, when, count, root))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert completed() == whole


def test_killed_at_random_moments_again_and_again(root, whole, completed):
    chance = random.Random(5)
    for _ in range(4):
        process = PROCESSES.Process(target=grade, args=(root, "p1"))
        process.start()
        time.sleep(chance.uniform(1, 5))
        process.kill()
        process.join()
    assert completed() == whole


def test_after_a_kill_no_process_is_left(root):
    mark = uuid.uuid4().hex
    process = _start(root, COURSE_TEST_MARK=mark)
    _wait_for(lambda: len(_marked(mark)) > 1)
    process.kill()
    process.wait()
    _wait_for(lambda: not _marked(mark))


def test_folders_of_a_killed_run_go_when_the_next_one_begins(root):
    process = _start(root)
    _wait_for(lambda: _locked_by(process.pid))
    folders = _locked_by(process.pid)
    process.kill()
    process.wait()
    grade(root, "p1")
    assert not any(folder.exists() for folder in folders)


def test_ctrl_c_keeps_what_is_graded_and_says_how_to_go_on(root, whole):
    slow = "import time\ntime.sleep(2)\ndef add(a, b):\n    return a + b"
    for number in range(4):
        submit(root, f"slow-{number}", answers(released(root), add=slow))
    mark = uuid.uuid4().hex
    process = _start(root, COURSE_TEST_MARK=mark)
    notes = root / ".course" / ASSIGNMENT / "graded"
    _wait_for(lambda: any(notes.rglob("note.json")))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert not _marked(mark)
    words = " ".join(said.split())
    kept = len(list(notes.rglob("note.json")))
    assert 0 < kept < 7
    assert f"{kept} of 7 submissions are graded and kept" in words
    assert "Traceback" not in said
    report = json.loads((root / ".course" / ASSIGNMENT / "report.json").read_text())
    assert (report["graded"], report["left"]) == (kept, 7 - kept)

    with Course(root).gradebook() as gradebook:
        rows = {s.student_id for s in gradebook.assignment_submissions(ASSIGNMENT)}
    assert len(rows) == kept, "none is half recorded"
    results = grade(root, "p1")
    assert sum(graded.skipped for graded in results) == kept
    assert whole.items() <= recorded(root).items()


def test_two_runs_at_a_time_are_refused(root, monkeypatch):
    monkeypatch.setattr(engine, "LOCK_SECONDS", 0.2)
    lock = root / ".course" / ASSIGNMENT / "lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(CourseError, match="another run"):
            grade(root, "p1")
    assert not (root / "autograded").exists()


def _command(root: Path) -> list[str]:
    main = "from course_utils.cli import main; main()"
    return [sys.executable, "-c", main, "grade", "p1", "--course-dir", str(root)]


def _start(root: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        _command(root),
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _locked_by(pid: int) -> list[Path]:
    """The scratch folders whose lock that process holds."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            target = descriptor.readlink()
            if target.name == LOCK:
                found.append(target.parent)
    return found


def _marked(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def _wait_for(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
