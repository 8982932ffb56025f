"""The reference pages: every public layer with its formula and the chapter that teaches it."""

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from course_utils import layers

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "chapters" / "appendix" / "layers.md"
PUBLIC = [getattr(layers, name) for name in layers.__all__]
LAYERS = [thing for thing in PUBLIC if isinstance(thing, type)]


@pytest.fixture(scope="module")
def page(site: Path) -> BeautifulSoup:
    return BeautifulSoup((site / "chapters/appendix/layers.html").read_text(), "html.parser")


def entry(page: BeautifulSoup, thing: object) -> Tag:
    found = page.find("dt", id=f"{thing.__module__}.{thing.__qualname__}")
    assert found is not None, f"{thing.__qualname__} is not on the page"
    return found


@pytest.mark.parametrize("thing", PUBLIC, ids=lambda thing: thing.__name__)
def test_every_public_name_is_on_the_page_with_a_link_to_its_source(page, site, thing):
    link = entry(page, thing).find("a", class_="reference internal", string=re.compile("source"))
    link = link or entry(page, thing).find("span", class_="viewcode-link").parent
    target, _, anchor = link["href"].partition("#")
    source = (site / "chapters/appendix" / target).resolve().read_text()
    assert f'id="{anchor}"' in source


@pytest.mark.parametrize(
    "layer",
    [thing for thing in PUBLIC if isinstance(thing, type)],
    ids=lambda layer: layer.__name__,
)
def test_every_layer_shows_its_formula(page, layer):
    text = entry(page, layer).find_next_sibling("dd")
    assert text.find(class_="math"), f"{layer.__name__} has no formula"


def test_every_section_names_the_chapter_that_teaches_it():
    sections = re.split(r"^## ", SOURCE.read_text(), flags=re.MULTILINE)[1:]
    assert len(sections) > 1
    for section in sections:
        assert re.search(r"\{chapter\}`[^`]+ <\d\d-[a-z-]+>`", section), section.splitlines()[0]
