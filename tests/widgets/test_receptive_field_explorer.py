"""The explorer of fields against the library's `receptive_field` and torch's gradients."""

import living
import numpy as np
import pytest
import torch
import traitlets
from torch import nn

from course_utils.models import VGG, AlexNet, ModernLeNet5, receptive_field
from course_utils.widgets import ReceptiveFieldExplorer
from course_utils.widgets.receptive_field_explorer import LIMITS, PRESETS

ALT = "A chain of layers and what a unit sees"


def start(page, figure: ReceptiveFieldExplorer) -> ReceptiveFieldExplorer:
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def chains() -> list[tuple[int, list[tuple]]]:
    """The presets, and chains drawn at random within the limits."""
    rng = np.random.default_rng(0)
    drawn = [
        (
            int(rng.integers(20, 90)),
            [
                ("layer", *(int(rng.integers(low, min(high, 5) + 1)) for low, high in LIMITS))
                for _ in range(rng.integers(1, 6))
            ],
        )
        for _ in range(40)
    ]
    return [*PRESETS.values(), *drawn]


def test_fields_and_sizes_are_the_librarys_and_torchs(page):
    start(page, ReceptiveFieldExplorer(alt=ALT))
    got = page.evaluate(
        "all => all.map(([size, layers]) => widget.fields({ size, layers }))", chains()
    )
    for (size, layers), found in zip(chains(), got, strict=True):
        convolutions = [nn.Conv2d(1, 1, k, s, p, d, device="meta") for _, k, s, p, d in layers]
        expected = receptive_field(convolutions)
        names = ("size", "jump", "padding")
        assert [tuple(f[n] for n in names) for f in found] == [
            (f.size, f.stride, f.padding) for f in expected
        ]
        assert [f["start"] for f in found] == [sum(f.interval(0)) / 2 for f in expected]
        x, outs = torch.zeros(1, 1, size, size, device="meta"), []
        for convolution in convolutions:
            try:
                x = convolution(x)
            except RuntimeError:  # it does not fit, nor does what stands on it
                break
            outs.append(x.shape[-1])
        assert [f["out"] for f in found] == outs + [0] * (len(layers) - len(outs))
        figure = ReceptiveFieldExplorer(size=size, layers=layers, alt=ALT)
        assert figure.outs() == [f["out"] for f in found]


def test_presets_are_the_librarys_models_in_both_languages(page):
    start(page, ReceptiveFieldExplorer(alt=ALT))
    kept = {
        name: [size, [[*layer] for layer in layers]] for name, (size, layers) in PRESETS.items()
    }
    assert page.evaluate("widget.PRESETS") == kept
    with torch.device("meta"):
        lenet = [*list(ModernLeNet5())[:6], nn.Conv2d(16, 120, 5)]  # C5, as it was in 1998
        models = {"LeNet-5": lenet, "AlexNet": AlexNet().features, "VGG-16": VGG(16).features}
    for name, model in models.items():
        own = [(f.size, f.stride, f.padding) for f in ReceptiveFieldExplorer.preset(name).fields()]
        assert own == [(f.size, f.stride, f.padding) for f in receptive_field(model)]


@pytest.mark.parametrize(
    ("name", "place"),
    [("VGG-16", [0.5, 0.5]), ("AlexNet", [0.0, 0.8]), ("dilated 1-2-4-8", [0.3, 1.0])],
)
def test_the_shading_is_the_gradient_of_a_network_of_ones(name, place, page):
    size = min(PRESETS[name][0], 96)
    figure = ReceptiveFieldExplorer.preset(name, size=size, place=place, alt=ALT)
    figure.chosen = sum(out > 0 for out in figure.outs()) - 1
    start(page, figure)
    units, lines, half = page.evaluate(
        """() => {
          const now = Object.fromEntries(
            ["size", "layers", "chosen", "place"].map((name) => [name, model.get(name)]));
          const field = widget.fields(now)[now.chosen];
          const units = now.place.map((place) => widget.nearest(field, now.size, place));
          const lines = units.map((unit) => widget.paths(now, now.chosen, unit));
          return [units, lines,
            lines.map((line, i) => widget.halfWay(line, widget.interval(field, units[i])))];
        }"""
    )
    assert tuple(units) == figure.unit()
    paths = figure.paths()
    assert np.allclose(np.outer(*lines), paths)
    field = figure.fields()[figure.chosen]
    cut = [(field.size - side) // 2 for side in half]
    inner = [
        slice(max(0, first + c), max(0, last - c + 1))
        for c, (first, last) in zip(cut, map(field.interval, units), strict=True)
    ]
    assert paths[tuple(inner)].sum() >= paths.sum() / 2
    pixels = page.locator("canvas").evaluate(
        "c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]"
    )
    alpha = np.array(pixels).reshape(size, size, 4)[..., 3]
    assert np.abs(alpha - 215 * np.sqrt(paths / paths.max())).max() <= 0.51


def test_dilation_sees_31_pixels_and_no_dilation_9(page):
    start(page, ReceptiveFieldExplorer.preset("dilated 1-2-4-8", alt=ALT))
    column = "rows => rows.map(row => row.children[5].textContent)"
    assert page.locator("tbody tr").evaluate_all(column) == ["3", "7", "15", "31"]
    assert "a unit sees 31 × 31 pixels" in status(page)
    page.get_by_role("combobox", name="Network").select_option("four 3 × 3")
    assert page.locator("tbody tr").evaluate_all(column) == ["3", "5", "7", "9"]


def test_layers_are_chosen_changed_added_moved_and_removed(page):
    start(page, ReceptiveFieldExplorer(alt=ALT))
    page.get_by_role("button", name="S2").click()
    page.get_by_role("slider", name="Stride").press("ArrowRight")
    assert page.evaluate("saved.layers[1]") == ["S2", 2, 3, 0, 1]
    assert page.get_by_role("combobox", name="Network").input_value() == ""
    page.get_by_role("button", name="S2").press("ArrowDown")
    assert page.evaluate("[saved.chosen, document.activeElement.textContent]") == [2, "C3"]
    page.get_by_role("button", name="Move up").click()
    assert page.evaluate("[saved.chosen, saved.layers[1][0]]") == [1, "C3"]
    page.get_by_role("button", name="Add below").click()
    assert page.evaluate("saved.layers.map(layer => layer[0])") == [
        "C1", "C3", "new", "S2", "S4", "C5"]  # fmt: skip
    for _ in range(5):
        page.get_by_role("button", name="Remove").click()
    assert page.evaluate("saved.layers.length") == 1
    assert page.get_by_role("button", name="Remove").is_disabled()
    page.get_by_role("slider", name="Input").press("Home")
    assert "does not fit" in status(page)


def test_another_unit_is_chosen_by_taps_and_keys(page):
    start(page, ReceptiveFieldExplorer(chosen=1, alt=ALT))  # S2: 14 × 14 units, every 2 pixels
    image = page.get_by_role("application")
    box = image.bounding_box()
    image.click(position={"x": 0.99 * box["width"], "y": 0.01 * box["height"]})
    assert "Unit (0, 13) of 14 × 14: rows 0 to 5, columns 26 to 31." in status(page)
    for key in ("ArrowUp", "ArrowRight", "ArrowDown", "ArrowLeft"):
        image.press(key)
    assert "Unit (1, 12) of 14 × 14: rows 2 to 7, columns 24 to 29." in status(page)


@pytest.mark.parametrize(
    "wrong",
    [{"layers": []}, {"layers": [("a", 3, 0, 1, 1)]}, {"layers": [("a", 3, 1)]}, {"chosen": 5},
     {"size": 0}, {"place": [0.5]}],
)  # fmt: skip
def test_what_is_not_offered_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        ReceptiveFieldExplorer(alt=ALT, **wrong)
