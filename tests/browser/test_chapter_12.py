"""Chapter 12 in a reader's hands: what the club hands on, questions and solutions."""

from __future__ import annotations

from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect


def test_numbers_are_handed_on_and_the_pages_link_each_other(visit):
    page = visit("chapters/12-graph-networks.html").page
    club = page.locator(".message-passing")
    club.get_by_role("button", name="Propagate").click()
    expect(club.locator(".figure-status")).to_contain_text("1 propagation: 30 of 34")
    quiz_answers(page, "That GCNs need no training", "no better than a coin")
    solutions_unfold(page, 4)
    page.locator("article").get_by_role("link", name="second page").last.click()
    assert "12b-attention-on-graphs" in page.url
