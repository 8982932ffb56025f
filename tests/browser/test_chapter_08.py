"""Chapter 08 in a reader's hands: what it holds answers the mouse and the keyboard."""

from __future__ import annotations

from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect

FIRST = "chapters/08-transfer-learning.html"
SECOND = "chapters/08b-fine-tuning.html"


def test_runs_are_chosen_by_size_and_way_and_the_halves_link_each_other(visit):
    page = visit(SECOND).page
    figure = page.locator(".transfer")
    expect(figure.locator("svg")).to_contain_text("accuracy from 40 labels")
    figure.get_by_role("combobox", name="Labeled photographs").select_option("160")
    expect(figure.locator("svg")).to_contain_text("accuracy from 160 labels")
    figure.get_by_role("checkbox", name="from scratch").uncheck()
    expect(figure.locator("tbody tr")).to_have_count(6)
    quiz_answers(page, "About 0.1: they have to leave", "It diverges, or starts over")
    solutions_unfold(page, 4)
    page.locator("article").get_by_role("link", name="The first half").last.click()
    assert FIRST in page.url


def test_questions_answer_and_solutions_unfold(visit):
    page = visit(FIRST).page
    quiz_answers(page, "No: it has millions of parameters", "cannot overfit it")
    solutions_unfold(page, 4)
