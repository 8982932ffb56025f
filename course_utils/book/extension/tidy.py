"""Nothing of an earlier build stays that this one no longer means.

Sphinx writes again only the pages whose own source was read again. So the others keep the old title
of a changed chapter in their sidebars, pages of chapters that were taken out stay, and so do the
pictures of figures that changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# Pages that are made without a source of their own.
_GENERATED = {"index", "search"}


def rewrite_all(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Once one page was read again, all are written again: each shows the titles of all."""
    return env.found_docs if env.course_pages_read else []


def note_read(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Remember, for `rewrite_all`, whether anything is read in this build."""
    env.course_pages_read = bool(docnames)


def tidy(app: Sphinx, error: Exception | None) -> None:
    """Remove pages and sources of documents that are gone, and pictures that no page shows."""
    if error is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = []
    for page in out.rglob("*.html"):
        inner = page.relative_to(out)
        if inner.parts[0].startswith("_"):
            continue
        if inner.with_suffix("").as_posix() in app.env.found_docs | _GENERATED:
            pages.append(page)
        else:
            page.unlink()
    for source in (out / "_sources").rglob("*.md"):
        if source.relative_to(out / "_sources").with_suffix("").as_posix() not in (
            app.env.found_docs
        ):
            source.unlink()
    shown = "".join(page.read_text(encoding="utf-8") for page in pages)
    for picture in (out / "_images").glob("*"):
        if picture.name not in shown:
            picture.unlink()


def setup(app: Sphinx) -> None:
    """Register; `tidy` last."""
    app.connect("env-before-read-docs", note_read)
    app.connect("env-updated", rewrite_all)
    app.connect("build-finished", tidy, priority=900)
