"""Propagation step by step: its JavaScript against the matrix, and what a reader does with it."""

import living
import pytest
import torch
import traitlets

from course_utils import data
from course_utils.models import normalized_adjacency
from course_utils.widgets import MessagePassing

ALT = "A graph whose nodes hand on numbers"


def club(**settings) -> MessagePassing:
    graph = data.load("karate-club")
    edges = graph.edge_index.T[graph.edge_index[0] < graph.edge_index[1]]
    angle = torch.arange(34) * (2 * torch.pi / 34)
    circle = torch.stack([angle.cos(), angle.sin()], 1)
    return MessagePassing(edges, circle, graph.y, [0, 33], alt=ALT, **settings)


def test_a_step_is_a_product_with_the_matrix_of_the_library_or_the_mean(page):
    figure = club()
    living.start(page, figure)
    base = {name: getattr(figure, name) for name in ("edges", "places", "sides", "sources")}
    states = [
        {"steps": steps, "rule": rule, "view": view, "chosen": 0}
        for steps in (0, 1, 7, 60)
        for rule in ("gcn", "mean")
        for view in ("all", "rest")
    ]
    found = page.evaluate(
        """([base, states]) => states.map((s) => {
          const state = { ...base, ...s }, values = widget.shown(state, widget.propagate(state));
          return [values, widget.right(state, values)];
        })""",
        [base, states],
    )
    a = normalized_adjacency(data.load("karate-club").edge_index, 34).to_dense().double()
    x = torch.zeros(34, dtype=torch.float64)
    x[0], x[33] = 1, -1
    for state, (values, right) in zip(states, found, strict=True):
        figure.set_state(state)
        got = torch.tensor(values, dtype=torch.float64)
        torch.testing.assert_close(got, figure.values(), rtol=1e-6, atol=1e-12)
        assert right == figure.right()
        if (state["rule"], state["view"]) == ("gcn", "all"):
            expected = torch.linalg.matrix_power(a, state["steps"]) @ x
            torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-7)
        if state["steps"] == 60:  # all have the sign of the first eigenvector; the second knows 32
            assert right == (32 if state["view"] == "rest" else 17)


def test_buttons_keys_and_choices_do_what_they_say(page):
    living.start(page, club())
    status = page.locator(".figure-status")
    assert status.inner_text().startswith("0 propagations: 2 of 34 signs right")
    assert page.get_by_role("button", name="Back").is_disabled()
    page.get_by_role("button", name="Propagate").press("Enter")
    assert "Node 0 holds 0.059: 0.059 from itself." in status.inner_text()
    page.get_by_role("button", name="Ten times").click()
    page.get_by_role("button", name="Back").click()
    assert page.evaluate("saved.steps") == 10
    drawing = page.locator(".network")
    drawing.press("ArrowLeft")
    assert page.evaluate("saved.chosen") == 33
    page.locator("[data-node='8']").click()
    assert "Node 8 holds" in status.inner_text()
    assert page.locator(".own.edge").count() == 5
    page.get_by_role("combobox", name="Show").select_option("rest")
    assert "not shared by all" in status.inner_text()
    page.get_by_role("button", name="Start over").click()
    assert page.evaluate("saved.steps") == 0


@pytest.mark.parametrize(
    "wrong", [{"steps": 201}, {"rule": "sum"}, {"view": "none"}, {"chosen": 34}, {"chosen": -1}]
)
def test_what_is_not_offered_is_refused(wrong):
    with pytest.raises(traitlets.TraitError):
        club(**wrong)
