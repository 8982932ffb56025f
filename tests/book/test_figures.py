"""The book's figures as files: none is missing, each is SVG and says where it stands."""

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from course_utils.book.figures import figures
from course_utils.errors import CourseError

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="{}" height="1"/></svg>'
)
PAGE = """<html><body><img src="logo.png" alt="not in the article"><article><h1>Waves<a
class="headerlink" href="#waves">#</a></h1><figure id="fig-wave"><img alt="A wave, 1 &lt; 2
 high" src="../_images/f00.svg"><figcaption><p><span>Fig. 4 </span><span>One wave.</span><a
class="headerlink" href="#fig-wave">#</a></p></figcaption></figure><div class="course-widget"><img
alt="Live" src="data:image/svg+xml;base64,{}"></div><img alt="a photograph" src="../_images/a.png">
</article></body></html>"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A book of two pages as it lies in its folder when it is built."""
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n- file: a/02-w\n")
    site = tmp_path / "_build" / "html"
    for folder in ("a", "_images"):
        (site / folder).mkdir(parents=True)
    (site / "intro.html").write_text("<article><h1>Hello</h1></article>")
    live = base64.b64encode(SVG.format(2).encode()).decode()
    (site / "a" / "02-w.html").write_text(PAGE.format(live))
    (site / "_images" / "f00.svg").write_text(SVG.format(1))
    return tmp_path


def test_pictures_are_copied_with_their_words_and_a_link_to_their_place(small, capsys):
    folder = small / "_build" / "figures"
    folder.mkdir()
    (folder / "00-gone-1.svg").write_text("of an earlier build")
    figures(small)
    assert sorted(path.name for path in folder.iterdir()) == [
        "02-w-1.svg", "02-w-2.svg", "index.html"
    ]  # fmt: skip
    assert (folder / "02-w-1.svg").read_text() == SVG.format(1)
    assert (folder / "02-w-2.svg").read_text() == SVG.format(2)  # the interactive one
    index = BeautifulSoup((folder / "index.html").read_text(), "html.parser")
    assert [h.get_text() for h in index.find_all("h2")] == ["Waves"]
    first, second = index.find_all("figcaption")
    assert first.get_text(" ").startswith("Fig. 4 One wave. A wave, 1 < 2 high 02-w-1.svg")
    assert first.a["href"] == "../html/a/02-w.html#fig-wave"
    assert second.get_text(" ").startswith("Live 02-w-2.svg")
    said = capsys.readouterr().out
    assert "2 figures" in said
    assert "a/02-w.html shows a picture that is no SVG" in said


def test_a_book_that_is_not_built_says_how_to_build_it(small):
    (small / "_build" / "html" / "a" / "02-w.html").unlink()
    with pytest.raises(CourseError, match=r"html/a/02-w.html is missing. Run `course build` first"):
        figures(small)
    (small / "_toc.yml").unlink()
    with pytest.raises(CourseError, match=r"_toc.yml is missing"):
        figures(small)


def test_every_picture_of_the_real_book_is_there_as_svg(site):
    figures(site.parents[1])
    folder = site.parent / "figures"
    shown = sum(
        len(re.findall(r"<img\b", re.search(r"<article.*</article>", text, re.S)[0]))
        for page in site.rglob("*.html")
        if "<article" in (text := page.read_text(encoding="utf-8"))
    )
    files = sorted(folder.glob("*.svg"))
    assert len(files) == shown > 100
    for file in files:
        assert ElementTree.parse(file).getroot().tag == "{http://www.w3.org/2000/svg}svg", file
    index = (folder / "index.html").read_text(encoding="utf-8")
    assert "<em></em>" not in index  # every picture has alt text
