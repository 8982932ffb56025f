"""A student's notebook gets the assignment's own cells back, whatever happened to them."""

from __future__ import annotations

import copy

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from tiny_course import answers, cell, source_notebook

from course_utils.grading.restore import restore


@pytest.fixture
def released() -> NotebookNode:
    return source_notebook()


@pytest.fixture
def submitted(released) -> NotebookNode:
    return answers(released)


def names(notebook: NotebookNode) -> list[str]:
    return [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]


ORDER = ["add", "test-add", "scale", "test-scale", "explain"]


def test_a_well_formed_notebook_is_left_as_it_is(released, submitted):
    submitted.cells.insert(4, new_code_cell("helper = 1"))
    before = copy.deepcopy(submitted)
    restored = restore(submitted, released)
    assert submitted == before
    assert restored.reasons == restored.cells == []


@pytest.mark.parametrize("tag", ["skip-execution", "raises-exception"])
def test_tags_that_spare_a_test_are_taken_off_every_cell(released, submitted, tag):
    for one in submitted.cells:
        one.metadata["tags"] = [tag, "mine"]
    restored = restore(submitted, released)
    assert [one.metadata.tags for one in submitted.cells] == [["mine"]] * len(submitted.cells)
    assert not restored.reasons


def test_tags_that_are_no_list_are_taken_off(released, submitted):
    submitted.cells[4].metadata["tags"] = "skip-execution"
    restore(submitted, released)
    assert "tags" not in submitted.cells[4].metadata


@pytest.mark.parametrize("version", [0, 1, 2, 4, "3", None])
def test_another_schema_version_is_mended_without_a_word(released, submitted, version):
    for name in ORDER:
        cell(submitted, name).metadata.nbgrader["schema_version"] = version
    restored = restore(submitted, released)
    assert {cell(submitted, n).metadata.nbgrader.schema_version for n in ORDER} == {3}
    assert not restored.reasons


def test_points_and_kind_come_from_the_release(released, submitted):
    test = cell(submitted, "test-add")
    test.metadata.nbgrader.update(points=400, grade=False, solution=True, locked=False)
    restore(submitted, released)
    assert test.metadata.nbgrader == cell(released, "test-add").metadata.nbgrader


@pytest.mark.parametrize("name", ["test-add", "test-scale", "explain"])
def test_a_deleted_graded_cell_is_put_back_in_its_place_and_said(released, submitted, name):
    submitted.cells.remove(cell(submitted, name))
    submitted.cells.insert(0, new_code_cell("import os"))
    restored = restore(submitted, released)
    assert names(submitted) == ORDER
    assert restored.cells == [name]
    assert name in restored.reasons[0]


def test_a_deleted_test_comes_after_what_the_student_put_between(released, submitted):
    place = submitted.cells.index(cell(submitted, "test-add"))
    submitted.cells[place] = new_code_cell("helper = 1", id="helper")
    restore(submitted, released)
    ids = [one.id for one in submitted.cells]
    assert ids.index("helper") < ids.index("test-add") < ids.index("task-2")


def test_a_deleted_answer_is_not_put_back(released, submitted):
    """Its code may stand in another cell, which the empty one below would undo."""
    index = submitted.cells.index(cell(submitted, "add"))
    submitted.cells[index] = new_code_cell(submitted.cells[index].source)
    assert not restore(submitted, released).reasons
    assert names(submitted) == ORDER[1:]


@pytest.mark.parametrize("name", ["add", "test-add"])
def test_of_a_doubled_cell_the_last_one_counts_and_it_is_said(released, submitted, name):
    first = cell(submitted, name)
    second = copy.deepcopy(first)
    second.id, second.source = "second", "the second"
    submitted.cells.insert(submitted.cells.index(first) + 1, second)
    restored = restore(submitted, released)
    assert names(submitted) == ORDER
    assert "nbgrader" not in first.metadata
    assert second.metadata.nbgrader.grade_id == name
    assert restored.cells == [name]


def test_a_moved_test_is_put_right_and_said(released, submitted):
    test = cell(submitted, "test-add")
    submitted.cells.remove(test)
    submitted.cells.insert(0, test)
    restored = restore(submitted, released)
    assert names(submitted) == ORDER
    assert restored.cells == ["test-add"]


@pytest.mark.parametrize("new", ["renamed", "", None, 7])
def test_a_renamed_test_is_recognized(released, submitted, new):
    cell(submitted, "test-add").metadata.nbgrader["grade_id"] = new
    assert not restore(submitted, released).reasons
    assert names(submitted) == ORDER


@pytest.mark.parametrize("metadata", [None, [], "x", {"grade": True}])
def test_a_test_with_ruined_metadata_is_recognized(released, submitted, metadata):
    cell(submitted, "test-add").metadata["nbgrader"] = metadata
    assert not restore(submitted, released).reasons
    assert names(submitted) == ORDER


def test_a_test_without_id_or_metadata_is_recognized_by_its_source(released, submitted):
    test = cell(submitted, "test-add")
    test.id = "other"
    del test.metadata["nbgrader"]
    assert not restore(submitted, released).reasons
    assert names(submitted) == ORDER


def test_a_test_cannot_be_added(released, submitted):
    extra = new_code_cell("pass")
    extra.metadata["nbgrader"] = cell(released, "test-add").metadata.nbgrader | {"grade_id": "mine"}
    submitted.cells.append(extra)
    restore(submitted, released)
    assert names(submitted) == ORDER


def test_a_cell_of_another_type_becomes_what_it_was(released, submitted):
    for name, kind in (("test-add", new_markdown_cell), ("explain", new_code_cell)):
        index = submitted.cells.index(cell(submitted, name))
        changed = kind("Because.")
        changed.metadata["nbgrader"] = submitted.cells[index].metadata.nbgrader
        submitted.cells[index] = changed
    restore(submitted, released)
    by_name = {c.metadata.nbgrader.grade_id: c for c in submitted.cells if "nbgrader" in c.metadata}
    assert by_name["test-add"].cell_type == "code"
    assert by_name["test-add"].source == cell(released, "test-add").source
    assert by_name["explain"].cell_type == "markdown"
    assert by_name["explain"].source == "Because."


def test_an_emptied_notebook_gets_all_tests_back(released, submitted):
    submitted.cells = []
    restored = restore(submitted, released)
    assert names(submitted) == ["test-add", "test-scale", "explain"]
    assert restored.cells == ["test-add", "test-scale", "explain"]


def test_notebooks_without_cell_ids_are_put_right_too(released, submitted):
    for notebook in (released, submitted):
        for one in notebook.cells:
            del one["id"]
    gone = next(c for c in submitted.cells if "shared_line" in c.source)
    submitted.cells.remove(gone)
    assert restore(submitted, released).cells == ["test-add"]
    assert names(submitted) == ORDER
