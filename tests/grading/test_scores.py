"""What a test cell's outputs are worth: nothing by accident, in either direction."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_output
from tiny_course import graded

from course_utils.grading.scores import determine_grade

ERROR = new_output("error", ename="AssertionError", evalue="", traceback=[])
WARNING = new_output("stream", name="stderr", text="UserWarning: harmless")


def shown(text: str):
    return new_output("execute_result", data={"text/plain": text}, execution_count=1)


def score(*outputs, ran: bool = True, source: str = "assert True"):
    cell = graded(new_code_cell(source, outputs=list(outputs)), "test", points=4)
    return determine_grade(cell, ran=ran)


def test_no_output_is_full_points():
    assert score() == (4, "")


def test_a_warning_on_standard_error_costs_nothing():
    assert score(WARNING) == (4, "")
    assert score(WARNING, shown("2")) == (2, "")


@pytest.mark.parametrize("outputs", [[ERROR], [shown("4"), ERROR], [ERROR, shown("4")]])
def test_an_error_costs_all_wherever_it_stands(outputs):
    assert score(*outputs) == (0, "")


def test_a_test_that_did_not_run_is_not_passed():
    value, why = score(ran=False)
    assert value == 0
    assert "did not run" in why


def test_a_test_without_code_is_passed_as_in_nbgrader():
    assert score(ran=False, source=" ") == (4, "")


@pytest.mark.parametrize(("text", "points"), [("0", 0), ("2.5", 2.5), ("4", 4)])
def test_a_displayed_number_is_partial_credit(text, points):
    assert score(shown(text)) == (points, "")


@pytest.mark.parametrize("text", ["True", "tensor(3)", "'2'", "None", ""])
def test_what_is_no_number_is_just_the_last_expression(text):
    assert score(shown(text)) == (4, "")


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-1", "4.01", "1e999"])
def test_credit_that_is_none_counts_zero_and_is_looked_at(text):
    value, why = score(shown(text))
    assert value == 0
    assert why


def test_several_displayed_values_count_zero_and_are_looked_at():
    value, why = score(shown("4"), shown("1"))
    assert (value, why) == (0, "the test displayed several values")
