"""The attack corpus: every submission ends as it must, and those beside it are untouched."""

from __future__ import annotations

import contextlib
import json
import os

import pytest

from course_utils.grading import run as grading_run
from course_utils.grading import sandbox
from course_utils.grading.course import Course
from course_utils.grading.kernels import nursery
from course_utils.grading.records import GRADED, NEEDS_REVIEW, Graded
from course_utils.grading.redact import PLACEHOLDER
from course_utils.grading.selftest import run
from course_utils.grading.selftest.attack import Attack, World
from course_utils.grading.selftest.controls import CONTROLS
from course_utils.grading.selftest.corpus import ATTACKS, CLASSES
from course_utils.grading.selftest.leaking import LEAKS
from course_utils.grading.selftest.little_course import (
    ASSIGNMENT,
    FULL,
    HIDDEN,
    POINTS,
    answered,
    without,
)
from course_utils.grading.selftest.world import world

# What cannot hold yet, and why. These are not handed in with the others: some stop the whole run.
AWAITS: dict[str, str] = {}

pytestmark = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)
Ended = tuple[World, dict[str, Graded]]


@pytest.fixture(scope="module")
def ended():
    """The whole corpus, handed in and graded once."""
    with world() as made:
        yield made, run.attempt(made, ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_ends_as_it_must(ended, attack):
    made, graded = ended
    assert attack.not_held(graded.get(attack.name), made) == "", graded.get(attack.name)


@pytest.mark.parametrize("attack", CONTROLS, ids=lambda attack: attack.name)
def test_control_graded_alongside_is_untouched(ended, attack):
    _, graded = ended
    one = graded[attack.name]
    assert (one.state, one.score, one.reason, one.by_hand) == (GRADED, FULL, "", 5)


def test_none_is_lost_and_none_appears(ended):
    _, graded = ended
    assert set(graded) == {attack.name for attack in ATTACKS}
    assert all(one.sandboxed for one in graded.values())
    assert all((one.state == GRADED) == (one.reason == "") for one in graded.values())


def test_every_grade_of_a_test_is_a_number_in_the_gradebook(ended):
    made, graded = ended
    with Course(made.root).gradebook() as gradebook:
        for student in graded:
            (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
            scores = {grade.name: grade.auto_score for grade in notebook.grades}
            assert scores.keys() == {*POINTS, "explain"}, student
            for name, most in POINTS.items():
                assert scores[name] is not None, (student, name)
                assert 0 <= scores[name] <= most, (student, name)


def test_what_needs_review_is_shown_as_such_by_nbgrader(ended):
    made, graded = ended
    with Course(made.root).gradebook() as gradebook:
        for student, one in graded.items():
            (notebook,) = gradebook.find_submission(ASSIGNMENT, student).notebooks
            marked = {g.name for g in notebook.grades if g.needs_manual_grade}
            # An answer waits for a person in any case.
            assert bool(marked if one.state == NEEDS_REVIEW else marked - {"explain"}) == (
                one.state == NEEDS_REVIEW
            ), one


def test_no_autograded_folder_holds_a_link_or_a_solution_of_the_teacher(ended):
    made, _ = ended
    for path in (made.root / "autograded").rglob("*"):
        assert path.is_dir() or path.is_file(), path
        assert not path.is_symlink(), path
        if path.suffix == ".ipynb":
            assert "BEGIN SOLUTION" not in path.read_text(encoding="utf-8"), path


def test_what_prints_the_hidden_test_really_has_it(ended):
    """Otherwise that feedback is free of it would prove nothing."""
    made, _ = ended
    printing = [attack.name for attack in LEAKS if attack.name.startswith(("prints-", "raises-t"))]
    assert len(printing) > 8
    assert [name for name in printing if PLACEHOLDER not in made.page(name)] == []
    for name in printing:
        path = made.root / "autograded" / name / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        cells = json.loads(path.read_text())["cells"]
        assert any(cell.get("outputs") for cell in cells), name


# Without a sandbox these get through; otherwise that they are held would prove nothing.
SPIES = [
    *("reads-gradebook", "reads-source", "reads-other", "reads-config", "reads-secretfile"),
    *("lists-course", "walks-up", "machine-id", "many-processes", "signals-grader"),
    *("tcp", "abstract-socket", "unix-socket", "writes-course", "writes-outside"),
]


def test_the_spies_would_succeed_without_the_sandbox():
    attacks = [attack for attack in ATTACKS if attack.name in {"control-ordinary", "udp", *SPIES}]
    with world() as made:
        graded = run.attempt(made, attacks, sandbox=False)
        assert graded.pop("control-ordinary").score == FULL
        assert "UDP" in made.connections
        del graded["udp"]
        found = {name: one.score for name, one in graded.items()}
        assert found == dict.fromkeys(SPIES, without("add"))
        spies = [attack for attack in attacks if attack.name in SPIES]
        assert all(attack.not_held(graded[attack.name], made) for attack in spies)


def test_the_corpus_is_large_and_each_attack_is_told_in_a_sentence():
    assert len(ATTACKS) >= 120
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert len(CONTROLS) >= 5
    for attack in ATTACKS:
        assert attack.tries[0].isupper(), attack.name
        assert attack.tries.endswith("."), attack.name


def test_what_only_hidden_tests_hold_is_not_in_the_released_notebook():
    with world() as made:
        run.hand_in(made, [])
        path = made.root / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        text = path.read_text()
        assert not [word for word in HIDDEN if word in text]
        notebook = answered(json.loads(text, object_hook=_node), {"add": "x = 1"})
        assert "x = 1" in json.dumps(notebook)


def _node(values):
    from nbformat import NotebookNode

    return NotebookNode(values)


SOME = ["control-ordinary", "reads-source", "sys-exit", "tag-skip", "truncated"]


@pytest.fixture
def few(monkeypatch):
    few = [attack for attack in ATTACKS if attack.name in SOME]
    monkeypatch.setattr(run, "ATTACKS", few)
    names = {title: [a for a in attacks if a in few] for title, attacks in CLASSES.items()}
    monkeypatch.setattr(run, "CLASSES", names)
    # One zygote for all of these, whose attacks are graded beside the others with one of their own.
    monkeypatch.setattr(
        grading_run, "Nursery", lambda **_: contextlib.nullcontext(nursery.shared())
    )
    return few


def test_the_selftest_says_class_by_class_what_held_and_leaves_nothing_behind(
    few, capsys, monkeypatch
):
    worlds, environment = [], dict(os.environ)

    @contextlib.contextmanager
    def watched():
        with world() as made:
            worlds.append(made)
            yield made

    monkeypatch.setattr(run, "world", watched)
    assert run.run() == 0
    (made,) = worlds
    assert not made.root.exists()
    assert not made.outside.exists()
    assert dict(os.environ) == environment
    said = capsys.readouterr().out
    assert "All 5 held" in said
    assert "cells and their metadata" in said


def test_the_selftest_names_what_did_not_hold_and_what_it_tried(few, capsys, monkeypatch):
    wrong = Attack("sys-exit", "Expects what does not come.", score=1)
    monkeypatch.setattr(run, "ATTACKS", [wrong if a.name == "sys-exit" else a for a in few])
    assert run.run() == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "4 of 5 held" in said
    assert "sys-exit Expects what does not come. score 15, expected 1." in said


def test_the_selftest_as_json_has_every_attack(few, capsys):
    assert run.run(as_json=True) == 0
    outcomes = json.loads(capsys.readouterr().out)
    assert {outcome["attack"] for outcome in outcomes} == set(SOME)
    assert all(outcome["not_held"] == "" for outcome in outcomes)
