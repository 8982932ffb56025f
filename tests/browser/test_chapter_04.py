"""Chapter 04 in a reader's hands: two figures, and the race once more on a real network's loss."""

from __future__ import annotations

import pytest
from browsing import quiz_answers
from playwright.sync_api import Page, expect

OPTIMIZERS = "chapters/04-optimization.html"
NOISE = "chapters/04b-noise-and-batches.html"
LANDSCAPES = "chapters/04c-loss-landscapes.html"


@pytest.fixture
def chapter(visit) -> Page:
    return visit(OPTIMIZERS).page


def test_plain_descent_is_unstable_just_beyond_two_and_momentum_is_not(chapter):
    figure = chapter.locator(".momentum")
    figure.get_by_role("button", name="β = 0").click()
    figure.get_by_role("slider", name="Step size α").press("ArrowRight")  # beyond 2/κ = 0.02
    expect(figure).to_contain_text("diverges")
    figure.get_by_role("button", name="α 0.02, β 0.99").click()
    figure.get_by_role("slider", name="Step size α").press("ArrowRight")
    expect(figure).not_to_contain_text("It diverges")


def test_the_turned_ravine_is_the_same_for_descent_and_another_for_adam(chapter):
    race = chapter.locator(".race")
    losses = {}
    for landscape in ("ravine", "turned"):
        race.get_by_role("combobox", name="Landscape").select_option(landscape)
        race.get_by_role("slider", name="Steps").fill("100")
        for name in ("GD", "Adam"):
            row = race.get_by_role("row").filter(has=chapter.get_by_label(name, exact=True))
            losses[landscape, name] = row.locator("td").last.inner_text()
    assert losses["turned", "GD"] == losses["ravine", "GD"]
    assert losses["turned", "Adam"] != losses["ravine", "Adam"]


def test_the_race_runs_on_the_plane_of_two_trained_networks(visit):
    race = visit(LANDSCAPES).page.locator(".race")
    chosen = race.get_by_role("combobox", name="Landscape").locator("option:checked")
    expect(chosen).to_have_text("plane through a, b and c")
    expect(race).not_to_contain_text("lost")


@pytest.mark.parametrize(
    ("page", "answer", "reason"),
    [
        (OPTIMIZERS, "ρ; so 0.99 has more friction", "the opposite of friction"),
        (NOISE, "The weights are fetched for each batch", "too few operations for each byte"),
        (LANDSCAPES, "Well below 4, or the run", "Training sharpens the landscape"),
    ],
)
def test_the_quiz_of_every_page_answers(visit, page, answer, reason):
    quiz_answers(visit(page).page, answer, reason)


def test_the_pages_link_each_other(chapter):
    for link, page in (
        ("The second page", NOISE), ("the third", LANDSCAPES), ("the first page", OPTIMIZERS)
    ):  # fmt: skip
        chapter.locator("article").get_by_role("link", name=link).first.click()
        assert page in chapter.url
