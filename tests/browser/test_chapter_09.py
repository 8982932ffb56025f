"""Chapter 09 in a reader's hands: its figures and questions."""

from __future__ import annotations

import pytest
from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect

FIRST = "chapters/09-self-supervision.html"
SECOND = "chapters/09b-self-labeling.html"


def test_a_table_is_balanced_and_the_boxes_of_the_network_on_this_page_are_opened(visit):
    page = visit(SECOND).page
    balancing = page.locator(".sinkhorn")
    before = balancing.locator(".figure-status").inner_text()
    balancing.get_by_role("button").first.click()
    expect(balancing.locator(".figure-status")).not_to_have_text(before)
    expect(page.locator(".clusters")).to_contain_text("NMI")


@pytest.mark.parametrize(
    ("address", "answer", "reason", "other"),
    [
        (FIRST, "Small shifts", "Where a digit stands", SECOND),
        (SECOND, "Yes: 71.8 against 68.2", "These stand in different columns", FIRST),
    ],
)
def test_questions_answer_solutions_unfold_and_the_pages_link_each_other(
    visit, address, answer, reason, other
):
    page = visit(address).page
    quiz_answers(page, answer, reason)
    solutions_unfold(page, 4)
    page.locator("article").get_by_role("link", name="page").last.click()
    assert other in page.url
