"""What may go into a feedback page, whatever a kernel called an output."""

from __future__ import annotations

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils.grading.harmless import KeepHarmless, harmless
from course_utils.grading.redact import PLACEHOLDER, redact_outputs, shows

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text/html", "image/png", "width", "x"]), inner)
    ),
    max_leaves=8,
)
FIELDS = ("name", "text", "ename", "evalue", "traceback", "data", "metadata", "execution_count")
KINDS = st.sampled_from(["stream", "error", "display_data", "execute_result", "update", 7])
OUTPUTS = st.fixed_dictionaries(
    {"output_type": KINDS}, optional=dict.fromkeys(FIELDS, JSON) | {"foreign": JSON}
)


@given(OUTPUTS)
def test_anything_becomes_an_output_of_a_known_kind(output):
    made = harmless(nbformat.from_dict(output))
    nbformat.validate(made, ref="output", version=4)
    assert "foreign" not in made


def test_what_is_well_formed_stays():
    for output in (
        new_output("stream", name="stderr", text="careful\n"),
        new_output("error", ename="ValueError", evalue="no", traceback=["a", "b"]),
        new_output("display_data", data={"text/plain": "1", "image/png": "aGk="}),
    ):
        kept = harmless(output)
        assert {k: v for k, v in kept.items() if k != "metadata"} == {
            k: v for k, v in output.items() if k != "metadata"
        }


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        ({"application/javascript": "alert()"}, {"text/plain"}),
        ({"application/javascript": "alert()", "text/plain": "1"}, {"text/plain"}),
        ({"image/png": '"><script>alert()</script>', "text/plain": "1"}, {"text/plain"}),
        ({"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}, {"text/plain"}),
        ({"image/svg+xml": "<svg/>"}, {"image/svg+xml"}),  # bleached with the rest of the page
    ],
)
def test_only_texts_and_pictures_are_kept(data, kept):
    assert set(harmless(new_output("display_data", data=data)).data) == kept


def test_a_pictures_size_is_two_small_numbers():
    sizes = {"image/png": {"width": "1 onload=alert()", "height": 30, "needs_background": "x"}}
    output = new_output("display_data", data={"image/png": "aGk="}, metadata=sizes)
    assert harmless(output).metadata == {"image/png": {"height": 30}}


def test_a_notebook_keeps_nbgraders_metadata_and_a_name_of_its_language():
    grade = {"grade_id": "a", "grade": True}
    cell = new_code_cell("1", metadata={"nbgrader": grade, "tags": ["x"], "foreign": 1})
    text = new_markdown_cell("![](attachment:a.png)")
    metadata = {
        "language_info": {"name": "python", "pygments_lexer": "</style><script>", "version": "3"},
        "widgets": {"state": 1},
        "title": "<script>",
    }
    nb = new_notebook(cells=[cell, text], metadata=metadata)
    text.attachments = {"a.png": {"image/png": "aGk="}, "b": {"text/html": "<script>"}, "c": 1}
    nb, _ = KeepHarmless().preprocess(nb, {})
    assert nb.metadata == {"language_info": {"name": "python"}}
    assert nb.cells[0].metadata == {"nbgrader": grade}
    assert nb.cells[1].attachments == {"a.png": {"image/png": "aGk="}}


HIDDEN = {"assert secret_value(3) == 17"}


@pytest.mark.parametrize(
    "text",
    [
        "assert secret_value(3) == 17",
        "   7     assert secret_value(3) == 17",
        "\x1b[32massert\x1b[0m secret_value(\x1b[33m3\x1b[0m) == 17",
        "['assert secret_value(3) == 17\\n']",
        "<b>assert</b> <i>secret_value</i>(3) == 17",
        "assert secret_value&#40;3&#41; == 17",
        "&amp;lt;i&amp;gt;assert secret_value(3) == 17",
        "a\ns\ns\ne\nr\nt\ns\ne\nc\nr\ne\nt\n_\nv\na\nl\nu\ne\n(\n3\n)\n=\n=\n1\n7",
        "ASSERT SECRET_VALUE(3) == 17",
        "'assert secret' '_value(3) == 17'",
    ],
)
def test_a_hidden_line_is_seen_in_every_form_that_can_be_read(text):
    assert shows(text, HIDDEN)


def test_what_is_no_hidden_line_is_shown():
    assert not shows("assert secret_value(3) == 18", HIDDEN)
    assert not shows("x = 1", {"x = 1"})  # too short to be anybody's secret
    output = new_output("stream", name="stdout", text="assert value(3) == 17\n")
    assert redact_outputs([NotebookNode(output)], HIDDEN)[0].text == "assert value(3) == 17\n"


@pytest.mark.parametrize(
    "outputs",
    [
        [new_output("stream", text=part) for part in ("assert secret_", "value(3) == 17")],
        [
            new_output("display_data", data={"text/plain": part, "text/html": f"<b>{part}</b>"})
            for part in ("assert secret_", "value(3) == 17")
        ],
        [
            new_output("stream", text="assert secret_"),
            new_output("error", ename="E", evalue="", traceback=["value(3) ", "== 17"]),
        ],
    ],
)
def test_a_line_that_several_outputs_show_together_is_hidden(outputs):
    (left,) = redact_outputs(outputs, HIDDEN)
    assert left.text == PLACEHOLDER
