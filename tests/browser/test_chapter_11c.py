"""The last two pages of chapter 11 in a reader's hands."""

from __future__ import annotations

from browsing import quiz_answers, solutions_unfold
from playwright.sync_api import expect


def test_the_trained_model_is_looked_into_and_the_pages_link_each_other(visit):
    page = visit("chapters/11c-gpt.html").page
    maps = page.locator(".attention-maps")
    before = maps.locator(".figure-status").inner_text()
    maps.locator(".map").focus()
    page.keyboard.press("ArrowUp")
    expect(maps.locator(".figure-status")).not_to_have_text(before)
    quiz_answers(page, "That it looks there", "a few hundredths of a nat")
    solutions_unfold(page, 5)
    page.locator("article").get_by_role("link", name="The next page").last.click()
    quiz_answers(page, "learns as well as before", "the names of the places")
    solutions_unfold(page, 4)
