"""Chapter 10 in a reader's hands: its figures answer, its questions give reasons."""

from __future__ import annotations

import pytest
from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect

FIRST = "chapters/10-recurrent-networks.html"
SECOND = "chapters/10b-gates.html"
THIRD = "chapters/10c-sequence-models.html"


@pytest.mark.parametrize(
    ("address", "answer", "reason", "links"),
    [
        (FIRST, "They explode, because 1.3 > 1", "For the identity", (SECOND, THIRD)),
        (SECOND, "1, as recommended", "0.73 to the power 1000", (FIRST, THIRD)),
        (THIRD, "It gets one character in four right", "about probabilities", (FIRST, SECOND)),
    ],
)
def test_questions_answer_solutions_unfold_and_the_pages_link_each_other(
    visit, address, answer, reason, links
):
    page = visit(address).page
    quiz_answers(page, answer, reason)
    solutions_unfold(page, 4)
    targets = page.locator("article a").evaluate_all("all => all.map(a => a.href)")
    assert all(any(link in target for target in targets) for link in links)


def test_the_cell_takes_a_step_and_the_temperature_changes_the_bars(visit):
    for address, figure in ((SECOND, ".lstm-cell"), (THIRD, ".sampling")):
        widget = visit(address).page.locator(figure)
        status = widget.locator(".figure-status")
        before = status.inner_text()
        widget.get_by_role("slider").first.press("ArrowRight")
        expect(status).not_to_have_text(before)
