"""Feedback pages show students their work and nothing that others must not see."""

from __future__ import annotations

import html
import re

import pytest
from tiny_course import ASSIGNMENT, answers, make_course, released, submit

from course_utils.errors import CourseError
from course_utils.grading import sandbox
from course_utils.grading.engine import grade
from course_utils.grading.exporter import clean
from course_utils.grading.feedback import feedback
from course_utils.grading.redact import PLACEHOLDER, redact
from course_utils.grading.release import release

needs_sandbox = pytest.mark.skipif(
    sandbox.why_not() is not None, reason=f"no sandbox here: {sandbox.why_not()}"
)

PRINTS_ITS_CALLER = """\
import inspect
def add(a, b):
    print(inspect.getsource(inspect.currentframe().f_back))
    if a == 4700:
        raise ValueError("raised in the middle of a hidden test")
    return a + b
"""
SCRIPT = """\
from IPython.display import HTML, display
display(HTML("<script>alert('from an output')</script><b>bold</b>"))
def add(a, b):
    return a + b
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, str]:
    root = make_course(tmp_path_factory.mktemp("course"))
    release(root, "p1")
    blank = released(root)
    submit(root, "right", answers(blank))
    submit(root, "wrong", answers(blank, add="def add(a, b):\n    return 3"))
    submit(root, "unfilled", blank)
    submit(root, "nosy", answers(blank, add=PRINTS_ITS_CALLER))
    submit(
        root,
        "script",
        answers(blank, add=SCRIPT, explain="Because.<script>alert('from an answer')</script>"),
    )
    submit(root, "broken<b>", '{"cells": [')
    grade(root, "p1")
    folder = feedback(root, "p1").parents[1]
    return {
        path.parents[1].name: path.read_text(encoding="utf-8")
        for path in folder.glob(f"*/{ASSIGNMENT}/{ASSIGNMENT}.html")
    }


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@needs_sandbox
def test_every_student_gets_a_page(pages):
    assert set(pages) == {"right", "wrong", "unfilled", "nosy", "script", "broken<b>"}
    assert "Score: 10.0 / 15.0" in text_of(pages["right"])
    assert "assert add(shared_line, 2) == 3" in text_of(pages["right"])


@needs_sandbox
@pytest.mark.parametrize("student", ["right", "wrong", "nosy", "script"])
def test_no_line_of_a_hidden_test_is_shown(pages, student):
    text = text_of(pages[student])
    for hidden in ("4711", "hidden_sum", "HIDDEN TESTS", "scale(8, 9)"):
        assert hidden not in text


@needs_sandbox
def test_a_line_that_a_visible_test_shares_stays_visible(pages):
    text = text_of(pages["unfilled"])
    assert "      1 shared_line = 1" in text, "with the number that a traceback gives it"
    assert "----> 2 assert add(shared_line, 2) == 3" in text


@needs_sandbox
def test_a_failure_in_a_hidden_test_is_told_without_it(pages):
    assert PLACEHOLDER in text_of(pages["wrong"])
    assert "AssertionError" in text_of(pages["wrong"])
    assert "raised in the middle of a hidden test" in text_of(pages["nosy"])


@needs_sandbox
def test_scripts_in_outputs_and_answers_do_not_reach_the_page(pages):
    assert "<b>bold</b>" in pages["script"]
    assert not re.search(r"<script[^>]*>\s*alert", pages["script"])


@needs_sandbox
@pytest.mark.parametrize("student", ["right", "script", "broken<b>"])
def test_pages_load_nothing_from_elsewhere(pages, student):
    loaded = re.findall(
        r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']([^\"']+)", pages[student]
    )
    assert not [address for address in loaded if re.match(r"(https?:)?//", address)]
    assert "@import" not in pages[student]


@needs_sandbox
def test_a_malformed_submission_gets_the_reason(pages):
    text = text_of(pages["broken<b>"])
    assert "could not be graded" in text
    assert "breaks off" in text
    assert "Download the assignment again" in text


def test_feedback_before_grading_says_what_to_do(tmp_path):
    root = make_course(tmp_path)
    with pytest.raises(CourseError, match="course grade p1"):
        feedback(root, "p1")


def test_sanitizing_keeps_what_markdown_makes():
    kept = '<h2 id="a">T</h2><p>a <em>b</em><br><img alt="x" src="data:image/png;base64,AA=="></p>'
    assert clean(kept) == kept
    assert clean('<img src="https://example.org/x.png" onerror="alert()">') == "<img>"
    assert clean('<a href="javascript:alert()">a</a>') == "<a>a</a>"
    assert clean("<style>td { color: red }</style><table><tr><th>a</th></tr></table>") == (
        "<table><tbody><tr><th>a</th></tr></tbody></table>"
    )


def test_short_hidden_lines_hide_only_whole_lines():
    hidden = {"x = 1", "assert secret_value == 17"}
    shown = "---> 3 x = 1\n      4 xx = 10\nprint: assert secret_value == 17!"
    assert redact(shown, hidden) == f"{PLACEHOLDER}\n      4 xx = 10\n{PLACEHOLDER}"
    assert redact("max = 12, x = 10", hidden) == "max = 12, x = 10"
