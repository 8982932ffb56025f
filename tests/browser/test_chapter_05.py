"""Chapter 05 in a reader's hands: what it holds answers the mouse and the keyboard."""

from __future__ import annotations

import pytest
from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import Page, expect

REGULARIZATION = "chapters/05-regularization.html"
NORMALIZATION = "chapters/05b-normalization.html"


@pytest.fixture
def chapter(visit) -> Page:
    return visit(NORMALIZATION).page


def test_axes_are_ticked_and_entries_chosen_with_the_mouse_and_with_the_keyboard(chapter):
    figure = chapter.locator(".normalization")
    status = figure.locator(".figure-status")
    expect(status).to_contain_text("4 means, 27 entries each")
    figure.get_by_role("checkbox", name="N", exact=True).uncheck()
    expect(status).to_contain_text("instance norm")
    figure.get_by_role("combobox", name="Method").select_option("group norm")
    expect(status).to_contain_text("6 means, 18 entries each")
    expect(figure.locator(".entry.shared")).to_have_count(18)
    figure.locator('[data-place="2,0,0,0"]').click()
    chapter.keyboard.press("ArrowRight")
    expect(figure.locator(".field")).to_have_attribute("aria-label", "Chosen entry n 2, c 0, h 0, "
                           "w 1, value 0. It shares its mean with 17 others.")  # fmt: skip
    assert NORMALIZATION in chapter.url  # the arrows also turn the book's pages, but not from here


def test_without_javascript_the_figure_is_a_picture_with_words(browser, origin):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/{NORMALIZATION}")
    (picture,) = page.locator(".course-widget img").all()
    assert picture.get_attribute("alt").startswith("A tensor of three examples")
    assert picture.is_visible()
    context.close()


@pytest.mark.parametrize(
    ("page", "answer", "reason", "solutions"),
    [
        (REGULARIZATION, "ReLU instead of sigmoid units", "That helps optimization", 3),
        (NORMALIZATION, "It squashes activations", "γ and β can give back any scale", 4),
    ],
)
def test_questions_answer_solutions_unfold_and_the_halves_link_each_other(
    visit, page, answer, reason, solutions
):
    opened = visit(page).page
    quiz_answers(opened, answer, reason)
    solutions_unfold(opened, solutions)
    name, other = ("second", NORMALIZATION) if page == REGULARIZATION else ("first", REGULARIZATION)
    opened.locator("article").get_by_role("link", name=f"The {name} half").last.click()
    assert other in opened.url
