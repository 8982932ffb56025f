"""The perceptron figure: its rule in a real browser, against the library's own."""

import living
import pytest
import torch
import traitlets

from course_utils.neurons import Perceptron
from course_utils.widgets import PerceptronTrainer
from course_utils.widgets.perceptron import EXAMPLES

ALT = "A perceptron learns from points"


def start(page, points=EXAMPLES["OR"], **settings) -> PerceptronTrainer:
    figure = PerceptronTrainer(points=points, alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def click(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def random_points(seed, n=6):
    draws = torch.Generator().manual_seed(seed)
    places = torch.randperm(17 * 17, generator=draws)[:n]
    labels = 2 * torch.randint(2, (n,), generator=draws) - 1
    return [
        [(p % 17 - 8) / 4, (p // 17 - 8) / 4, y]
        for p, y in zip(places.tolist(), labels.tolist(), strict=True)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_every_step_has_the_librarys_weights(seed, page):
    points = random_points(seed)
    start(page, points)
    for steps in (0, 1, 5, 17, 60):
        got = page.evaluate("steps => widget.replay(model.get('points'), steps).weights", steps)
        assert got == list(PerceptronTrainer(points=points, steps=steps, alt=ALT).weights())


@pytest.mark.parametrize("points", [*EXAMPLES.values(), *map(random_points, range(8))])
def test_a_run_ends_as_the_librarys_does(points, page):
    start(page, points)
    got = page.evaluate("widget.run(model.get('points'))")
    table = torch.tensor([list(p) for p in points], dtype=torch.float64)
    fit = Perceptron(2).fit(table[:, :2], table[:, 2])
    assert (got["outcome"], got["passes"]) == (fit.outcome, len(fit.mistakes))
    if fit.outcome == "cycled":
        assert got["passes"] - got["since"] == fit.cycle_length


def test_or_is_learned_step_by_step_and_by_running(page):
    start(page)
    assert "every answer is −1" in status(page)
    click(page, "Step")
    assert "score 0, right" in status(page)
    click(page, "Step")
    assert "a mistake. w + x, b + 1" in status(page)
    click(page, "Pass")
    assert page.evaluate("saved.steps") == 4
    click(page, "Run")
    assert "has converged" in status(page)
    click(page, "Back")
    assert "has converged" not in status(page)
    click(page, "Forget")
    assert page.evaluate("saved.steps") == 0


def test_xor_goes_round_for_ever_and_says_so(page):
    start(page, EXAMPLES["XOR"])
    click(page, "Run")
    assert "No line separates these points" in status(page)


def test_the_shaded_side_is_where_the_score_is_positive(page):
    start(page)
    assert page.evaluate("widget.positiveSide([0, 0, 1]).length") == 4
    assert page.evaluate("widget.positiveSide([0, 0, 0])") == []
    right = page.evaluate("widget.positiveSide([1, 0, -1])")
    assert min(x for x, _ in right) == pytest.approx(1)
    assert max(x for x, _ in right) == pytest.approx(2.2)


def test_points_are_dropped_and_removed_with_the_mouse(page):
    start(page)
    field = page.locator(".field")
    box = field.bounding_box()
    middle = {"x": box["width"] / 2, "y": box["height"] / 2}
    field.click(position={"x": middle["x"], "y": middle["y"]})  # on the example at (0, 0)
    assert [0, 0, -1] not in page.evaluate("saved.points")
    page.get_by_role("combobox", name="Drop").select_option("-1")
    field.click(position={"x": middle["x"] / 2, "y": middle["y"]})
    x1, x2, label = page.evaluate("saved.points.at(-1)")
    assert x1 < -0.5
    assert (x2, label) == (0, -1)
    assert page.get_by_role("combobox", name="Examples").input_value() == ""


def test_points_are_dropped_and_removed_with_the_keyboard(page):
    start(page)
    page.locator(".field").focus()
    for key in ("ArrowLeft", "ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    assert page.evaluate("saved.points.at(-1)") == [-0.25, -0.5, 1]
    assert "labeled +1" in page.locator(".field").get_attribute("aria-label")
    page.keyboard.press("Enter")
    assert page.evaluate("saved.points.length") == 4
    for _ in range(30):
        page.keyboard.press("ArrowLeft")
    assert "Cursor at (−2, −0.5)" in page.locator(".field").get_attribute("aria-label")


def test_a_field_without_points_has_nothing_to_learn(page):
    start(page, steps=3)
    click(page, "Clear points")
    assert "There are no examples" in status(page)
    assert page.get_by_role("button", name="Run").is_disabled()
    page.get_by_role("combobox", name="Examples").select_option("narrow gap")
    click(page, "Run")
    assert "has converged" in status(page)


def test_the_static_picture_shows_the_chosen_step():
    early, late = (PerceptronTrainer(points=EXAMPLES["OR"], steps=n, alt=ALT) for n in (2, 16))
    assert early.picture() != late.picture()


@pytest.mark.parametrize(
    "wrong",
    [
        {"points": [(0, 0, 0)]},
        {"points": [(3, 0, 1)]},
        {"points": [(0.1, 0, 1)]},
        {"steps": -1},
    ],
)
def test_a_point_off_the_grid_or_without_a_label_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        PerceptronTrainer(alt=ALT, **wrong)
