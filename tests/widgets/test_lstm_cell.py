"""The LSTM cell: its JavaScript against the library's layer, forward and backward."""

import living
import pytest
import torch
import traitlets

from course_utils.layers import LSTM
from course_utils.widgets import LSTMCell
from course_utils.widgets.lstm_cell import INPUTS, PRESETS

ALT = "An LSTM cell, gate by gate"


@pytest.fixture(scope="module")
def opened(browser):
    """One page for all tests, each of which begins with the cell that it needs."""
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    living.start(page, LSTMCell(alt=ALT))
    yield page
    page.close()
    assert errors == []


def show(page, **state):
    page.evaluate("state => Object.keys(state).forEach(n => model.set(n, state[n]))", state)


def press(page, *names):
    for name in names:
        page.get_by_role("button", name=name, exact=True).click()


def status(page) -> str:
    return page.locator(".figure-status").inner_text().replace("\u00a0", " ")


@pytest.mark.parametrize("inputs", ["mixed", "alternating"])
@pytest.mark.parametrize("name", PRESETS)
def test_gates_states_and_both_ways_of_the_gradient_are_the_layers(name, inputs, opened):
    figure = LSTMCell.preset(name, inputs=INPUTS[inputs], alt=ALT)
    state = PRESETS[name] | {"inputs": INPUTS[inputs]}
    got = opened.evaluate("state => widget.run(state)", state)
    for key, values in figure.run().items():
        expected = values.new_tensor([step[key] for step in got])
        torch.testing.assert_close(values, expected, rtol=1e-12, atol=1e-15)
    ways = opened.evaluate("state => widget.paths(state)", state)
    for key, values in zip(("direct", "hidden"), figure.paths(), strict=True):
        expected = values.new_tensor([way[key] for way in ways])
        torch.testing.assert_close(values, expected, rtol=1e-9, atol=1e-14)


def test_the_two_ways_add_up_to_what_autograd_finds():
    figure = LSTMCell.preset("remember", alt=ALT)
    cell = torch.nn.LSTMCell(1, 1, dtype=torch.float64)
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh"):
            getattr(cell, name).copy_(torch.tensor(PRESETS["remember"][name])[:, None])
        cell.bias_ih.copy_(torch.tensor(PRESETS["remember"]["bias"]))
        cell.bias_hh.zero_()
    x = torch.tensor(figure.inputs, dtype=torch.float64)[:, None]
    h, c = cell(x[:1])
    first = c.detach().requires_grad_()
    h, c = (h / c.tanh()).detach() * first.tanh(), first  # o₁ does not depend on c₁
    for value in x[1:]:
        h, c = cell(value[None], (h, c))
    (total,) = torch.autograd.grad(c.sum(), first)
    torch.testing.assert_close(sum(way[-1] for way in figure.paths()), total.squeeze())


def test_the_initial_cell_is_a_unit_of_the_librarys_layer():
    layer = LSTM(1, 16, generator=torch.Generator().manual_seed(0))
    rows = [16 * gate + 14 for gate in range(4)]
    drawn = {
        "weight_ih": layer.weight_ih_l0[rows, 0],
        "weight_hh": layer.weight_hh_l0[rows, 14],
        "bias": (layer.bias_ih_l0 + layer.bias_hh_l0)[rows],
    }
    rounded = {name: torch.tensor(PRESETS["default init"][name]) for name in drawn}
    torch.testing.assert_close(rounded, drawn, rtol=0, atol=0.0051)


def test_the_buttons_step_through_the_sequence_and_the_numbers_follow(opened):
    show(opened, step=0, inputs=INPUTS["mixed"], **PRESETS["remember"])
    assert status(opened).startswith("Nothing has been read")
    assert opened.locator(".bar").count() == 0
    opened.get_by_role("button", name="Back").press("Enter")  # there is nothing before the start
    press(opened, "Next step", "Next step", "Back", "Next step")
    assert opened.evaluate("saved.step") == 2
    found = LSTMCell.preset("remember", alt=ALT).run()
    assert opened.locator(".bar").count() == 6
    for name in "figcoh":
        value = float(opened.locator(f".bar.{name}").get_attribute("data-value"))
        assert value == pytest.approx(found[name][1].item(), abs=1e-12)
    assert "The forget gate keeps 98.2 % of c₁ = 0.534" in status(opened)
    press(opened, "To the end")
    opened.get_by_role("button", name="Next step").press("Enter")  # nor after the end
    assert status(opened).startswith("Step 10 of 10: x₁₀ = −0.2")
    assert "∂c₁₀/∂c₁ = 0.849 by the forget gates + 0.639 through h." in status(opened)
    press(opened, "Start over")
    assert opened.evaluate("saved.step") == 0


def test_the_keyboard_sets_biases_inputs_and_cells(opened):
    show(opened, step=1, inputs=INPUTS["mixed"], **PRESETS["remember"])
    forget = opened.get_by_role("slider", name="Forget-gate bias")
    forget.press("ArrowRight")
    assert opened.evaluate("saved.bias") == [0, 4.1, 0, 2]
    cell = opened.get_by_role("combobox", name="Cell")
    assert cell.input_value() == ""  # it is no preset any more
    cell.select_option("latch the first input")
    assert opened.evaluate("saved.weight_hh[0]") == -15
    opened.get_by_role("button", name="To the end").press("Enter")
    assert "c₁₀ = 0.816" in status(opened)
    # What comes later changes nothing, what comes first does.
    last = opened.get_by_role("slider", name="Input xₜ")
    last.press("Home")
    assert opened.evaluate("saved.inputs.at(-1)") == -2
    assert "c₁₀ = 0.81" in status(opened)
    show(opened, step=1)
    last.press("Home")
    assert opened.evaluate("saved.inputs[0]") == -2
    assert "c₁ = −0.88" in status(opened)
    opened.get_by_role("combobox", name="Inputs").select_option("one pulse")
    assert opened.evaluate("saved.inputs") == INPUTS["one pulse"]


@pytest.mark.parametrize(
    "wrong",
    [{"bias": [0.0] * 3}, {"bias": [9.0, 0.0, 0.0, 0.0]}, {"weight_hh": [float("nan")] * 4},
     {"inputs": [1.0]}, {"inputs": [3.0] * 4}, {"step": -1}, {"step": 11}],
)  # fmt: skip
def test_what_is_no_cell_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        LSTMCell(alt=ALT, **wrong)
