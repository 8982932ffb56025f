"""Chapter 02 in a reader's hands: its figures answer, its quizzes give reasons."""

from __future__ import annotations

import pytest
from browsing import quiz_answers
from playwright.sync_api import Page, expect

NETWORKS = "chapters/02-multilayer-perceptrons.html"
SECOND_HALF = "chapters/02b-activations-and-losses.html"


@pytest.fixture
def networks(visit) -> Page:
    return visit(NETWORKS).page


def test_the_playground_finds_xor_with_the_product_of_the_inputs_and_no_hidden_layer(networks):
    figure = networks.locator(".playground")
    figure.get_by_label("Data").select_option("xor")
    figure.get_by_label("Hidden layers").select_option("0")
    figure.get_by_label("x₁x₂").check()
    figure.get_by_label("Learning rate").select_option("0.3")
    for _ in range(5):
        figure.get_by_role("button", name="Step", exact=True).click()
    expect(figure).to_contain_text("epoch 5 · loss: training 0.0")


def test_the_explorer_reads_a_slope_from_the_keyboard(visit):
    figure = visit(SECOND_HALF).page.locator(".activation")
    figure.get_by_role("combobox", name="Function").select_option(label="ReLU")
    expect(figure).to_contain_text("f′(2) = 1")
    point = figure.get_by_role("slider", name="Point x")
    point.focus()
    point.press("Home")
    expect(figure).to_contain_text("f′(−6) = 0")


@pytest.mark.parametrize(
    ("page", "answer", "reason"),
    [
        (NETWORKS, "It is right in about half of the cases", "half a mean square"),
        (SECOND_HALF, "Because the outputs sum to 1", "sum to 1 as well"),
    ],
)
def test_quizzes_of_both_halves_answer(visit, page, answer, reason):
    quiz_answers(visit(page).page, answer, reason)


def test_the_halves_link_each_other(networks):
    networks.locator("article").get_by_role("link", name="The second half").last.click()
    assert SECOND_HALF in networks.url
    networks.locator("article").get_by_role("link", name="The first half").first.click()
    assert NETWORKS in networks.url
