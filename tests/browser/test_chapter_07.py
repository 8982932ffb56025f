"""Chapter 07 in a reader's hands: layers are taken out, questions answer, the parts are linked."""

from __future__ import annotations

import pytest
from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect

ARCHITECTURES = "chapters/07-architectures.html"
PARALLEL = "chapters/07c-training-in-parallel.html"


def test_layers_are_taken_out_and_come_back_with_the_keyboard(visit):
    figure = visit(ARCHITECTURES).page.locator(".course-figure.alexnet")
    status = figure.locator(".figure-status")
    expect(status).to_contain_text("60,965,224 parameters")
    layer = figure.get_by_role("checkbox", name="fc7")
    layer.uncheck()
    expect(status).to_contain_text("44,183,912 parameters")
    layer.press("Space")
    expect(status).to_contain_text("60,965,224 parameters")


@pytest.mark.parametrize(
    ("page", "answer", "reason", "solutions"),
    [
        (ARCHITECTURES, "overfitting: it has too many parameters", "lowers the training error", 5),
        (PARALLEL, "Batch normalization", "depends on the others of its shard", 3),
    ],
)
def test_questions_answer_solutions_unfold_and_the_parts_link_each_other(
    visit, page, answer, reason, solutions
):
    opened = visit(page).page
    quiz_answers(opened, answer, reason)
    solutions_unfold(opened, solutions)
    opened.locator("article").get_by_role("link", name="second part of this chapter").last.click()
    assert "07b-what-networks-learn" in opened.url
