"""What holds for every page of the book."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import THEMES, VIEWPORTS, Visit, new_context
from playwright.sync_api import Page

CHAPTER = "chapters/03-backpropagation.html"


def ways(page: str, number: int) -> list[tuple[str, str]]:
    """The sizes and themes in which a page is seen: this chapter in all, the others in turn."""
    if page == CHAPTER:
        return list(itertools.product(VIEWPORTS, THEMES))
    return [("phone", "dark") if number % 2 else ("desktop", "light")]


@dataclass
class Seen:
    """What one visit to a page showed."""

    page: str
    viewport: str
    theme: str
    complaints: dict[str, list[str]]
    theme_shown: str
    widths: dict[str, int]
    images: list[tuple[str, str]]
    address: str
    links: list[str]
    accessibility: str

    def __str__(self) -> str:
        return f"{self.page} ({self.viewport}, {self.theme})"


@pytest.fixture(scope="module")
def seen(browser, origin, site, pages) -> list[Seen]:
    """Every page, loaded once for all that is asked of it: that is what takes long.

    From the disk, which allows less than a server does; this chapter in the light from a server.
    """
    found = []
    for number, page in enumerate(pages):
        for viewport, theme in ways(page, number):
            context = new_context(browser, viewport, theme)
            home = origin if page == CHAPTER and theme == "light" else site.as_uri()
            found.append(look(Visit(context.new_page()), home, page, viewport, theme))
            context.close()
    return found


def look(visit: Visit, home: str, page: str, viewport: str, theme: str) -> Seen:
    visit.open(f"{home}/{page}")
    opened = visit.page
    what = {
        "theme_shown": opened.evaluate("() => document.documentElement.dataset.theme"),
        "images": all_of(opened, "article img => [i.outerHTML.slice(0, 200), i.alt]"),
        "address": opened.url,
        "links": all_of(opened, "a[href] => a.getAttribute('href')"),
        "complaints": {
            "console": [*visit.console],  # axe fetches stylesheets again, which is not the page's
            "failed": [*visit.failures],
            "foreign": visit.foreign,
        },
    }
    # Code looks the same in every chapter, and its thousands of colored words are half of the work.
    axe = Axe().run(opened, context=None if page == CHAPTER else {"exclude": [[".highlight"]]})
    report = axe.generate_report() if axe.violations_count else ""
    widths = {}
    for name, size in VIEWPORTS.items():
        opened.set_viewport_size(size)
        opened.evaluate("() => new Promise(done => setTimeout(done, 200))")  # figures fit anew
        widths[name] = opened.evaluate("() => document.documentElement.scrollWidth")
    return Seen(page, viewport, theme, **what, widths=widths, accessibility=report)


def test_every_page_loads_in_silence_and_from_its_own_origin(seen):
    for one in seen:
        assert one.theme_shown == one.theme
        assert not any(one.complaints.values()), f"{one}: {one.complaints}"


def test_every_page_is_opened_from_the_disk_too(seen, pages):
    assert {one.page for one in seen if one.address.startswith("file:")} == set(pages)


def test_axe_finds_nothing_on_any_page(seen):
    found = [f"{one}\n{one.accessibility}" for one in seen if one.accessibility]
    assert not found, "\n".join(found)


def test_no_page_is_wider_than_the_screen(seen):
    for one in seen:
        for viewport, width in one.widths.items():
            assert width <= VIEWPORTS[viewport]["width"], f"{one}, at {viewport} size: {width}"


def test_every_image_has_a_description(seen):
    for one in seen:
        for image, alt in one.images:
            assert len(alt) > 20, f"{one}: {image}"


def test_every_internal_link_leads_somewhere(seen, site):
    for one in seen:
        at = urlsplit(one.address)  # index.html leads to the intro
        here = Path(unquote(at.path)).relative_to(site if at.scheme == "file" else "/")
        for href in one.links:
            if "://" in href or href.startswith("mailto:"):
                continue
            path, _, anchor = href.partition("#")
            target = (site / here).parent / path if path else site / here
            assert target.is_file(), f"{one} links {href}"
            if anchor and target.suffix == ".html":
                assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{one}: {href}"


def all_of(page: Page, query: str) -> list:
    """``"selector => expression"``: the expression's value for each element, in one call."""
    selector, _, expression = query.partition(" => ")
    name = selector.split("[")[0].split()[-1][0]
    return page.eval_on_selector_all(selector, f"all => all.map({name} => {expression})")


def test_search_finds_a_word_of_a_chapter(visit):
    opened = visit("search.html?q=pond")
    first = opened.page.locator("#search-results li a").first
    first.wait_for()
    assert "Automatic differentiation" in first.inner_text()
    first.click()
    assert "03b-automatic" in opened.page.url
    assert opened.console == []


def test_formulas_are_typeset(visit):
    opened = visit(CHAPTER)
    assert opened.page.locator("article mjx-container").count() > 20
    # MathJax writes its complaints about bad TeX into the page.
    assert opened.page.locator("article [data-mjx-error], article mjx-merror").count() == 0
