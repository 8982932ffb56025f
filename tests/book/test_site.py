"""What the built pages load, and that interactive figures live without a kernel."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("cold")

LOADING_LINKS = {"stylesheet", "preload", "modulepreload", "preconnect", "prefetch"} | {
    "dns-prefetch", "icon", "manifest"
}  # fmt: skip
FOREIGN = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
IN_CSS = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")
IN_SCRIPT = re.compile(
    r"""(?:import\s*\(|from|import|fetch\(|importScripts\(|JS_URL\s*=|\.src\s*=)\s*["'`](https?:[^"'`]+)"""
)


class Loads(HTMLParser):
    """Collects the addresses that a browser fetches by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and LOADING_LINKS & set(given.get("rel", "").split()):
            self.found.append(given.get("href", ""))
        self.found += [given[name] for name in ("src", "poster", "data") if name in given]
        self.found += [part.split()[0] for part in given.get("srcset", "").split(",") if part]
        self.found += IN_CSS.findall(given.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.found += IN_CSS.findall(data)
        if self.inside == "script":
            self.found += IN_SCRIPT.findall(data)


def foreign_loads(site: Path) -> list[tuple[str, str]]:
    """(file, address) of everything in a site's pages and styles that is fetched elsewhere."""
    found = []
    for path in sorted(site.rglob("*.html")):
        if path.relative_to(site).parts[0] == "_static":
            continue
        parser = Loads()
        parser.feed(path.read_text(encoding="utf-8"))
        found += [(path.name, address) for address in parser.found if FOREIGN.match(address)]
    for path in sorted(site.rglob("*.css")):
        found += [(path.name, url) for url in IN_CSS.findall(path.read_text(encoding="utf-8"))]
    return found


def test_the_parser_sees_foreign_loads(tmp_path):
    (tmp_path / "page.html").write_text(
        '<a href="https://fine.example">x</a><script src="https://a.example/x.js"></script>'
        '<link rel="preconnect" href="//b.example"><style>p{background:url(https://c.example/i)}'
        "</style><script>const THEBE_JS_URL = \"https://d.example/t\"; x.src = 'http://e.example/u'</script>"
        '<img src="own.png">'
    )
    assert [address for _, address in foreign_loads(tmp_path)] == [
        "https://a.example/x.js", "//b.example", "https://c.example/i", "https://d.example/t",
        "http://e.example/u",
    ]  # fmt: skip


def test_no_page_loads_anything_from_another_host(book):
    site = book.root / "_build" / "html"
    assert len(list(site.rglob("*.html"))) >= 5
    assert foreign_loads(site) == []


def test_only_pages_with_formulas_or_figures_load_what_these_need(book):
    alpha, beta = book.page("chapters/01-alpha"), book.page("chapters/02-beta")
    for script in ("mathjax/tex-svg.js", "widget-host.js", "widget-state+json"):
        assert script in alpha
        assert script not in beta
    assert (book.root / "_build/html/_static/mathjax/tex-svg.js").is_file()


def test_widget_state_holds_only_what_the_page_shows_and_each_source_once(book):
    page = book.page("chapters/01-alpha")
    body = re.search(r'<script type="[^"]*widget-state\+json">(.*?)</script>', page, re.DOTALL)
    state = json.loads(body[1])
    values = sorted(model["state"]["value"] for model in state["state"].values())
    assert values == [3, 10]
    assert len(state["sources"]) == 2  # one _esm, one _css
    assert body[1].count("export default") == 1


@pytest.fixture
def alpha(book, browser):
    """The page of the chapter with figures, opened as a file, and what its console said."""
    said: list[str] = []
    page = browser.new_page()
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((book.root / "_build/html/chapters/01-alpha.html").as_uri())
    page.wait_for_selector(".course-widget[data-alive]")
    yield page, said
    page.close()


def test_figure_lives_on_a_page_opened_from_disk(alpha):
    page, said = alpha
    first, again, other = page.locator(".course-widget button").all()
    assert not page.locator(".course-widget img").first.is_visible()
    first.click()
    # Two views of one model move together; another model does not.
    assert first.inner_text() == again.inner_text() == "count 4"
    assert other.inner_text() == "count 10"
    assert first.evaluate("button => getComputedStyle(button).color") == "rgb(1, 2, 3)"
    assert said == []


def test_figure_that_cannot_draw_stays_a_picture_and_says_why(book, browser):
    source = book.page("chapters/01-alpha")
    broken = source.replace("export default { render(", "export default { render_(")
    assert broken != source
    folder = book.root / "_build/html/chapters"
    path = folder / "broken-for-a-test.html"
    path.write_text(broken, encoding="utf-8")
    said: list[str] = []
    page = browser.new_page()
    page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
    try:
        page.goto(path.as_uri())
        page.wait_for_timeout(500)
        assert page.locator(".course-widget img").count() == 3
        assert page.locator("img[alt='A counter at its start']").first.is_visible()
    finally:
        page.close()
        path.unlink()
    assert any("stays a picture" in line and "render" in line for line in said)


def test_search_finds_a_word_on_pages_opened_from_disk(book, browser):
    page = browser.new_page()
    page.goto((book.root / "_build/html/search.html").as_uri() + "?q=quaternion")
    page.wait_for_selector("#search-results li a")
    assert "front page" in page.locator("#search-results").inner_text()
    page.close()


def test_quiz_answers_on_a_page_without_formulas_and_asks_no_other_host(book, browser):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((book.root / "_build/html/chapters/02-beta.html").as_uri())
    page.get_by_text("five", exact=True).click()
    page.wait_for_timeout(700)  # jupyterquiz would have waited half a second for MathJax
    assert "One too many." in page.locator(".Feedback").inner_text()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    page.close()


def test_formula_is_drawn_without_a_network(alpha):
    page, _ = alpha
    page.wait_for_selector("mjx-container svg")
