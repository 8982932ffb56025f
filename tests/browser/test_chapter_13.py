"""Pretraining, and pictures with words, in a reader's hands: questions, solutions, links."""

from __future__ import annotations

import pytest
from browsing import quiz_answers, solutions_unfold

FIRST = "chapters/13-pretraining.html"
LAST = "chapters/13d-multimodal.html"


@pytest.mark.parametrize(
    ("address", "answer", "reason", "solutions", "link", "other"),
    [
        (FIRST, "Its utilization, roughly", "no measurement of that", 6, "the last one", LAST),
        (LAST, "The text encoder, on ten labels", "before anyone", 5, "pretraining", FIRST),
    ],
)
def test_questions_answer_solutions_unfold_and_the_pages_link_each_other(
    visit, address, answer, reason, solutions, link, other
):
    page = visit(address).page
    quiz_answers(page, answer, reason)
    solutions_unfold(page, solutions)
    page.locator("article").get_by_role("link", name=link).last.click()
    assert other in page.url
