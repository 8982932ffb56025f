"""Balancing step by step: its JavaScript against the library's sinkhorn."""

import living
import pytest
import torch
import traitlets

from course_utils.sinkhorn import sinkhorn
from course_utils.widgets import SinkhornBalancing
from course_utils.widgets.sinkhorn_balancing import EXAMPLES

ALT = "A matrix of shares that is balanced step by step"


def start(page, scores=None, **settings) -> SinkhornBalancing:
    figure = SinkhornBalancing(scores, alt=ALT, **settings)
    living.start(page, figure)
    return figure


def press(page, *names):
    for name in names:
        page.get_by_role("button", name=name, exact=True).click()


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def labels(page, line) -> list[int]:
    """The counts that stand below the matrix."""
    name = page.locator(".matrix text").filter(has_text=line)
    return [int(name.locator(f"xpath=following-sibling::*[{i}]").inner_html()) for i in range(1, 5)]


def test_two_steps_are_an_iteration_of_the_librarys_sinkhorn(page):
    figure = start(page)
    states = [
        {"scores": scores, "temperature": temperature, "steps": steps}
        for scores in EXAMPLES.values()
        for temperature in (0.3, 3.0)
        for steps in (2, 5, 14)
    ]
    found = page.evaluate("states => states.map(s => widget.replay(s))", states)
    for state, got in zip(states, found, strict=True):
        figure.set_state(state)
        shares = torch.tensor(got["shares"], dtype=torch.float64)
        torch.testing.assert_close(shares, figure.matrix())
        assert figure.deviation() == pytest.approx(got["deviations"][-1], abs=1e-12)
        scores = torch.tensor(state["scores"], dtype=torch.float64)
        if state["steps"] == 5:  # half a round: the columns are right
            torch.testing.assert_close(shares.sum(0), torch.full_like(shares[0], 2))
        else:
            q = sinkhorn(scores, state["temperature"], state["steps"] // 2)
            torch.testing.assert_close(shares, q)


def test_until_balanced_stops_where_the_library_does(page):
    start(page)
    for scores in (EXAMPLES["random"], EXAMPLES["collapsed"]):
        state = {"scores": scores, "temperature": 0.3, "steps": 3}
        steps = page.evaluate("s => widget.untilBalanced(s)", state)
        q = sinkhorn(torch.tensor(scores, dtype=torch.float64), 0.3, tolerance=1e-3)
        got = page.evaluate("s => widget.replay(s).shares", state | {"steps": steps})
        torch.testing.assert_close(torch.tensor(got, dtype=torch.float64), q)


def test_the_buttons_scale_what_they_name_and_the_counts_of_labels_follow(page):
    start(page, EXAMPLES["collapsed"])
    assert status(page).startswith("0 rounds: column B sums to 6.181 instead of 2")
    assert labels(page, "old labels") == labels(page, "new labels") == [0, 8, 0, 0]
    assert page.locator(".matrix .right").count() == 8  # all rows
    rows = page.get_by_role("button", name="Scale rows")
    assert rows.get_attribute("aria-disabled") == "true"
    rows.press("Enter")  # they are already right
    assert page.evaluate("model.get('steps')") == 0
    press(page, "Scale columns")
    assert page.evaluate("saved.steps") == 1
    assert page.locator(".matrix .right").count() == 4  # all columns
    assert "½ round: row" in status(page)
    press(page, "Scale rows", "One round", "Scale columns", "One round")
    assert page.evaluate("saved.steps") == 6
    press(page, "Until balanced")
    assert status(page).startswith("5 rounds: balanced")
    assert page.locator(".matrix .right").count() == 12
    assert labels(page, "old labels") == [0, 8, 0, 0]
    balanced = sinkhorn(torch.tensor(EXAMPLES["collapsed"]), 1.0, 5).argmax(1).bincount()
    assert labels(page, "new labels") == balanced.tolist() == [1, 1, 3, 3]
    assert "the hard labels are not quite" in status(page)
    press(page, "Until balanced")  # nothing is left to do
    assert page.evaluate("saved.steps") == 10
    press(page, "Start over")
    assert page.evaluate("saved.steps") == 0


def test_the_keyboard_does_everything_and_a_temperature_keeps_the_rounds(page):
    start(page, EXAMPLES["collapsed"])
    page.get_by_role("button", name="Until balanced").press("Enter")
    slider = page.get_by_role("slider", name="Temperature")
    for _ in range(5):
        slider.press("ArrowLeft")
    assert page.evaluate("[saved.temperature, saved.steps]") == [0.562, 10]
    assert slider.get_attribute("aria-valuetext") == "0.562"
    assert "instead of" in status(page)  # a lower temperature needs more rounds
    page.get_by_role("button", name="Until balanced").press("Space")
    assert page.evaluate("saved.steps") > 10
    page.get_by_role("combobox", name="Scores").select_option("all rows alike")
    assert page.evaluate("saved.steps") == 0
    page.get_by_role("button", name="One round").press("Enter")
    assert labels(page, "new labels") == [0, 0, 0, 0]
    assert "8 rows of 8 have no largest entry" in status(page)


def test_what_is_liked_too_much_is_balanced_away():
    # The collapsed example is the random one with 3 more for one cluster.
    random, collapsed = (SinkhornBalancing(EXAMPLES[n], steps=60, alt=ALT).matrix()
                         for n in ("random", "collapsed"))  # fmt: skip
    torch.testing.assert_close(random, collapsed)
    for temperature in (0.1, 10.0):
        figure = SinkhornBalancing(EXAMPLES["balanced"], temperature=temperature, alt=ALT)
        assert figure.deviation() < 1e-12


@pytest.mark.parametrize(
    "wrong",
    [{"scores": [[1.0, 2.0], [3.0]]}, {"scores": [[1.0, 2.0]]}, {"scores": [[0.0] * 7] * 7},
     {"scores": [[1.0, float("inf")]] * 2}, {"temperature": 0.05}, {"steps": -1}],
)  # fmt: skip
def test_what_cannot_be_balanced_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        SinkhornBalancing(alt=ALT, **wrong)
