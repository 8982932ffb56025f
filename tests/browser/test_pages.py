"""What holds for every page of the book."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import SCREENSHOTS, THEMES, VIEWPORTS, Visit, new_context
from playwright.sync_api import Page

CHAPTER = "chapters/03-backpropagation.html"

# Hundreds of entries of one kind, whose formulas take long to typeset: seen in one way each.
REFERENCE = {
    "chapters/appendix/layers.html": ("phone", "light"),
    "chapters/appendix/library.html": ("desktop", "dark"),
}


@pytest.mark.parametrize("theme", THEMES)
def test_every_page_loads_in_silence_and_from_its_own_origin(visit, pages, theme):
    for page in pages:
        opened = visit(page, theme=theme)
        assert opened.console == [], page
        assert opened.failures == [], page
        assert opened.foreign == [], page


def test_every_page_opens_from_the_disk(browser, site, pages):
    for page in pages:
        context = new_context(browser)
        opened = Visit(context.new_page())
        opened.open((site / page).as_uri())
        assert opened.console == [], page
        assert opened.failures == [], page
        assert opened.foreign == [], page
        context.close()


@pytest.mark.parametrize("viewport", VIEWPORTS)
@pytest.mark.parametrize("theme", THEMES)
def test_axe_finds_nothing_on_any_page(visit, pages, viewport, theme):
    for page in pages:
        if REFERENCE.get(page, (viewport, theme)) != (viewport, theme):
            continue
        opened = visit(page, viewport=viewport, theme=theme)
        shown = opened.page.evaluate("() => document.documentElement.dataset.theme")
        assert shown == theme
        found = Axe().run(opened.page)
        assert found.violations_count == 0, f"{page}\n{found.generate_report()}"


@pytest.mark.parametrize("viewport", VIEWPORTS)
@pytest.mark.parametrize("theme", THEMES)
def test_no_page_is_wider_than_the_screen(visit, pages, viewport, theme):
    """Also leaves a picture of each page, top to bottom, for a person to look at."""
    for page in pages:
        if page in REFERENCE and (viewport, theme) != ("phone", "light"):  # width is the question
            continue
        opened = visit(page, viewport=viewport, theme=theme)
        picture = SCREENSHOTS / f"{Path(page).stem}-{viewport}-{theme}.png"
        opened.page.screenshot(path=picture, full_page=True)
        width = opened.page.evaluate("() => document.documentElement.scrollWidth")
        assert width <= VIEWPORTS[viewport]["width"], page


def test_every_image_has_a_description(visit, pages):
    for page in pages:
        images = "article img => [i.outerHTML.slice(0, 200), i.alt]"
        for image, alt in all_of(visit(page).page, images):
            assert len(alt) > 20, f"{page}: {image}"


def test_every_internal_link_leads_somewhere(visit, pages, site):
    for page in pages:
        opened = visit(page).page
        here = Path(urlsplit(opened.url).path).relative_to("/")  # index.html leads on to the intro
        for href in all_of(opened, "a[href] => a.getAttribute('href')"):
            if "://" in href or href.startswith("mailto:"):
                continue
            path, _, anchor = href.partition("#")
            target = (site / here).parent / path if path else site / here
            assert target.is_file(), f"{page} links {href}"
            if anchor and target.suffix == ".html":
                assert f'id="{anchor}"' in target.read_text(encoding="utf-8"), f"{page}: {href}"


def all_of(page: Page, query: str) -> list:
    """``"selector => expression"``: the expression's value for each element, in one call."""
    selector, _, expression = query.partition(" => ")
    name = selector.split("[")[0].split()[-1][0]
    return page.eval_on_selector_all(selector, f"all => all.map({name} => {expression})")


def test_search_finds_a_word_of_a_chapter(visit):
    opened = visit("search.html?q=Jacobian")
    first = opened.page.locator("#search-results li a").first
    first.wait_for()
    assert "Backpropagation" in first.inner_text()
    first.click()
    assert "03-backpropagation" in opened.page.url
    assert opened.console == []


def test_formulas_are_typeset(visit):
    opened = visit(CHAPTER)
    assert opened.page.locator("article mjx-container").count() > 20
    # MathJax writes its complaints about bad TeX into the page.
    assert opened.page.locator("article [data-mjx-error], article mjx-merror").count() == 0
