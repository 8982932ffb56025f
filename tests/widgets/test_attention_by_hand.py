"""Attention by hand: its JavaScript against torch, in both conventions, right and wrong."""

import json
import math

import living
import pytest
import torch
import traitlets
from torch.nn import functional as F

from course_utils.widgets import AttentionByHand
from course_utils.widgets.attention_by_hand import EXAMPLES, SHAPES

ALT = "Self-attention on four tokens, by hand"


@pytest.fixture(scope="module")
def figure(browser):
    """One page for all tests of this file."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    living.start(page, AttentionByHand(alt=ALT))
    yield page
    page.close()
    assert errors == []


def both(page, **settings) -> dict[str, torch.Tensor | None]:
    """The matrices that the browser shows, which are also Python's."""
    figure = AttentionByHand(alt=ALT, **settings)
    state = {name: getattr(figure, name) for name in figure.keys if name[0] != "_"}
    state = {name: state[name] for name in (*SHAPES, "d_v", "mask", "columns", "formula")}
    found = page.evaluate("state => widget.attention(state)", json.loads(json.dumps(state)))
    for name, matrix in figure.matrices().items():
        if matrix is None:
            assert found[name] is None
        else:
            found[name] = torch.tensor(found[name], dtype=torch.float64)
            torch.testing.assert_close(found[name], matrix)
    return found


@pytest.mark.parametrize("columns", [True, False])
@pytest.mark.parametrize("mask", [True, False])
def test_both_conventions_are_torchs_attention(columns, mask, figure):
    for example in EXAMPLES.values():
        found = both(figure, **example, columns=columns, mask=mask)
        q, k, v, z = (found[n].T if columns else found[n] for n in ("q", "k", "v", "z"))
        torch.testing.assert_close(z, F.scaled_dot_product_attention(q, k, v, is_causal=mask))
        assert found["z"].shape == ((5, 4) if columns else (4, 5))
        torch.testing.assert_close(
            found["weights"].sum(0 if columns else 1), torch.ones(4).double()
        )


def test_wrong_formulas_do_what_the_slides_say(figure):
    numbers = EXAMPLES["random numbers"]
    found = both(figure, **numbers, formula="sum over queries")
    rows = found["weights"]  # printed: a_ij in column i, row j
    assert not torch.allclose(rows.sum(1), torch.ones(4).double())
    for j in range(4):
        torch.testing.assert_close(found["z"][:, j], found["v"] @ rows[j])
    assert both(figure, **numbers, formula="as printed")["z"] is None  # 4 × 4 times 5 × 4
    found = both(figure, **numbers, formula="as printed", d_v=4)
    q, k, v = found["q"], found["k"], found["v"]
    torch.testing.assert_close(found["z"], (q.T @ k / math.sqrt(3)).softmax(-1) @ v)
    assert not torch.allclose(found["z"], torch.tensor(found["right"]).double())


def test_the_keyboard_edits_numbers_and_goes_step_by_step(figure):
    page = figure
    status, field = page.locator(".figure-status"), page.get_by_role("spinbutton")
    matrix = page.locator("svg[role=application]").first
    matrix.press("ArrowRight")  # of columns: the next token
    matrix.press("ArrowDown")
    assert matrix.get_attribute("aria-label") == "X, pours, number 2: 1"
    matrix.press("+")
    assert page.evaluate("saved.x[1]") == [0, 1.5, 0, 0, 0]
    matrix.press("Enter")
    field.press("ControlOrMeta+a")
    field.type("1")
    field.press("Enter")
    assert page.evaluate("saved.x[1]") == [0, 1, 0, 0, 0]
    page.get_by_role("combobox", name="Output").select_option("1")
    for _ in range(5):
        page.get_by_role("button", name="Next").press("Enter")
    assert page.get_by_role("button", name="Next").is_disabled()
    assert "z₂ = 0.45 v₁ + 0.05 v₂ + 0.05 v₃ + 0.45 v₄" in status.inner_text()
    assert "takes most from “she” and “milk”" in status.inner_text()
    page.get_by_role("checkbox", name="Mask").press("Space")
    assert "z₂ = 0.91 v₁ + 0.09 v₂ + 0.00 v₃ + 0.00 v₄" in status.inner_text()
    page.get_by_role("combobox", name="Tokens are").select_option("rows")
    assert "z₂ = 0.91 v₁" in status.inner_text()
    formula = page.get_by_role("combobox", name="Formula")
    formula.select_option("as printed")  # which is about columns
    assert page.evaluate("saved.columns")
    assert "not defined" in status.inner_text()
    page.get_by_role("combobox", name="Values").select_option("4")
    assert "It runs without a message" in status.inner_text()
    page.get_by_role("combobox", name="Tokens are").select_option("rows")
    assert page.evaluate("saved.formula") == "right"


@pytest.mark.parametrize(
    "wrong",
    [{"x": [[1.0] * 4] * 5}, {"w_v": [[math.nan] * 5] * 5}, {"w_q": [[1.0] * 5] * 2}, {"step": 6},
     {"token": 4}, {"d_v": 3}, {"columns": False, "formula": "as printed"}],
)  # fmt: skip
def test_what_is_no_such_figure_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        AttentionByHand(alt=ALT, **wrong)
