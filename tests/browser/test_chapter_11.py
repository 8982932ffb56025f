"""The first two pages of chapter 11 in a reader's hands: figures, questions and claims."""

from __future__ import annotations

import pytest
from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect

FIRST = "chapters/11-attention.html"
SECOND = "chapters/11b-transformers.html"


@pytest.mark.parametrize(
    ("address", "figure", "part", "claims", "answer", "reason", "solutions", "other"),
    [
        (
            FIRST,
            ".by-hand",
            ".figure-buttons button >> nth=1",
            range(214, 220),
            "Nothing, a weight of 0 takes nothing",
            "the other weights are smaller",
            5,
            SECOND,
        ),
        (
            SECOND,
            ".attention-maps",
            ".token >> nth=3",
            (),
            "It has too few parameters",
            "A wider one fails in the same way",
            4,
            FIRST,
        ),
    ],
)
def test_figure_is_alive_questions_answer_solutions_unfold_and_the_pages_link_each_other(
    visit, address, figure, part, claims, answer, reason, solutions, other
):
    page = visit(address).page
    status = page.locator(f"{figure} .figure-status")
    before = status.inner_text()
    page.locator(f"{figure} {part}").click()
    expect(status).not_to_have_text(before)
    assert {f"(C{n})" for n in claims} <= set(page.locator(".claim-id").all_inner_texts())
    quiz_answers(page, answer, reason)
    solutions_unfold(page, solutions)
    page.locator("article").get_by_role("link", name="page").last.click()
    assert other in page.url
