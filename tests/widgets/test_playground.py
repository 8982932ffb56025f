"""The playground: its network in a real browser, against the library's layers; its controls."""

import living
import numpy as np
import pytest
import torch
import traitlets

from course_utils.losses import MSELoss
from course_utils.widgets import Playground
from course_utils.widgets.playground import REACH

RUN = "dataset noise share batch inputs hidden activation rate penalty strength seed"
CASES = [
    {},
    {"dataset": "xor", "activation": "relu", "noise": 15, "penalty": "L1", "strength": 0.05},
    {"dataset": "spiral", "hidden": [8, 3, 1], "activation": "sigmoid", "batch": 7, "seed": 1234},
    {"dataset": "gaussians", "hidden": [], "noise": 50, "share": 30, "penalty": "L2"},
    {"hidden": [2, 2, 2, 2], "activation": "linear", "batch": 1, "share": 10, "rate": 0.3},
    {"inputs": ["x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2"], "hidden": [3]},
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)
BEGIN = "settings => { window.run = new widget.Run(settings); }"
WEIGHTS = "run.network.layers.map(l => [Array.from(l.weight), Array.from(l.bias)])"


def start(page, **settings) -> Playground:
    figure = Playground(**settings)
    living.start(page, figure)
    page.evaluate(BEGIN, {name: getattr(figure, name) for name in RUN.split()})
    return figure


def linears(net):
    return [layer for layer in net.layers if layer.grads or "weight" in layer.state_dict()]


def readout(page) -> str:
    return page.locator(".readout").inner_text()


def click(page, name):
    page.get_by_role("button", name=name, exact=True).click()


@every_case
def test_a_run_has_the_librarys_points_losses_and_weights(case, page):
    figure = start(page, **case)
    page.evaluate("for (let i = 0; i < 5; i++) run.advance()")
    places = page.evaluate("[...run.train, ...run.test].map(e => [...e.place, e.label])")
    expected, labels = figure.examples()
    assert np.array(places) == pytest.approx(np.column_stack([expected, labels]), abs=1e-12)
    net, losses = figure.train(5)
    assert np.array(page.evaluate("run.losses")) == pytest.approx(np.array(losses), abs=1e-9)
    for (weight, bias), layer in zip(page.evaluate(WEIGHTS), linears(net), strict=True):
        assert weight == pytest.approx(layer.weight.flatten().tolist(), abs=1e-9)
        assert bias == pytest.approx(layer.bias.tolist(), abs=1e-9)


@every_case
def test_loss_and_gradients_of_a_batch_equal_the_librarys(case, page):
    figure = start(page, **case)
    loss, grads = page.evaluate(
        """() => {
          const batch = run.test.slice(3, 20);
          run.network.differentiate(batch);
          const grads = run.network.layers.map(l => [Array.from(l.dweight), Array.from(l.dbias)]);
          return [run.network.loss(batch), grads];
        }"""
    )
    places, labels = figure.examples()
    first = round(figure.share / 100 * len(labels)) + 3
    x = figure.see(places[first : first + 17])
    y = torch.tensor(labels[first : first + 17, None], dtype=torch.float64)
    net, squares = figure.network(), MSELoss()
    assert loss == pytest.approx(squares(net(x), y).item() / 2, abs=1e-12)
    net.backward(squares.backward(0.5))
    for (weight, bias), layer in zip(grads, linears(net), strict=True):
        assert weight == pytest.approx(layer.grads["weight"].flatten().tolist(), abs=1e-12)
        assert bias == pytest.approx(layer.grads["bias"].tolist(), abs=1e-12)


def test_a_map_shows_the_units_answer_where_the_pixel_is(page):
    figure = start(page)
    got = page.evaluate(
        """() => {
          const views = widget.pixels.map(([x1, x2]) => Float64Array.of(x1, x2));
          return widget.maps(run.network, views).map(l => l.map(map => Array.from(map)));
        }"""
    )
    edge = 1.1 * REACH
    axis = edge * ((2 * np.arange(50) + 1) / 50 - 1)
    rows = np.stack(np.meshgrid(axis, axis[::-1]), axis=-1)  # the top row has the largest x2
    x = figure.see(rows.reshape(-1, 2))
    net = figure.network()
    for layer, units in zip(np.arange(1, 6, 2), got, strict=True):
        h = x
        for part in net.layers[: layer + 1]:
            h = part(h)
        assert pytest.approx(h.numpy(), abs=1e-12) == np.array(units).T


def test_the_border_lies_where_a_map_crosses_its_level(page):
    start(page)
    pieces = page.evaluate("widget.contour(widget.pixels.map(([x1]) => x1 - 1), 0.5)")
    pixel = 2 * 1.1 * REACH / 50
    columns = [column for piece in pieces for column, _ in piece]
    assert len(pieces) == 49
    assert (np.array(columns) + 0.5) * pixel - 1.1 * REACH == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("case", "low", "high"),
    [
        ({"dataset": "circle"}, 0, 0.02),
        ({"dataset": "xor"}, 0, 0.02),
        ({"dataset": "gaussians", "hidden": []}, 0, 0.02),
        ({"dataset": "xor", "activation": "linear"}, 0.45, 0.55),
        ({"dataset": "xor", "hidden": (2,), "activation": "relu"}, 0, 0.02),
        ({"dataset": "xor", "hidden": (2,), "activation": "relu", "seed": 3}, 0.45, 0.55),  # dead
        ({"dataset": "circle", "hidden": [], "inputs": ["x1^2", "x2^2"]}, 0, 0.05),
    ],
    ids=str,
)
def test_what_can_be_learned_is_learned_and_no_more(case, low, high, page):
    start(page, **case)
    page.evaluate("for (let i = 0; i < 150; i++) run.advance()")
    assert low <= page.evaluate("run.losses.at(-1)[1]") <= high


def test_step_play_and_reset_and_the_same_run_again(page):
    start(page)
    fresh = readout(page)
    assert "epoch 0 " in fresh
    click(page, "Step")
    click(page, "Step")
    after = readout(page)
    assert "epoch 2 " in after
    click(page, "Play")
    page.wait_for_function("!document.querySelector('.readout').textContent.match(/epoch [0-9] /)")
    click(page, "Pause")
    click(page, "Reset")
    assert readout(page) == fresh
    click(page, "Step")
    click(page, "Step")
    assert readout(page) == after
    page.get_by_role("spinbutton", name="Seed").fill("1")
    page.keyboard.press("Enter")
    assert page.evaluate("saved.seed") == 1
    assert "epoch 0 " in readout(page)
    assert readout(page) != fresh


def test_only_what_makes_another_run_begins_one(page):
    start(page, rate=0.05)
    assert page.get_by_role("combobox", name="Learning rate").input_value() == "0.05"
    click(page, "Step")
    page.get_by_role("combobox", name="Learning rate").select_option("0.1")
    page.get_by_role("combobox", name="Penalty").select_option("L2")
    page.get_by_role("slider", name="Batch size").press("ArrowRight")
    page.get_by_role("checkbox", name="Show the test points").check()
    assert "epoch 1 " in readout(page)
    assert page.evaluate("[saved.rate, saved.penalty, saved.batch]") == [0.1, "L2", 11]
    page.get_by_role("slider", name="Noise").press("ArrowRight")
    assert "epoch 0 " in readout(page)
    assert page.evaluate("saved.noise") == 5


def test_layers_units_and_inputs_are_changed_with_the_keyboard_alone(page):
    start(page)
    size = page.get_by_role("combobox", name="Units in layer 1")
    size.focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("saved.hidden") == [5, 2]
    page.keyboard.press("ArrowDown")  # the focus is still there
    assert page.evaluate("saved.hidden") == [6, 2]
    page.get_by_role("combobox", name="Hidden layers").press("ArrowDown")
    assert page.evaluate("saved.hidden") == [6, 2, 2]
    assert page.locator(".unit").count() == 11
    page.get_by_role("checkbox", name="x₁", exact=True).press(" ")
    assert page.evaluate("saved.inputs") == ["x2"]
    assert page.get_by_role("checkbox", name="x₂", exact=True).is_disabled()  # one has to stay
    page.get_by_role("combobox", name="Hidden layers").select_option("0")
    assert page.locator(".unit").count() == 1
    assert page.locator(".weights line").count() == 1


def test_a_chosen_unit_shows_its_formula(page):
    start(page)
    click(page, "Layer 1, unit 2")
    weights = page.evaluate("Array.from(run.network.layers[0].weight.slice(2, 4))")
    shown = page.locator(".formula").inner_text()
    assert page.get_by_text("Layer 1, unit 2", exact=True).is_visible()
    numbers = [f"{abs(w):.2g} {x}" for w, x in zip(weights, ("x₁", "x₂"), strict=True)]
    assert all(number in shown for number in numbers)
    assert page.locator(".unit[aria-pressed=true]").count() == 1
    assert (
        page.evaluate(
            """widget.formula({ weight: [-0.5, 1.234], bias: [0], inputs: 2,
                            activation: { name: "ReLU" } }, 0, ["h₁", "h₂"])"""
        )
        == "ReLU(−0.5 h₁ + 1.2 h₂ + 0)"
    )


def test_a_negative_weight_is_dashed_and_a_large_one_thick(page):
    start(page)
    lines = page.locator(".weights line")
    style = "l => [getComputedStyle(l).strokeDasharray, Number(l.getAttribute('stroke-width'))]"
    drawn = [line.evaluate(style) for line in lines.all()]
    weights = [w for weight, _ in page.evaluate(WEIGHTS) for w in weight]
    assert [dash != "none" for dash, _ in drawn] == [w < 0 for w in weights]
    assert (
        np.argsort([width for _, width in drawn]).tolist() == np.argsort(np.abs(weights)).tolist()
    )


def test_playing_is_silent_for_those_who_listen_and_calm_for_those_who_ask_for_it(page):
    page.emulate_media(reduced_motion="reduce")
    start(page)
    page.evaluate(
        """() => {
          window.changes = { ".readout": 0, ".figure-status": 0 };
          for (const name of Object.keys(changes)) {
            const seen = new MutationObserver(() => { changes[name]++; });
            seen.observe(document.querySelector(name), { childList: true, subtree: true });
          }
        }"""
    )
    click(page, "Play")
    page.wait_for_timeout(1500)
    assert page.evaluate("changes['.readout']") <= 2
    assert page.evaluate("changes['.figure-status']") == 0
    click(page, "Pause")
    assert "on the training points" in page.locator(".figure-status").inner_text()
    assert int(readout(page).split()[1]) > 5


def test_new_settings_from_the_kernel_are_shown(page):
    start(page)
    page.evaluate("model.set('dataset', 'spiral')")
    assert page.get_by_role("combobox", name="Data").input_value() == "spiral"
    page.evaluate("model.set('hidden', [1])")
    assert page.locator(".unit").count() == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"dataset": "moons"},
        {"hidden": [9]},
        {"hidden": [1, 1, 1, 1, 1]},
        {"inputs": []},
        {"inputs": ["x3"]},
        {"rate": -1.0},
        {"activation": "gelu"},
    ],
    ids=str,
)
def test_a_choice_that_is_not_there_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        Playground(**wrong)
