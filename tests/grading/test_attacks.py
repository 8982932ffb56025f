"""Hostile and broken submissions: each ends in one state, and the one beside it is untouched."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode
from tiny_course import ASSIGNMENT, answers, cell, make_course, released, submit

from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.engine import grade
from course_utils.grading.records import GRADED, MALFORMED, NEEDS_REVIEW, Graded
from course_utils.grading.release import release

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)

SECRET = "a-secret-of-the-person-who-grades"
HALF_AGAIN = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * 0.7)


def spying(attempt: str) -> str:
    """An ``add`` that is right unless the attempt, an expression, gets at something."""
    return f"""\
import glob, os, socket
def environments():
    for path in glob.glob("/proc/*/environ"):
        try:
            yield open(path, "rb").read()
        except OSError:
            pass
def add(a, b):
    try:
        reached = {attempt}
    except OSError:
        reached = False
    return "reached" if reached else a + b
"""


def attempts(root: Path, port: int) -> dict[str, str]:
    """What student code may try, as expressions that are true if it got through."""
    notebook = f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
    return {
        "connects": f"socket.create_connection(('127.0.0.1', {port}), timeout=2)",
        "reads-gradebook": f"open({str(root / 'gradebook.db')!r}, 'rb').read(1)",
        "reads-source": f"open({str(root / 'source' / notebook)!r}).read(1)",
        "reads-others": f"open({str(root / 'submitted' / 'control' / notebook)!r}).read(1)",
        "reads-own-tests": "[p for p in glob.glob('**', recursive=True) if p.endswith('.ipynb')]",
        "reads-environment": f"any({SECRET.encode()!r} in text for text in environments())",
        "writes-outside": f"open({str(root / 'written.txt')!r}, 'w')",
        "signals-grader": f"os.kill({os.getpid()}, 0) is None",
    }


def with_tag(notebook: NotebookNode) -> NotebookNode:
    cell(notebook, "test-add").metadata["tags"] = ["skip-execution"]
    return notebook


def without_test(notebook: NotebookNode) -> NotebookNode:
    notebook.cells.remove(cell(notebook, "test-add"))
    return notebook


def with_schema(notebook: NotebookNode, version: int) -> NotebookNode:
    for one in notebook.cells:
        if "nbgrader" in one.metadata:
            one.metadata.nbgrader["schema_version"] = version
    return notebook


def with_edited_test(notebook: NotebookNode) -> NotebookNode:
    cell(notebook, "test-add").source = "pass"
    cell(notebook, "test-add").metadata.nbgrader["points"] = 400
    return notebook


WRONG_ADD = "def add(a, b):\n    return 3"


def write_class(root: Path, port: int) -> None:
    blank = released(root)
    submit(root, "control", answers(blank), timestamp="2026-01-01 10:00:00 UTC")
    for student, attempt in attempts(root, port).items():
        submit(root, student, answers(blank, add=spying(attempt)))

    def add(student: str, body: str) -> None:
        submit(root, student, answers(blank, add=body))

    def scale(student: str, body: str) -> None:
        submit(root, student, answers(blank, scale=body))

    # What a process may do to itself and the machine.
    capabilities = "int(open('/proc/self/status').read().split('CapEff:')[1].split()[0], 16)"
    add("has-capabilities", spying(capabilities))
    home = f"[n for n in os.listdir({str(Path.home())!r}) if n not in {interpreter_parts()!r}]"
    add("lists-home", spying(home))
    scale("exits", "import os\ndef scale(a, k):\n    os._exit(0)")
    scale(
        "segfaults",
        "import ctypes\ndef scale(a, k):\n    ctypes.string_at(0)",
    )
    add("loops", "def add(a, b):\n    while True:\n        pass")
    loop = "    while True:\n        try:\n            time.sleep(1)\n"
    swallow = "        except KeyboardInterrupt:\n            pass"
    scale("loops-on", f"import time\ndef scale(a, k):\n{loop}{swallow}")
    add("hogs", f"def add(a, b):\n    return a + b + len(bytearray({HALF_AGAIN})) * 0")

    # Tests and their metadata.
    submit(root, "skips-test", with_tag(answers(blank, add=WRONG_ADD)))
    submit(root, "deletes-test", without_test(answers(blank, add=WRONG_ADD)))
    submit(root, "edits-test", with_edited_test(answers(blank, add=WRONG_ADD)))
    submit(root, "old-schema", with_schema(answers(blank), 0))

    # Files.
    right = json.dumps(answers(blank))
    submit(root, "truncated", right[: len(right) // 2])
    submit(root, "no-notebook", "[1, 2]")
    submit(root, "binary", b"\x89PNG\r\n\xff\xfe")
    submit(root, "byte-order-mark", "\ufeff" + right)
    submit(root, "missing", "", edit=lambda folder: (folder / f"{ASSIGNMENT}.ipynb").unlink())
    submit(root, "renamed", right, edit=rename)
    submit(root, "bad-timestamp", right, timestamp="yesterday, I think")
    submit(root, "links-solution", right, edit=link_solution)
    submit(root, "links-out", right, edit=lambda f: (f / "passwd").symlink_to("/etc/passwd"))
    submit(root, "pipe", right, edit=lambda folder: os.mkfifo(folder / "pipe"))
    submit(root, "shadows", right, edit=shadow_modules)


def interpreter_parts() -> list[str]:
    """What may be seen of the home folder: the way to the interpreter, if it lies there."""
    home = Path.home()
    seen = [Path(sys.prefix), Path(sys.base_prefix), Path(sandbox.__file__)]
    return [path.relative_to(home).parts[0] for path in seen if path.is_relative_to(home)]


def rename(folder: Path) -> None:
    (folder / f"{ASSIGNMENT}.ipynb").rename(folder / "my homework (1).ipynb")


def link_solution(folder: Path) -> None:
    path = folder / f"{ASSIGNMENT}.ipynb"
    path.unlink()
    path.symlink_to(folder.parents[2] / "source" / ASSIGNMENT / path.name)


def shadow_modules(folder: Path) -> None:
    for name in ("json", "ipykernel", "ipykernel_launcher", "tornado", "zmq"):
        (folder / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")


@pytest.fixture(scope="module")
def secret():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_TEST_SECRET", SECRET)
        yield


@pytest.fixture(scope="module")
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(scope="module")
def root(tmp_path_factory, port) -> Path:
    root = make_course(tmp_path_factory.mktemp("course"))
    release(root, "p1")
    write_class(root, port)
    return root


@pytest.fixture(scope="module")
def results(root, secret) -> dict[str, Graded]:
    return {graded.student: graded for graded in grade(root, "p1")}


# (student, state, points of the tests, a part of the reason)
EXPECTED = [
    ("control", GRADED, 10, ""),
    ("connects", GRADED, 10, ""),
    ("reads-gradebook", GRADED, 10, ""),
    ("reads-source", GRADED, 10, ""),
    ("reads-others", GRADED, 10, ""),
    ("reads-own-tests", GRADED, 10, ""),
    ("reads-environment", GRADED, 10, ""),
    ("writes-outside", GRADED, 10, ""),
    ("has-capabilities", GRADED, 10, ""),
    ("lists-home", GRADED, 10, ""),
    ("signals-grader", GRADED, 10, ""),
    ("exits", NEEDS_REVIEW, 4, "kernel died"),
    ("segfaults", NEEDS_REVIEW, 4, "kernel died"),
    ("loops", GRADED, 6, ""),
    ("loops-on", NEEDS_REVIEW, 4, "could not be interrupted"),
    ("hogs", GRADED, 6, ""),
    ("skips-test", GRADED, 6, ""),
    ("deletes-test", NEEDS_REVIEW, 6, "test-add"),
    ("edits-test", GRADED, 6, ""),
    ("old-schema", GRADED, 10, ""),
    ("truncated", MALFORMED, 0, "breaks off"),
    ("no-notebook", MALFORMED, 0, "no notebook"),
    ("binary", MALFORMED, 0, "UTF-8"),
    ("byte-order-mark", GRADED, 10, ""),
    ("missing", MALFORMED, 0, "There is no notebook p1-numbers.ipynb"),
    ("renamed", MALFORMED, 0, "found: my homework (1).ipynb"),
    ("bad-timestamp", NEEDS_REVIEW, 10, "timestamp.txt is not a time"),
    ("links-solution", MALFORMED, 0, "is a link to another file"),
    ("links-out", NEEDS_REVIEW, 10, "passwd is a link"),
    ("pipe", NEEDS_REVIEW, 10, "pipe is no regular file"),
    ("shadows", GRADED, 10, ""),
]


@pytest.mark.parametrize(("student", "state", "score", "reason"), EXPECTED)
def test_submission_ends_in_its_state_with_its_score(results, student, state, score, reason):
    graded = results[student]
    assert (graded.state, graded.score, graded.max_score) == (state, score, 10), graded
    assert reason in graded.reason
    assert (graded.state == GRADED) == (graded.reason == "")
    assert graded.sandboxed


def test_none_is_lost_and_none_appears(results):
    assert set(results) == {student for student, *_ in EXPECTED}


def test_every_grade_of_a_test_is_a_number_in_the_gradebook(root, results):
    with Course(root).gradebook() as gradebook:
        for student in results:
            (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
            scores = {grade.name: grade.auto_score for grade in notebook.grades}
            assert scores.keys() == {"test-add", "test-scale", "explain"}
            assert scores["test-add"] is not None, student
            assert scores["test-scale"] is not None, student


def test_what_needs_review_is_shown_as_such_by_nbgrader(root, results):
    with Course(root).gradebook() as gradebook:
        for student, graded in results.items():
            (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
            marked = {g.name for g in notebook.grades if g.needs_manual_grade} - {"explain"}
            assert bool(marked) == (graded.state == NEEDS_REVIEW), student


def test_answers_wait_for_a_person(results):
    assert results["control"].by_hand == 5
    assert results["truncated"].by_hand == 0


def test_nothing_was_written_outside_and_nothing_is_left_over(root, results):
    assert not (root / "written.txt").exists()
    submitted = root / "submitted"
    assert not [path for path in submitted.rglob("*") if path.name == "__pycache__"]


@pytest.mark.parametrize("student", ["truncated", "links-solution", "exits", "pipe"])
def test_autograded_notebook_exists_and_holds_no_solution_of_the_teacher(root, results, student):
    path = root / "autograded" / student / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    text = path.read_text()
    assert "BEGIN SOLUTION" not in text
    if results[student].state == MALFORMED:
        assert results[student].reason in json.loads(text)["cells"][0]["source"][0]


def test_the_spies_would_succeed_without_the_sandbox(tmp_path, port, secret):
    """Otherwise the tests above would prove nothing."""
    root = make_course(tmp_path)
    release(root, "p1")
    blank = released(root)
    submit(root, "control", answers(blank))
    tried = attempts(root, port)
    del tried["reads-own-tests"]  # the working folder has no notebook, with a sandbox or without
    for student, attempt in tried.items():
        submit(root, student, answers(blank, add=spying(attempt)))
    found = {graded.student: graded for graded in grade(root, "p1", sandbox=False)}
    assert found.pop("control").score == 10
    assert {student: graded.score for student, graded in found.items()} == dict.fromkeys(tried, 6)
    assert not any(graded.sandboxed for graded in found.values())
