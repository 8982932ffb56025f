"""Chapter 03 in a reader's hands: what it holds answers the mouse and the keyboard."""

from __future__ import annotations

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import THEMES, Visit
from playwright.sync_api import Page, expect

CHAPTER = "chapters/03-backpropagation.html"


@pytest.fixture
def chapter(visit) -> Page:
    return visit(CHAPTER).page


def test_computation_graph_answers_the_mouse(chapter):
    figure = chapter.locator(".cgraph")
    status = figure.locator(".cgraph-status")
    expect(status).to_contain_text("step 0 of")
    figure.get_by_role("button", name="Step", exact=True).click()
    expect(status).to_contain_text("Forward: compute u")
    figure.get_by_role("button", name="End", exact=True).click()
    expect(status).to_contain_text("All gradients are there")
    # L = ½(ReLU(w·x + b) − y)² with w = 2, x = 3, b = −1, y = 3: ∂L/∂w = (5 − 3) · 3
    expect(figure.locator('[data-node="w"]')).to_contain_text("∂L/∂w = 6")


def test_computation_graph_answers_the_keyboard_alone(chapter):
    figure = chapter.locator(".cgraph")
    figure.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        chapter.keyboard.press(key)
    expect(figure.locator(".cgraph-status")).to_contain_text("Forward: compute u")
    assert CHAPTER in chapter.url  # the arrows also turn the book's pages, but not from here
    chapter.keyboard.press("End")
    chapter.keyboard.press("Tab")  # Step and End are disabled now: Back comes next
    assert chapter.evaluate("() => document.activeElement.textContent") == "Back"
    figure.get_by_label("w", exact=True).focus()
    chapter.keyboard.press("Control+A")
    chapter.keyboard.type("-2")
    # The unit is dead: ReLU(−7) = 0, and no gradient comes through.
    expect(figure.locator('[data-node="w"]')).to_contain_text("∂L/∂w = 0")
    expect(figure.locator('[data-node="y"]')).to_contain_text("∂L/∂y = 3")


def test_without_javascript_the_figure_is_a_picture_with_words(browser, origin):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/{CHAPTER}")
    picture = page.locator(".course-widget img")
    assert picture.is_visible()
    assert "Computation graph" in picture.get_attribute("alt")
    assert page.locator(".cgraph").count() == 0
    context.close()


@pytest.mark.parametrize("theme", THEMES)
def test_quiz_says_why_an_answer_is_right_or_wrong(visit, theme):
    chapter = visit(CHAPTER, theme=theme).page
    answers = chapter.locator(".MCButton")
    feedback = chapter.locator(".Feedback").first
    answers.filter(has_text="Along minus the gradient of").click()
    expect(feedback).to_contain_text("that is the direction in which")
    wrong = answers.filter(has_text="Along minus x₁").locator("input")
    wrong.focus()
    chapter.keyboard.press("Space")
    expect(feedback).to_contain_text("think of xₙ = −x₁")
    chapter.evaluate("() => Promise.all(document.getAnimations().map(a => a.finished))")
    found = Axe().run(chapter)  # the reason can be read: its colors come from the quiz
    assert found.violations_count == 0, found.generate_report()


def test_solutions_unfold(chapter):
    solution = chapter.locator(".solution").first
    body = solution.get_by_text("Write the loss as", exact=False)
    expect(body).not_to_be_visible()
    solution.locator("button, summary").first.click()
    expect(body).to_be_visible()


def test_card_says_what_the_chapter_ran_on(chapter):
    card = chapter.locator(".chapter-card")
    expect(card).to_contain_text("measured")
    expect(card).to_contain_text("torch 2.")
    expect(card).to_contain_text("Downloads")


def test_claims_and_citations_are_on_the_page(chapter):
    assert chapter.locator(".claim").count() >= 10
    chapter.locator("article a[href*='references.html#']").first.click()
    assert "references.html" in chapter.url


def test_notebook_can_be_downloaded_and_opens_clean(chapter, site):
    link = chapter.locator("a[href$='03-backpropagation.ipynb']").first
    assert link.count() == 1
    notebook = nbformat.read(site / "notebooks" / "03-backpropagation.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells)


def test_theme_button_turns_the_page_dark(visit):
    opened: Visit = visit(CHAPTER)
    root = opened.page.locator("html")
    seen = set()
    for _ in range(3):  # light, dark, as the system says
        opened.page.locator("button.theme-switch-button:visible").first.click()
        seen.add(root.get_attribute("data-theme"))
    assert seen == {"light", "dark"}
    assert opened.console == []
