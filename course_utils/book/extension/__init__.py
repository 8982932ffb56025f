"""The Sphinx extension of the book. One module an idea:

- `executed`: outputs come from `course build`'s store, never from running code here;
- `card`: the directive at the top of a chapter; `chapter_role`: links between chapters;
- `claims`: the list of all that is checked or cited;
- `widgets`: interactive figures without a kernel; `quizzes`: quizzes without a CDN;
- `notebooks`: each chapter as ``.ipynb`` (`book.plain_markdown`), and the buttons that lead to it;
- `api`: the library's reference pages, from its docstrings;
- `pages`: style, formulas without a network, and what the theme leaves to be mended;
- `tidy`: nothing of an earlier build stays.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
from pathlib import Path

from sphinx.application import Sphinx

from course_utils.book.extension import (
    api,
    card,
    chapter_role,
    claims,
    executed,
    notebooks,
    pages,
    tidy,
    widgets,
)

# What pages look like depends on these too; Sphinx itself does not look at their versions.
_PACKAGES = ("sphinx-book-theme", "pydata-sphinx-theme", "myst-nb", "sphinx-design")


def setup(app: Sphinx) -> dict[str, object]:
    """Register all parts."""
    for part in (executed, card, chapter_role, claims, api, widgets, notebooks, pages, tidy):
        part.setup(app)
    return {
        "parallel_read_safe": True,
        "parallel_write_safe": True,
        # When this changes, all pages are read and written again.
        "env_version": _version_of_the_look(),
    }


def _version_of_the_look() -> int:
    """A number that changes with this extension, its scripts and styles, and the theme."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.parent.rglob("*")):
        if path.is_file() and path.suffix in {".py", ".css", ".js", ".html", ".svg"}:
            digest.update(path.read_bytes())
    for package in _PACKAGES:
        digest.update(importlib.metadata.version(package).encode())
    return int(digest.hexdigest()[:8], 16)
