"""The stepping computation graph: its JavaScript in a real browser, against torch's autograd."""

import living
import pytest
from playwright.sync_api import Page

from course_utils.widgets import ComputationGraph

NEURON = (
    {"w": 2.0, "x": 3.0, "b": -1.0, "y": 3.0},
    [
        ("u", "mul", "w", "x"),
        ("z", "add", "u", "b"),
        ("h", "relu", "z"),
        ("e", "sub", "h", "y"),
        ("q", "square", "e"),
        ("L", "scale", "q", 0.5),
    ],
)
# x is used three times, once in an operation with itself; d leads nowhere.
SHARED = (
    {"x": 0.7, "a": -1.3, "d": 2.0},
    [
        ("s", "mul", "x", "x"),
        ("t", "tanh", "s"),
        ("n", "sub", "a", "x"),
        ("r", "relu", "n"),
        ("dead", "square", "d"),
        ("m", "add", "t", "r"),
        ("L", "mul", "m", "t"),
    ],
)
GRAPHS = {
    "neuron": NEURON,
    "dead neuron": ({**NEURON[0], "w": -2.0}, NEURON[1]),
    "zero at the kink": ({**NEURON[0], "b": -6.0}, NEURON[1]),
    "shared": SHARED,
}


def start(page: Page, leaves, operations) -> ComputationGraph:
    graph = ComputationGraph(leaves, operations, alt="A small computation graph")
    living.start(page, graph)
    return graph


def status(page: Page) -> str:
    return page.locator(".cgraph-status").inner_text()


@pytest.mark.parametrize("name", GRAPHS)
def test_values_and_gradients_equal_autograds(name, page):
    leaves, operations = GRAPHS[name]
    graph = start(page, leaves, operations)
    values, grads, local = graph.evaluate()
    got = page.evaluate(
        "([leaves, operations]) => widget.run(leaves, operations, Infinity)",
        [graph.leaves, graph.operations],
    )
    assert got["values"] == pytest.approx(values, rel=1e-15)
    assert {**dict.fromkeys(grads, 0.0), **got["grads"]} == pytest.approx(grads, rel=1e-14)
    assert got["slopes"] == pytest.approx({f"{n} {p}": s for (n, p), s in local.items()}, rel=1e-14)


def test_step_back_reset_and_end_move_through_the_graph(page):
    start(page, *NEURON)
    for step in range(1, 17):
        page.get_by_role("button", name="Step").click()
        assert f"(step {step} of 16)" in status(page)
    assert "∂L/∂x = ∂L/∂u · ∂u/∂x = 2 · 2 = 4" in status(page)
    assert page.get_by_role("button", name="Step").is_disabled()
    page.get_by_role("button", name="Back").click()
    assert "∂L/∂w = ∂L/∂u · ∂u/∂w = 2 · 3 = 6" in status(page)
    page.get_by_role("button", name="Reset").click()
    assert "(step 0 of 16)" in status(page)
    page.get_by_role("button", name="End").click()
    assert "(step 16 of 16)" in status(page)


def test_inputs_stand_in_the_order_in_which_they_were_given(page):
    start(page, *NEURON)
    assert page.locator("label").all_inner_texts() == ["w", "x", "b", "y"]


def test_each_step_marks_its_node_and_its_edge(page):
    start(page, *NEURON)
    active = page.locator(".active")
    marked = "nodes => nodes.map(n => n.dataset.node ?? n.dataset.edge).sort()"
    page.get_by_role("button", name="Step").click()
    assert active.evaluate_all(marked) == ["u", "w u", "x u"]
    for _ in range(7):
        page.get_by_role("button", name="Step").click()
    assert active.evaluate_all(marked) == ["q", "q L"]
    assert page.locator("[data-edge='q L'] text").text_content() == "× 0.5"


def test_arrow_keys_step_when_the_figure_has_the_focus_but_not_while_typing(page):
    start(page, *NEURON)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "course-figure cgraph"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert "(step 1 of 16)" in status(page)
    page.keyboard.press("End")
    assert "(step 16 of 16)" in status(page)
    page.get_by_role("spinbutton", name="w").focus()
    page.keyboard.press("Home")
    assert "(step 16 of 16)" in status(page)


def test_the_keyboard_is_not_lost_when_a_button_becomes_disabled(page):
    start(page, *NEURON)
    page.get_by_role("button", name="End").press("Enter")
    page.keyboard.press("ArrowLeft")
    assert "(step 15 of 16)" in status(page)


def test_a_changed_input_changes_every_value_and_is_told_to_the_kernel(page):
    start(page, *NEURON)
    page.get_by_role("button", name="End").click()
    page.get_by_role("spinbutton", name="w").fill("-2")
    assert page.locator("[data-node=L] .value").text_content() == "4.5"
    assert page.locator("[data-node=w] .grad").text_content() == "∂L/∂w = 0"
    assert page.evaluate("saved.leaves") == {"w": -2, "x": 3, "b": -1, "y": 3}
    page.get_by_role("spinbutton", name="w").fill("")
    assert page.locator("[data-node=L] .value").text_content() == "4.5"


def test_new_leaves_from_the_kernel_are_shown(page):
    start(page, *NEURON)
    page.get_by_role("button", name="End").click()
    page.evaluate("model.set('leaves', { w: 1, x: 1, b: 0, y: 0 })")
    assert page.locator("[data-node=L] .value").text_content() == "0.5"
    assert page.get_by_role("spinbutton", name="w").input_value() == "1"


def test_a_gradient_that_comes_along_two_paths_says_that_it_is_added(page):
    start(page, {"x": 3.0}, [("L", "mul", "x", "x")])
    page.get_by_role("button", name="End").click()
    assert "added to the 3 that came along another path: 6" in status(page)


def test_the_static_picture_has_all_gradients():
    graph = ComputationGraph(*NEURON, alt="")
    for name, gradient in graph.evaluate()[1].items():
        assert f"∂L/∂{name} = {gradient:g}".replace("-", "−") in graph.picture()


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([("L", "div", "w", "x")], "no operation 'div'; there are add"),
        ([("L", "mul", "w")], r"mul takes 2 named input\(s\), got \['w'\]"),
        ([("L", "scale", "w")], "scale takes 1 named .* and one factor"),
        ([("L", "mul", "w", "v")], r"\['v'\], which are not there yet"),
        ([("w", "mul", "w", "x")], "w: defined twice"),
        ([], "at least one operation"),
    ],
)
def test_a_graph_that_cannot_be_computed_is_refused(operations, message):
    with pytest.raises(ValueError, match=message):
        ComputationGraph({"w": 1.0, "x": 2.0}, operations, alt="")
