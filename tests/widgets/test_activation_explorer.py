"""The activation explorer: its functions in a real browser, against the library's layers."""

import math

import living
import numpy as np
import pytest
import torch
import traitlets

from course_utils.widgets import ActivationExplorer
from course_utils.widgets.activation_explorer import KINDS

FUNCTIONS = [
    *({"kind": kind} for kind in KINDS),
    {"kind": "leaky", "negative_slope": 0.0},
    {"kind": "leaky", "negative_slope": 0.33},
    {"kind": "elu", "alpha": 0.3},
    {"kind": "elu", "alpha": 2.0},
]
every_function = pytest.mark.parametrize("choice", FUNCTIONS, ids=str)


def start(page, **settings) -> ActivationExplorer:
    figure = ActivationExplorer(**settings)
    living.start(page, figure)
    return figure


def chosen(figure: ActivationExplorer) -> dict[str, float]:
    return {n: getattr(figure, n) for n in ("kind", "negative_slope", "alpha", "mean", "std")}


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


@every_function
def test_values_and_slopes_equal_the_layers(choice, page):
    figure = start(page, **choice)
    x = torch.cat([torch.linspace(-12, 12, 241, dtype=torch.float64), torch.tensor([0.0, 40, -40])])
    got = page.evaluate(
        """([settings, xs]) => {
          const { f, df } = widget.activation(settings);
          return [xs.map(f), xs.map(df)];
        }""",
        [chosen(figure), x.tolist()],
    )
    values, slopes = figure.curves(x)
    # Softplus gives x itself where its threshold says that no digit changes any more.
    assert got[0] == pytest.approx(values.tolist(), abs=1e-8, rel=1e-12)
    assert got[1] == pytest.approx(slopes.tolist(), abs=1e-8, rel=1e-12)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (-1.5, 0.7), (2.0, 3.0)])
def test_shares_of_a_crowd_are_those_of_normal_numbers_through_the_layer(mean, std, page):
    start(page)
    quantiles = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    x = mean + std * math.sqrt(2) * torch.erfinv(2 * quantiles - 1)
    for choice in FUNCTIONS:
        figure = ActivationExplorer(mean=mean, std=std, **choice)
        got = page.evaluate("settings => widget.crowd(settings)", chosen(figure))
        y, slope = figure.curves(x)
        saturated, off = slope.abs() < 0.1, (y == 0) & (slope == 0)
        assert got["saturated"] == pytest.approx(saturated.double().mean().item(), abs=1e-3)
        assert got["off"] == pytest.approx(off.double().mean().item(), abs=1e-3)
        bounded = choice["kind"] in ("threshold", "sigmoid", "tanh")
        low, high, width = (-1.25, 1.25, 0.05) if bounded else (-2.2, 6, 0.2)
        edges = low + width * np.arange(len(got["bins"]) + 1)
        assert edges[-1] == pytest.approx(high)
        shares = np.histogram(y.numpy() + 1e-9, edges)[0] / len(y)
        assert got["bins"] == pytest.approx(shares.tolist(), abs=2e-3)


def test_every_function_is_drawn_also_at_the_ends_of_the_sliders(page):
    start(page)
    ends = {"mean": (-4, 4), "std": (0.1, 4), "x": (-6, 6), "depth": (1, 50)}
    for choice in FUNCTIONS:
        for name, value in [*choice.items(), *((n, v) for n in ends for v in ends[n])]:
            page.evaluate("([name, value]) => model.set(name, value)", [name, value])
        assert "NaN" not in page.locator(".activation").inner_html()


def test_the_point_is_moved_by_its_slider_and_in_the_picture(page):
    start(page, kind="tanh", x=0.0, depth=5)
    slider = page.get_by_role("slider", name="Point x")
    slider.press("ArrowRight")
    assert page.evaluate("saved.x") == 0.1
    assert "f(0.1) = 0.0997, f′(0.1) = 0.99" in status(page)
    assert "Tangent: y = 0.0997 + 0.99 (x − 0.1)" in status(page)
    assert "f′(x)⁵ = 0.951" in status(page)
    picture = page.get_by_role("application")
    picture.press("ArrowLeft")
    picture.press("ArrowLeft")
    assert page.evaluate("saved.x") == -0.1
    assert "at x = −0.1" in picture.get_attribute("aria-label")
    slider.press("Home")
    assert page.evaluate("saved.x") == -6
    assert slider.get_attribute("aria-valuetext") == "−6"
    box = picture.bounding_box()
    middle, edge = (box["x"] + box["width"] * (46 + 278 * part) / 340 for part in (0.5, 1))
    level = box["y"] + box["height"] / 2
    page.mouse.click(middle, level)
    assert page.evaluate("saved.x") == pytest.approx(0, abs=0.11)
    page.mouse.down()
    for part in (0.3, 0.6, 1):
        page.mouse.move(middle + part * (edge - middle), level)
    page.mouse.up()
    assert page.evaluate("saved.x") == pytest.approx(6, abs=0.11)


def test_half_of_all_rectified_units_are_off_and_none_of_the_sigmoids(page):
    start(page, kind="relu")
    assert "50 % are saturated; 50 % are off" in status(page)
    page.get_by_role("combobox", name="Function").select_option("sigmoid")
    assert "0 % are off" in status(page)
    page.get_by_role("combobox", name="Function").select_option("threshold")
    assert "100 % are saturated" in status(page)
    assert page.get_by_text("0 at every depth").is_visible()


def test_only_a_function_with_a_shape_has_a_slider_for_it(page):
    start(page)
    names = ("Slope on the left", "α")
    for kind, shown in (("gelu", [False, False]), ("leaky", [True, False]), ("elu", [False, True])):
        page.get_by_role("combobox", name="Function").select_option(kind)
        assert [page.get_by_role("slider", name=n, exact=True).is_visible() for n in names] == shown
    page.get_by_role("slider", name="α", exact=True).press("End")
    assert page.evaluate("saved.alpha") == 2


def test_new_settings_from_the_kernel_are_shown(page):
    start(page)
    page.evaluate("model.set('kind', 'silu')")
    assert page.get_by_role("combobox", name="Function").input_value() == "silu"


@pytest.mark.parametrize("wrong", [{"kind": "sine"}, {"x": 7.0}, {"std": 0.0}, {"depth": 0}])
def test_a_choice_that_is_not_there_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        ActivationExplorer(**wrong)
