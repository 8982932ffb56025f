"""What networks learn, in a reader's hands: one draws in the figure, questions answer."""

from __future__ import annotations

from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect

PAGE = "chapters/07b-what-networks-learn.html"


def test_a_digit_is_drawn_on_with_the_mouse_and_the_unit_answers(visit):
    page = visit(PAGE).page
    figure = page.locator(".features")
    status, image = figure.locator(".figure-status"), figure.get_by_role("application")
    expect(status).to_contain_text("Layer 1, unit 2")
    figure.get_by_role("button", name="Clear").click()
    expect(status).to_contain_text("As it came, the image gave")
    box = image.bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.3 * box["height"], steps=8)
    page.mouse.up()
    expect(image).to_have_attribute("aria-label", "Digit 4, changed. Pen at row 8, column 19.")
    image.press("ArrowRight")
    assert PAGE in page.url  # the arrows also turn the book's pages, but not from here
    figure.locator(".patches button").first.click()
    expect(status).not_to_contain_text("As it came")


def test_questions_answer_and_solutions_unfold(visit):
    page = visit(PAGE).page
    quiz_answers(page, "Not at all: 16 % is little", "A score is no percentage")
    solutions_unfold(page, 4)
