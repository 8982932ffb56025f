"""The step-size figure: its JavaScript in a real browser, against NumPy's rounding."""

import living
import numpy as np
import pytest
import traitlets

from course_utils.widgets import StepSize
from course_utils.widgets.step_size import DTYPES, EXAMPLES, FORMULAS

ALT = "Error of a difference quotient against its step"


def start(page, **settings) -> StepSize:
    figure = StepSize(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("precision", DTYPES)
@pytest.mark.parametrize("kind", EXAMPLES)
def test_errors_equal_numpys(kind, precision, formula, page):
    figure = start(page, kind=kind, precision=precision, formula=formula)
    exponents = page.evaluate("widget.exponents")
    got = page.evaluate(
        """settings => widget.exponents.map(
             exponent => widget.measure({ ...settings, exponent }).error)""",
        {"kind": kind, "precision": precision, "formula": formula},
    )
    expected = figure.errors(np.array(exponents))
    # Powers of ten, tanh and sin differ between libraries by a unit or two in the last place, and
    # h divides that.
    eps = np.finfo(DTYPES[precision]).eps
    scale = 1000 if kind == "offset" else 1
    slack = 8 * eps * scale / (10 ** np.array(exponents)) + 8 * eps
    assert (np.abs(np.array(got) - expected) <= slack).all()


def test_the_best_steps_lie_where_theory_puts_them(page):
    start(page)
    for precision, formula, low, high in (
        ("float64", "central", -6.5, -4),
        ("float64", "forward", -9, -7),
        ("float32", "central", -3.5, -1.5),
    ):
        page.get_by_role("combobox", name="Precision").select_option(precision)
        page.get_by_role("combobox", name="Quotient").select_option(formula)
        page.get_by_role("button", name="Best step").click()
        assert low <= page.evaluate("saved.exponent") <= high


def test_the_slider_answers_the_keyboard_and_tells_its_value(page):
    start(page, exponent=-3.0)
    slider = page.get_by_role("slider", name="Step h")
    slider.focus()
    assert slider.get_attribute("aria-valuetext") == "1.0 · 10⁻³"
    before = page.locator("circle.now").get_attribute("cx")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("saved.exponent") == -3.1
    assert "h = 7.9 · 10⁻⁴" in status(page)
    assert float(page.locator("circle.now").get_attribute("cx")) < float(before)
    page.keyboard.press("Home")
    assert page.evaluate("saved.exponent") == -15


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"exponent": -1.0}, "Curvature is at work"),
        ({"exponent": -9.0}, "Rounding is at work"),
        ({"exponent": -9.0, "precision": "float32"}, "changes nothing"),
        ({"exponent": -15.0, "kind": "offset"}, "nothing is left"),
        ({"exponent": -2.0, "kind": "relu"}, "reaches across the kink"),
        ({"exponent": 0.0, "kind": "square", "formula": "forward"}, "Curvature is at work"),
    ],
)
def test_it_says_which_error_is_at_work(settings, words, page):
    start(page, **settings)
    assert words in status(page)


def test_new_settings_from_the_kernel_are_shown(page):
    start(page)
    page.evaluate("model.set('kind', 'square')")
    assert page.get_by_role("combobox", name="Function").input_value() == "square"
    assert "exact 1.400000000" in status(page)


def test_the_static_picture_shows_the_chosen_step():
    assert StepSize(alt=ALT, exponent=-5.0).picture() != StepSize(alt=ALT).picture()


@pytest.mark.parametrize(
    "wrong", [{"kind": "cube"}, {"precision": "float16"}, {"formula": "left"}, {"exponent": 2.0}]
)
def test_a_choice_that_is_not_there_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        StepSize(alt=ALT, **wrong)
