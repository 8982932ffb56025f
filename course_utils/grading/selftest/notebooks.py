"""Notebooks whose cells were deleted, doubled, renamed, moved or given other metadata."""

from __future__ import annotations

import copy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from course_utils.grading.selftest.attack import BROKEN, EITHER, REVIEWED, Attack
from course_utils.grading.selftest.little_course import FULL, cell, without

TITLE = "cells and their metadata"

WRONG = {"add": "def add(a, b):\n    return 3"}
LOST = without("add")


def _test(notebook: NotebookNode) -> NotebookNode:
    return cell(notebook, "test-add")


def _tag(tag: str):
    def edit(notebook: NotebookNode) -> None:
        for one in notebook.cells:
            one.metadata["tags"] = [tag]

    return edit


def _metadata(**changes):
    def edit(notebook: NotebookNode) -> None:
        _test(notebook).metadata.nbgrader.update(changes)

    return edit


def _delete(notebook):
    notebook.cells.remove(_test(notebook))


def _delete_all(notebook):
    notebook.cells = []


def _delete_tests(notebook):
    notebook.cells = [one for one in notebook.cells if not one.id.startswith("test-")]


def _empty(notebook):
    _test(notebook).source = ""


def _duplicate(notebook):
    again = copy.deepcopy(_test(notebook))
    again.source = "pass"
    notebook.cells.append(again)


def _duplicate_before(notebook):
    again = copy.deepcopy(_test(notebook))
    again.source = "pass"
    notebook.cells.insert(0, again)


def _duplicate_answer(notebook):
    notebook.cells.append(copy.deepcopy(cell(notebook, "add")))


def _rename(notebook):
    _test(notebook).metadata.nbgrader["grade_id"] = "test-something-else"


def _swap_names(notebook):
    a, b = _test(notebook), cell(notebook, "test-part")
    a.metadata.nbgrader, b.metadata.nbgrader = b.metadata.nbgrader, a.metadata.nbgrader


def _move(notebook):
    test = _test(notebook)
    notebook.cells.remove(test)
    notebook.cells.insert(0, test)


def _reverse(notebook):
    notebook.cells.reverse()


def _as_markdown(notebook):
    index = notebook.cells.index(_test(notebook))
    turned = new_markdown_cell("pass", id="test-add", metadata=_test(notebook).metadata)
    notebook.cells[index] = turned


def _as_raw(notebook):
    index = notebook.cells.index(_test(notebook))
    notebook.cells[index] = new_raw_cell("pass", id="test-add", metadata=_test(notebook).metadata)


def _answer_as_markdown(notebook):
    index = notebook.cells.index(cell(notebook, "add"))
    metadata = cell(notebook, "add").metadata
    notebook.cells[index] = new_markdown_cell("my answer", id="add", metadata=metadata)


def _unlock(notebook):
    for one in notebook.cells:
        if "nbgrader" in one.metadata:
            one.metadata.nbgrader["locked"] = False
    _test(notebook).source = "pass"


def _no_metadata(notebook):
    for one in notebook.cells:
        one.metadata.pop("nbgrader", None)
    _test(notebook).source = "pass"


def _odd_metadata(notebook):
    _test(notebook).metadata["nbgrader"] = ["not", "a", "dictionary"]


def _odd_tags(notebook):
    _test(notebook).metadata["tags"] = {"skip-execution": True}


def _same_ids(notebook):
    for one in notebook.cells:
        one.id = "same"


def _bad_ids(notebook):
    for index, one in enumerate(notebook.cells):
        one.id = f"../{index} <b>"


def _other_schema(version):
    def edit(notebook):
        for one in notebook.cells:
            if "nbgrader" in one.metadata:
                one.metadata.nbgrader["schema_version"] = version

    return edit


def _other_kernel(notebook):
    notebook.metadata["kernelspec"] = {"name": "mine", "display_name": "Mine", "language": "x"}


def _bash_kernel(notebook):
    notebook.metadata["kernelspec"]["name"] = "../../../../tmp/evil"


def _outputs(notebook):
    from nbformat.v4 import new_output

    _test(notebook).outputs = [new_output("execute_result", {"text/plain": "4"}, execution_count=1)]
    _test(notebook).execution_count = 1


def _solution_too(notebook):
    own = new_code_cell("pass", id="mine")
    own.metadata["nbgrader"] = {
        "grade_id": "bonus",
        "grade": True,
        "locked": True,
        "solution": False,
        "task": False,
        "points": 100,
        "schema_version": 3,
    }
    notebook.cells.append(own)


def _magic_first(notebook):
    _test(notebook).source = "%%script true\n" + _test(notebook).source


def _magic_answer(notebook):
    cell(notebook, "add").source = "%%bash\nexit 1\ndef add(a, b): return 3"


def _wrong(name, tries, edit, state=EITHER, score=LOST, reason="") -> Attack:
    """With a wrong answer to the first task, which must cost its points all the same."""
    return Attack(name, tries, dict(WRONG), edit, state=state, score=score, reason=reason)


ATTACKS = [
    _wrong("tag-skip", "Tags all cells skip-execution.", _tag("skip-execution")),
    _wrong("tag-raises", "Tags all cells raises-exception.", _tag("raises-exception")),
    _wrong("tag-remove", "Tags all cells remove-cell.", _tag("remove-cell")),
    _wrong("tags-odd", "Has tags that are no list.", _odd_tags),
    _wrong("deletes-test", "Deletes a test.", _delete, REVIEWED, reason="test-add"),
    _wrong("deletes-tests", "Deletes all tests.", _delete_tests, REVIEWED, reason="test-"),
    Attack("deletes-all", "Deletes all cells.", edit=_delete_all, state=REVIEWED, score=0),
    _wrong("empties-test", "Empties a test.", _empty),
    _wrong("doubles-test", "Adds a second, empty copy.", _duplicate, REVIEWED, reason="test-add"),
    _wrong("doubles-before", "Puts one above.", _duplicate_before, REVIEWED, reason="test-add"),
    Attack(
        "doubles-answer",
        "Has an answer's cell twice.",
        edit=_duplicate_answer,
        state=REVIEWED,
        score=None,
        reason="add",
    ),
    _wrong("renames-test", "Gives a test another name.", _rename),
    _wrong("swaps-tests", "Swaps the names of two tests.", _swap_names),
    _wrong("moves-test", "Moves a test to the top.", _move, REVIEWED, reason="test-add"),
    Attack(
        "reverses",
        "Has all cells in reverse order.",
        edit=_reverse,
        state=REVIEWED,
        score=None,
        reason="place",
    ),
    _wrong("test-markdown", "Turns a test into text.", _as_markdown),
    _wrong("test-raw", "Turns a test into a raw cell.", _as_raw),
    Attack(
        "answer-markdown",
        "Turns an answer into text.",
        edit=_answer_as_markdown,
        state=EITHER,
        score=LOST,
    ),
    _wrong("unlocks", "Unlocks all cells and edits a test.", _unlock),
    _wrong("no-metadata", "Removes nbgrader's metadata and edits a test.", _no_metadata),
    _wrong("odd-metadata", "Has metadata of another type.", _odd_metadata),
    _wrong("more-points", "Gives a test 400 points.", _metadata(points=400)),
    _wrong("negative-points", "Gives a test negative points.", _metadata(points=-4)),
    _wrong("odd-points", "Gives a test points that are no number.", _metadata(points="many")),
    _wrong("is-solution", "Declares a test an answer.", _metadata(solution=True, locked=False)),
    _wrong("is-task", "Declares a test a task for a person.", _metadata(task=True)),
    _wrong("is-ungraded", "Declares a test ungraded.", _metadata(grade=False)),
    _wrong("own-checksum", "Has a checksum of its own.", _metadata(checksum="0" * 32)),
    _wrong("cell-type", "Says that the test is text.", _metadata(cell_type="markdown")),
    Attack("bonus", "Adds a test of its own for 100 points.", edit=_solution_too, state=EITHER),
    _wrong("has-outputs", "Hands in the test's outputs.", _outputs),
    _wrong("magic-test", "Has a magic skip the test.", _magic_first),
    Attack("magic-answer", "Answers in bash.", edit=_magic_answer, state=EITHER, score=LOST),
    Attack("schema-0", "Has schema version 0.", edit=_other_schema(0), score=FULL),
    Attack("schema-1", "Has schema version 1.", edit=_other_schema(1), score=FULL),
    Attack("schema-99", "Has schema version 99.", edit=_other_schema(99), score=FULL),
    Attack("schema-text", "Has a schema version that is text.", edit=_other_schema("3.0")),
    Attack("ids-same", "Has one id for all cells.", edit=_same_ids, state=EITHER),
    Attack(
        "ids-odd",
        "Has ids that are no ids.",
        edit=_bad_ids,
        state=(*EITHER, *BROKEN),
        score=None,
        probe=lambda world, graded: (
            f"score {graded.score:g}"
            if (graded.state, graded.score) not in {("graded", FULL), ("malformed", 0)}
            else None
        ),
    ),
    Attack("kernel-unknown", "Names a kernel that is not installed.", edit=_other_kernel),
    Attack("kernel-path", "Names a path as kernel.", edit=_bash_kernel),
]
