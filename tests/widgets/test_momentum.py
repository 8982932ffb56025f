"""The momentum figure: its path against the library's SGD, its plane against NumPy."""

import re

import living
import numpy as np
import pytest
import traitlets

from course_utils.widgets import Momentum

ALT = "Momentum on a ravine"


def start(page, **settings) -> Momentum:
    figure = Momentum(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def click(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def iteration(curve, beta):
    """What one step multiplies (v, αw) with: v ← βv + λw, w ← w − αv, αλ = curve."""
    return np.array([[beta, curve], [-beta, 1 - curve]])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"alpha": 0.0198, "beta": 0.0, "kappa": 100.0},
        {"alpha": 4 / 121, "beta": 81 / 121, "kappa": 100.0, "start": [2.0, -1.0]},
        {"alpha": 0.003, "beta": 0.5, "kappa": 1000.0, "start": [0.35, 0.05]},
        {"alpha": 3.9, "beta": 1.0, "kappa": 1.0},
    ],
)
def test_every_step_is_the_librarys_sgd(settings, page):
    figure = start(page, **settings)
    now = {name: getattr(figure, name) for name in ("alpha", "beta", "kappa", "start")}
    got = page.evaluate("now => widget.descend(now, 200)", now)
    assert np.abs(np.array(got) - figure.path(200).numpy()).max() < 1e-9


def test_every_place_of_the_plane_has_numpys_eigenvalues(page):
    start(page)
    curves, betas = np.linspace(0.013, 4.4, 37), np.linspace(0, 0.997, 29)
    for beta in betas:
        got = page.evaluate(
            "([curves, beta]) => curves.map(c => widget.direction(c, beta))",
            [curves.tolist(), float(beta)],
        )
        for curve, found in zip(curves, got, strict=True):
            expected = np.linalg.eigvals(iteration(curve, beta))
            values = [complex(re, im) for re, im in found["eigenvalues"]]
            assert np.sort_complex(values) == pytest.approx(np.sort_complex(expected), abs=1e-6)
            assert found["rate"] == pytest.approx(np.abs(expected).max(), abs=1e-6)
            assert (found["kind"] == "diverges") == (found["rate"] > 1)
            if found["kind"] != "diverges":
                kind = "swings" if expected.imag.any() else "creeps" if curve <= 1 else "zigzags"
                assert found["kind"] == kind, (curve, beta)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_the_region_of_convergence_ends_at_2_plus_2_beta(beta, page):
    start(page)
    just = "([c, beta]) => widget.direction(c, beta).kind"
    assert page.evaluate(just, [2 + 2 * beta - 1e-6, beta]) == "zigzags"
    assert page.evaluate(just, [2 + 2 * beta + 1e-6, beta]) == "diverges"
    assert page.evaluate(just, [(1 - beta**0.5) ** 2 - 1e-3, beta]) == "creeps"
    if beta:
        assert page.evaluate(just, [(1 + beta**0.5) ** 2 - 1e-3, beta]) == "swings"


@pytest.mark.parametrize("kappa", [2, 100, 1000])
def test_no_step_size_and_momentum_are_faster_than_the_presets(kappa, page):
    start(page, kappa=float(kappa))

    def rate(alpha, beta):
        found = [iteration(alpha * curvature, beta) for curvature in (1, kappa)]
        return max(np.abs(np.linalg.eigvals(m)).max() for m in found)

    root = kappa**0.5
    for name, expected, around in (
        ("Best momentum", (root - 1) / (root + 1), (0.99, 1.0, 1.01)),
        ("Best plain descent", (kappa - 1) / (kappa + 1), (1.0,)),
    ):
        click(page, name)
        alpha, beta = page.evaluate("[saved.alpha, saved.beta]")
        here = rate(alpha, beta)  # at a double root NumPy has half of the digits
        assert here == pytest.approx(expected, abs=1e-6)
        for a in (0.98, 1.0, 1.02):
            for b in around:
                assert rate(a * alpha, b * beta) >= here - 1e-6


def test_the_presets_say_what_they_do(page):
    start(page, alpha=1.0)
    click(page, "α 0.02, β 0.99")
    assert page.evaluate("[saved.alpha, saved.beta]") == [0.02, 0.99]
    assert "swings through the minimum" in status(page)
    assert "a tenth in 459 steps" in status(page)
    click(page, "β = 0")  # αλ = 2 for κ = 100: on the border
    assert "never settles" in status(page)
    click(page, "Best momentum")
    assert "critically damped; its rate is 0.8182" in status(page)
    click(page, "Best plain descent")
    assert "0.8182 with momentum, 0.9802 without" in status(page)
    row = page.locator("tbody tr").nth(1).inner_text()
    assert "1.98" in row
    assert "zigzags" in row


def test_too_large_a_step_diverges_and_says_why(page):
    start(page, alpha=0.05, beta=0.5)
    assert "αλ = 5 is more than 2 + 2β = 3" in status(page)
    assert "Stopped after" in status(page)
    assert "L" in page.locator(".point.steep").get_attribute("d")  # an arrow at the plane's edge


def test_the_loss_falls_as_the_rate_predicts(page):
    """Between steps 100 and 300, by the squared rate at each step."""
    figure = start(page, alpha=0.03, beta=0.6)
    loss = (figure.path(300).numpy() ** 2 @ [1, 100]) / 2
    rate = float(re.search(r"its rate is (0\.\d+)", status(page))[1])
    assert (loss[300] / loss[100]) ** (1 / 400) == pytest.approx(rate, abs=2e-3)


def test_sliders_answer_the_keyboard_and_tell_their_values(page):
    start(page)
    for name, key, trait, value in (
        ("Condition number κ", "ArrowRight", "kappa", 200),
        ("Step size α", "Home", "alpha", 0.001),
        ("Momentum β", "ArrowLeft", "beta", 0.985),
        ("Steps", "End", "steps", 500),
    ):
        slider = page.get_by_role("slider", name=name)
        slider.press(key)
        assert page.evaluate(f"saved.{trait}") == value
        assert slider.get_attribute("aria-valuetext") == str(value)


def test_the_start_moves_by_keys_by_a_tap_and_by_dragging(page):
    start(page, start=[0.0, 0.0])
    field = page.get_by_role("application").first
    field.press("ArrowRight")
    field.press("ArrowUp")
    assert page.evaluate("saved.start") == [0.05, 0.05]
    assert "Start at (0.05, 0.05)" in field.get_attribute("aria-label")
    box = page.locator(".momentum .edge").first.bounding_box()

    def place(w1, w2):
        return box["x"] + box["width"] * (w1 + 2) / 4, box["y"] + box["height"] * (1 - w2) / 2

    page.mouse.click(*place(-1.5, 0.8))
    assert page.evaluate("saved.start") == [-1.5, 0.8]
    page.mouse.move(*place(-1.5, 0.8))
    page.mouse.down()
    page.mouse.move(*place(1, -0.5))
    assert page.evaluate("saved.start") == [1, -0.5]
    page.mouse.move(*place(9, -0.5))  # far outside: it stays at the edge
    page.mouse.up()
    assert page.evaluate("saved.start") == [2, -0.5]


def test_the_steep_direction_moves_in_the_plane(page):
    start(page, kappa=10.0, alpha=0.1, beta=0.5)
    plane = page.get_by_role("application").nth(1)
    plane.press("ArrowRight")
    assert page.evaluate("saved.alpha") == 0.105
    plane.press("ArrowDown")
    assert page.evaluate("saved.beta") == 0.495
    box = page.locator(".momentum .edge").nth(1).bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"])
    assert page.evaluate("saved.alpha * saved.kappa") > 3
    assert "diverges" in plane.get_attribute("aria-label")


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 5.0}, {"beta": -0.1}, {"kappa": 0.5}, {"steps": 501},
        {"start": [0, 2]}, {"start": [1]},
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        Momentum(alt=ALT, **wrong)
