"""`course figures`: every picture of the built book as a file of its own, for a teacher's slides.

Chapters keep their figures as SVG (`course_utils.plots.use`), so nothing has to be drawn again: the
pages are read, and what they show is copied.
"""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sphinx_external_toc.parsing import parse_toc_yaml

from course_utils.errors import CourseError

console = Console()

_PARTS = re.compile(r"<h1\b.*?</h1>|<figure\b.*?</figure>|<img\b[^>]*>", re.DOTALL)
_INLINE = "data:image/svg+xml;base64,"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Figures</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 60rem; margin: 1rem auto; padding: 0 1rem; font-family: sans-serif; }}
figure {{ margin: 2rem 0; }}
img {{ max-width: 100%; height: auto; background: white; }}
figcaption {{ margin-top: 0.4rem; max-width: 45rem; line-height: 1.4; }}
</style></head>
<body><main><h1>Figures</h1>
{body}
</main></body></html>
"""


@dataclass(frozen=True)
class Picture:
    """A picture that a page shows.

    Attributes:
        name: its file, ``03-backpropagation-1.svg``.
        svg: what is in it; None if the page's picture is no SVG.
        alt: what it shows, in words.
        caption: the page's text below it, with its number; empty where there is none.
        place: the page, with the figure's anchor, below the site's root.
    """

    name: str
    svg: bytes | None
    alt: str
    caption: str
    place: str


def figures(root: Path) -> None:
    """Write the pictures of ``_build/html`` into ``_build/figures``, with an index of them all.

    An interactive figure is there with its static picture.

    Raises:
        CourseError: the book, or one of its pages, is not built.
    """
    root = root.resolve()
    site, folder = root / "_build" / "html", root / "_build" / "figures"
    pages = _pages(root, site)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    body, written, left_out = [], [], []
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("pages"),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    with bar:
        for page in bar.track(pages, description="Figures"):
            title, found = pictures(page, site)
            there = [picture for picture in found if picture.svg is not None]
            left_out += [picture for picture in found if picture.svg is None]
            for picture in there:
                (folder / picture.name).write_bytes(picture.svg)
            if there:
                link = f"../html/{page.relative_to(site).as_posix()}"
                body.append(f'<h2><a href="{link}">{escape(title)}</a></h2>')
                body += map(_entry, there)
            written += there
    index = folder / "index.html"
    index.write_text(_PAGE.format(body="\n".join(body)), encoding="utf-8")
    megabytes = sum(len(picture.svg) for picture in written) / 1e6
    for picture in left_out:
        console.print(f"[yellow]Left out:[/] {picture.place} shows a picture that is no SVG.")
    console.print(
        f"{len(written)} figures, {megabytes:.1f} MB, in {folder.relative_to(root).as_posix()}."
    )
    console.print(f"Look at them: {index}", soft_wrap=True)


def pictures(page: Path, site: Path) -> tuple[str, list[Picture]]:
    """The page's title, and its pictures from top to bottom."""
    text = page.read_text(encoding="utf-8")
    article = text[text.find("<article") : text.find("</article>")]
    # Most of a page is highlighted code, of which a parser would make ten thousand objects.
    parts = BeautifulSoup("".join(_PARTS.findall(article)), "html.parser")
    for sign in parts.select(".headerlink"):
        sign.extract()
    return _text(parts.find("h1")), [*_shown(parts, page, site)]


def _pages(root: Path, site: Path) -> list[Path]:
    """The built pages in the book's order."""
    toc = root / "_toc.yml"
    if not toc.is_file():
        raise CourseError(
            f"There is no book in {root}: _toc.yml is missing. Run `course figures` in the folder "
            "that holds _config.yml and _toc.yml."
        )
    pages = [site / f"{docname}.html" for docname in parse_toc_yaml(toc)]
    missing = [page.relative_to(root).as_posix() for page in pages if not page.is_file()]
    if missing:
        raise CourseError(
            f"The book is not built: {', '.join(missing[:3])}"
            f"{f' and {len(missing) - 3} more' if len(missing) > 3 else ''} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Run `course build` first."
        )
    return pages


def _shown(parts: BeautifulSoup, page: Path, site: Path) -> Iterator[Picture]:
    for number, image in enumerate(parts.find_all("img"), start=1):
        src = str(image.get("src", ""))
        svg = None
        if src.startswith(_INLINE):
            svg = base64.b64decode(src.removeprefix(_INLINE))
        elif src.endswith(".svg"):
            svg = (page.parent / src).read_bytes()
        figure = image.find_parent("figure")
        anchor = f"#{figure['id']}" if figure is not None and figure.get("id") else ""
        yield Picture(
            name=f"{page.stem}-{number}.svg",
            svg=svg,
            alt=" ".join(str(image.get("alt", "")).split()),
            caption=_text(figure and figure.find("figcaption")),
            place=page.relative_to(site).as_posix() + anchor,
        )


def _text(tag: Tag | None) -> str:
    return " ".join(tag.get_text().split()) if tag is not None else ""


def _entry(picture: Picture) -> str:
    caption = f"{escape(picture.caption)}<br>" if picture.caption else ""
    return (
        f'<figure><a href="{picture.name}"><img src="{picture.name}" loading="lazy" '
        f'alt="{escape(picture.alt)}"></a>\n<figcaption>{caption}<em>{escape(picture.alt)}</em><br>'
        f'{picture.name}, <a href="../html/{picture.place}">on its page</a></figcaption></figure>'
    )
