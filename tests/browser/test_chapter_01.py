"""Chapter 01 in a reader's hands: what it holds answers the mouse and the keyboard."""

from __future__ import annotations

import pytest
from browsing import quiz_answers
from playwright.sync_api import Page, expect

HISTORY = "chapters/01-history.html"
SECOND_HALF = "chapters/01b-what-deep-learning-is.html"


@pytest.fixture
def chapter(visit) -> Page:
    return visit(HISTORY).page


def test_perceptron_learns_or_with_the_mouse_and_fails_on_xor(chapter):
    figure = chapter.locator(".perceptron")
    status = figure.locator(".figure-status")
    figure.get_by_role("button", name="Run", exact=True).click()
    expect(status).to_contain_text("it has converged")
    figure.get_by_role("combobox", name="Examples").select_option("XOR")
    expect(status).to_contain_text("0 examples")
    figure.get_by_role("button", name="Run", exact=True).click()
    expect(status).to_contain_text("No line separates these points")


def test_a_point_of_the_other_kind_between_two_cannot_be_separated(chapter):
    figure = chapter.locator(".perceptron")
    figure.get_by_role("button", name="Clear points").click()
    field = figure.locator(".field")
    box = field.bounding_box()
    for kind, share in (("1", 0.3), ("1", 0.7), ("-1", 0.5)):
        figure.get_by_role("combobox", name="Drop").select_option(kind)
        field.click(position={"x": share * box["width"], "y": box["height"] / 2})
    figure.get_by_role("button", name="Run", exact=True).click()
    expect(figure.locator(".figure-status")).to_contain_text("goes round for ever")


def test_perceptron_answers_the_keyboard_alone(chapter):
    figure = chapter.locator(".perceptron")
    figure.locator(".field").focus()
    for key in ("ArrowRight", "ArrowUp", "Enter"):
        chapter.keyboard.press(key)
    expect(figure.locator(".field")).to_have_attribute(
        "aria-label", "5 points. Cursor at (0.25, 0.25), on a point labeled +1."
    )
    assert HISTORY in chapter.url  # the arrows also turn the book's pages, but not from here
    figure.get_by_role("button", name="Step", exact=True).focus()
    chapter.keyboard.press("Enter")
    expect(figure.locator(".figure-status")).to_contain_text("1 examples")


def test_timeline_is_walked_with_the_mouse_and_with_the_keyboard(chapter):
    figure = chapter.locator(".timeline")
    status = figure.locator(".figure-status")
    expect(status).to_contain_text("1943")
    figure.get_by_role("button", name="Later").click()
    expect(status).to_contain_text("1957: The perceptron")
    figure.locator(".mark").last.click()
    expect(figure.locator(".mark.chosen")).to_have_count(1)
    figure.get_by_role("slider", name="Event").focus()
    chapter.keyboard.press("Home")
    chapter.keyboard.press("ArrowRight")
    expect(status).to_contain_text("1957: The perceptron")
    assert HISTORY in chapter.url


def test_without_javascript_the_figures_are_pictures_with_words(browser, origin):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/{HISTORY}")
    pictures = page.locator(".course-widget img").all()
    words = [picture.get_attribute("alt") for picture in pictures]
    assert ["Timeline" in words[0], "perceptron" in words[1]] == [True, True]
    assert all(picture.is_visible() for picture in pictures)
    context.close()


@pytest.mark.parametrize(
    ("page", "answer", "reason"),
    [
        (HISTORY, "That no neural network computes XOR", "Nets of 1943 do"),
        (SECOND_HALF, "Report the best seed", "no estimate of the typical one"),
    ],
)
def test_quizzes_of_both_halves_answer(visit, page, answer, reason):
    quiz_answers(visit(page).page, answer, reason)


def test_the_halves_link_each_other(chapter):
    link = chapter.locator("article").get_by_role("link", name="The second half")
    link.last.click()
    assert SECOND_HALF in chapter.url
    chapter.locator("article").get_by_role("link", name="The first half").first.click()
    assert HISTORY in chapter.url
