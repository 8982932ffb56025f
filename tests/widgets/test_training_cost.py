"""The cost of training: the browser's numbers, and the published ones."""

import living
import pytest
import traitlets

from course_utils.widgets import TrainingCost
from course_utils.widgets.training_cost import INPUTS, PRESETS

ALT = "What it takes to train a language model"


@pytest.fixture(scope="module")
def opened(browser):
    """One page for all tests, each of which begins with the preset that it needs."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    living.start(page, TrainingCost(alt=ALT))
    yield page
    page.close()
    assert errors == []


def choose(page, name):
    page.get_by_role("combobox", name="Begin with").select_option(name)


def result(page, name) -> str:
    return page.locator(f"[data-result={name}]").inner_text()


@pytest.mark.parametrize("name", PRESETS)
def test_the_browser_computes_what_python_does(name, opened):
    choose(opened, name)
    figure = TrainingCost.preset(name, alt=ALT)
    sent = opened.evaluate("saved")
    assert {key: sent[key] for key in INPUTS} == {key: getattr(figure, key) for key in INPUTS}
    assert opened.evaluate("widget.results(saved)") == pytest.approx(figure.results(), rel=1e-12)
    assert PRESETS[name]["source"] in opened.locator(".figure-status").inner_text()


def test_the_presets_give_what_was_published():
    small, roberta, lectures, reported, palm = (
        TrainingCost.preset(name, alt=ALT).results() for name in PRESETS
    )
    assert small["seconds"] / 60 == pytest.approx(90, rel=0.1)
    assert small["dollars"] == pytest.approx(20, rel=0.05)
    assert roberta["days"] == pytest.approx(5, rel=0.001)
    assert lectures["operations"] == pytest.approx(3.15e23)
    assert lectures["pf_days"] == pytest.approx(3640, rel=0.002)
    assert lectures["days"] == pytest.approx(61, abs=0.5)
    assert lectures["dollars"] == pytest.approx(3e6, rel=0.002)
    assert reported["days"] == pytest.approx(14.8, abs=0.05)
    assert reported["kwh"] == pytest.approx(1_287_000, rel=0.005)
    chip_hours = 6144 * 1200 + 3072 * 336
    assert palm["operations"] == pytest.approx(2.5e24, rel=0.02)
    assert palm["chip_hours"] == pytest.approx(chip_hours, rel=0.0005)
    assert palm["kwh"] / 1.08 == pytest.approx(chip_hours * 0.3785, rel=0.0005)
    assert palm["dollars"] == pytest.approx(25e6, rel=0.002)
    usa = TrainingCost.preset("PaLM, 2022", household=10_600.0, pue=1.0, alt=ALT).results()
    assert usa["households"] == pytest.approx(300, abs=1)


def test_amounts_and_times_are_written_in_words(opened):
    amounts = [0.0861, 999.4, 3645.8, 999_600, 24_963_850, 3e12]
    assert opened.evaluate("a => a.map(widget.amount)", amounts) == [
        "0.0861", "999", "3,650", "1 million", "25 million", "3 trillion"
    ]  # fmt: skip
    times = [100, 4968, 40 * 3600, 5.25e6, 1e9]
    assert opened.evaluate("t => t.map(widget.duration)", times) == [
        "100 seconds", "82.8 minutes", "40 hours", "60.8 days", "31.7 years"
    ]  # fmt: skip


def test_sliders_fields_and_the_plane_answer_the_keyboard(opened):
    choose(opened, "GPT-3, the lectures' numbers")
    assert [result(opened, n) for n in ("pf_days", "seconds", "dollars")] == [
        "3,646", "60.8 days", "$3 million"
    ]  # fmt: skip
    field = opened.get_by_role("spinbutton", name="Utilization")
    assert field.input_value() == "32"
    field.fill("64")
    field.press("Enter")
    assert opened.evaluate("saved.utilization") == 0.64
    assert result(opened, "seconds") == "30.4 days"
    assert "Your own numbers" in opened.locator(".figure-status").inner_text()
    assert opened.get_by_role("combobox", name="Begin with").input_value() == ""
    field.fill("400")
    field.press("Enter")
    assert opened.evaluate("saved.utilization") == 1  # nothing is above its peak
    field.fill("-1")
    field.press("Enter")
    assert field.input_value() == "100"
    chips = opened.get_by_role("slider", name="Chips")
    chips.press("End")
    assert opened.evaluate("saved.chips") == 1_000_000
    chips.press("ArrowLeft")
    assert opened.evaluate("Number.isInteger(saved.chips)")
    plane = opened.get_by_role("application")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        plane.press(key)
    assert opened.evaluate("[saved.parameters, saved.tokens]") == [277e9, 238e9]
    plane.click(position={"x": 30, "y": 60})  # left of the axes: the smallest model
    assert opened.evaluate("saved.parameters") == 1e6


@pytest.mark.parametrize(
    "wrong",
    [{"parameters": 0.0}, {"utilization": 1.5}, {"chips": 0}, {"pue": 0.9}, {"tokens": 1e15}],
)
def test_what_no_one_trains_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        TrainingCost(alt=ALT, **wrong)
