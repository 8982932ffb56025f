"""The builder of AlexNet: the browser's arithmetic against the library's model, measured."""

import itertools

import living
import pytest
import torch
import traitlets

from course_utils.models import AlexNet, count_parameters, multiply_adds
from course_utils.widgets import AlexNetBuilder
from course_utils.widgets.alexnet_builder import VERSIONS

ALT = "AlexNet, layer by layer"
REMOVALS = [list(r) for n in range(5) for r in itertools.combinations((3, 4, 6, 7), n)]


def start(page, **settings) -> AlexNetBuilder:
    figure = AlexNetBuilder(alt=ALT, **settings)
    living.start(page, figure)
    return figure


def status(page) -> str:
    return page.locator(".figure-status").inner_text()


def test_every_network_costs_what_the_librarys_model_costs(page):
    start(page)
    states = [
        {"version": version, "without": without, "size": 227}
        for version in VERSIONS
        for without in (REMOVALS if version == "two GPUs, 2012" else ([], [3, 6]))
    ]
    got = page.evaluate("states => states.map((s) => widget.totals(widget.network(s)))", states)
    for state, found in zip(states, got, strict=True):
        with torch.device("meta"):
            model = AlexNet(**VERSIONS[state["version"]], without=state["without"])
        assert found["parameters"] == count_parameters(model), state
        assert found["products"] == multiply_adds(model, (1, 3, 227, 227)), state


@pytest.mark.parametrize(
    ("version", "without", "size"),
    [
        ("two GPUs, 2012", [], 227),
        ("two GPUs, 2012", [3, 4, 6, 7], 67),
        ("one GPU, nothing split", [6], 224),
        ("one GPU, 2014", [4, 7], 323),
    ],
)
def test_every_layer_costs_what_the_librarys_layer_costs_at_any_size(version, without, size, page):
    figure = start(page, version=version, without=without, size=size)
    got = page.evaluate(
        """() => widget.network({ version: model.get("version"), without: model.get("without"),
          size: model.get("size") })"""
    )
    costs = figure.costs()
    assert [layer["name"] for layer in got if layer["kept"]] == [*costs]
    for layer in got:
        if not layer["kept"]:
            assert layer["parameters"] == layer["products"] == layer["neurons"] == 0
            continue
        cost = costs[layer["name"]]
        assert tuple(layer["shape"]) == cost.shape
        assert (layer["parameters"], layer["products"]) == (cost.parameters, cost.multiply_adds)
        assert layer["neurons"] == cost.neurons
    x, pooled = torch.zeros(1, 3, size, size, device="meta"), []
    for name, module in figure.model().features.named_children():
        x = module(x)
        if name.startswith("pool"):
            pooled.append(x.shape[-1])
    assert [layer["pooled"] for layer in got if layer["pooled"]] == pooled


def test_both_languages_have_the_same_versions(page):
    start(page)
    kept = {name: [list(v["channels"]), v["groups"]] for name, v in VERSIONS.items()}
    assert page.evaluate("widget.VERSIONS") == kept


def test_the_lectures_removals_are_offered_by_name(page):
    start(page)
    assert "60,965,224 parameters, 724.4 M multiply-adds" in status(page)
    assert "659,272 outputs" in status(page)
    removals = {"7": 16_781_312, "6, 7": 49_414_144, "3, 4": 1_696_512, "3, 4, 6, 7": 51_110_656}
    for choice, fewer in removals.items():
        page.get_by_role("combobox", name="Without layers").select_option(choice)
        assert f"{fewer:,} fewer parameters" in status(page)
        assert f"{60_965_224 - fewer:,} parameters" in status(page)
        assert page.locator("tr.out").count() == len(choice.split(", "))
        assert "Zeiler & Fergus" in status(page)


def test_layers_are_unticked_and_the_rest_says_what_it_costs(page):
    start(page)
    for number in (1, 2, 5, 8):
        kind = "conv" if number < 6 else "fc"
        assert page.get_by_role("checkbox", name=f"{kind}{number}").is_disabled()
    page.get_by_role("checkbox", name="fc7").uncheck()
    page.get_by_role("checkbox", name="conv3").uncheck()
    assert page.evaluate("saved.without") == [3, 7]
    assert "the two GPUs meet in the fully connected layers only" in status(page)
    assert page.get_by_role("combobox", name="Without layers").input_value() == "own"
    assert "Zeiler" not in status(page)
    page.get_by_role("combobox", name="Version").select_option("one GPU, nothing split")
    assert "GPU" not in status(page)
    page.get_by_role("checkbox", name="conv3").check()
    page.get_by_role("checkbox", name="fc7").check()
    assert "62,378,344 parameters" in status(page)
    for _ in range(3):
        page.get_by_role("slider", name="Input").press("ArrowLeft")
    assert "(224 − 11) / 4 + 1 = 54.25" in status(page)
    assert "256 · 5² = 6,400 inputs" in status(page)


@pytest.mark.parametrize("wrong", [{"without": [5]}, {"version": "VGG"}, {"size": 66}])
def test_what_is_not_offered_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        AlexNetBuilder(alt=ALT, **wrong)
