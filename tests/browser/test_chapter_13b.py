"""Chapter 13's pages on scale and adaptation in a reader's hands."""

from __future__ import annotations

from browsing import quiz_answers, solutions_unfold

FIRST = "chapters/13b-scale.html"
SECOND = "chapters/13c-adaptation.html"


def test_costs_are_set_questions_answer_and_the_pages_link_each_other(visit):
    page = visit(FIRST).page
    assert page.locator(".course-widget").count() == 1
    ledger = {f"(C{n})" for n in (220, *range(222, 230))}
    assert ledger <= set(page.locator(".claim-id").all_inner_texts())
    quiz_answers(page, "30 times larger, on 3 times the tokens", "That was Kaplan's exponent")
    solutions_unfold(page, 4)
    page.locator("article").get_by_role("link", name="the next page").last.click()
    assert SECOND in page.url
    quiz_answers(page, "A is not trained", "Both are")
    solutions_unfold(page, 4)
    page.locator("article").get_by_role("link", name="The page before").last.click()
    assert FIRST in page.url
