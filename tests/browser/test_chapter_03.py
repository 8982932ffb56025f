"""Chapter 03 in a reader's hands: what it holds answers the mouse and the keyboard."""

from __future__ import annotations

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import THEMES, Visit, quiz_answers
from playwright.sync_api import Page, expect

CHAPTER = "chapters/03-backpropagation.html"
SECOND_HALF = "chapters/03b-automatic-differentiation.html"


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


def test_step_size_answers_the_mouse(chapter):
    figure = chapter.locator(".step-size")
    status = figure.locator(".figure-status")
    expect(status).to_contain_text("Curvature is at work")
    figure.get_by_role("button", name="Best step").click()
    best_in_double = figure.get_by_role("slider").input_value()
    figure.get_by_role("combobox", name="Precision").select_option("single")
    figure.get_by_role("button", name="Best step").click()
    assert float(best_in_double) < -4 < -3 < float(figure.get_by_role("slider").input_value())
    figure.get_by_role("combobox", name="Function").select_option("ReLU(x) at 0.001")
    figure.get_by_role("slider").fill("-1")
    expect(status).to_contain_text("reaches across the kink")


def test_step_size_answers_the_keyboard_alone(chapter):
    figure = chapter.locator(".step-size")
    figure.get_by_role("slider").focus()
    chapter.keyboard.press("ArrowLeft")
    expect(figure.locator(".figure-status")).to_contain_text("h = 7.9 · 10⁻²")
    chapter.keyboard.press("Home")
    expect(figure.locator(".figure-status")).to_contain_text("h = 1.0 · 10⁻¹⁵")
    assert CHAPTER in chapter.url  # the arrows also turn the book's pages, but not from here
    chapter.keyboard.press("Tab")
    assert chapter.evaluate("() => document.activeElement.textContent") == "Best step"
    chapter.keyboard.press("Enter")
    expect(figure.locator(".figure-status")).not_to_contain_text("h = 1.0 · 10⁻¹⁵")


def test_without_javascript_the_figures_are_pictures_with_words(browser, origin):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{origin}/{CHAPTER}")
    pictures = page.locator(".course-widget img").all()
    words = [picture.get_attribute("alt") for picture in pictures]
    assert ["Computation graph" in words[0], "Difference quotient" in words[1]] == [True, True]
    assert all(picture.is_visible() for picture in pictures)
    assert page.locator(".course-figure").count() == 0
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


@pytest.mark.parametrize(
    ("page", "answer", "reason"),
    [
        (CHAPTER, "Every position of a window gets", "the rule of average pooling"),
        (SECOND_HALF, "The branch that was taken", "what was computed, not what was decided"),
    ],
)
def test_quizzes_of_both_halves_answer(visit, page, answer, reason):
    quiz_answers(visit(page).page, answer, reason)


def test_the_halves_link_each_other(visit):
    opened = visit(CHAPTER).page
    opened.locator("article").get_by_role("link", name="The second half").click()
    assert "03b-automatic-differentiation" in opened.url
    opened.locator("article").get_by_role("link", name="The first half of this chapter").click()
    assert "03-backpropagation" in opened.url


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
