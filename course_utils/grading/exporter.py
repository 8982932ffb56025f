"""Feedback as HTML in which nothing that a student wrote or printed can run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bleach
from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import InvalidNotebook

TAGS = {
    *bleach.ALLOWED_TAGS,
    *("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "div", "span", "pre", "img"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("dl", "dt", "dd", "sub", "sup", "del", "ins", "s", "u", "small", "details", "summary"),
}
WITH_CONTENT = re.compile(r"<(script|style)\b.*?</\1\s*>", re.I | re.S)
# The template links require.js, jQuery and MathJax on a CDN; a page loads from nowhere but itself.
FOREIGN_SCRIPT = re.compile(r"<script[^>]*\bsrc=[\"'](?:https?:)?//[^>]*>\s*</script>", re.I)

# Long lines of output wrap, and the cells of a table stand apart.
STYLE = "<style>pre { white-space: pre-wrap } td, th { padding: 0.2em 0.8em }</style>\n"


class FeedbackExporter(HTMLExporter):
    """nbconvert's `HTMLExporter` for nbgrader's feedback template, which sanitizes nothing."""

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()
        yield "clean_html", clean
        yield "markdown2html", self.markdown2clean_html

    @pass_context
    def markdown2clean_html(self, context: Any, source: str) -> str:
        try:
            return clean(self.markdown2html(context, source))
        except InvalidNotebook:  # a picture that is attached nowhere
            return clean(self.markdown2html(context, source.replace("attachment:", "missing:")))

    def from_notebook_node(self, *args: Any, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        page, resources = super().from_notebook_node(*args, **kwargs)
        page = FOREIGN_SCRIPT.sub("", page)
        return page.replace("</head>", f"{STYLE}</head>", 1), resources


def clean(html: str | bytes) -> str:
    """HTML without scripts, styles, frames, event handlers and images from elsewhere."""
    text = html.decode("utf-8", "replace") if isinstance(html, bytes) else str(html)
    return bleach.clean(
        WITH_CONTENT.sub("", text),
        tags=TAGS,
        attributes=_is_allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
    )


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img":
        return name in ("alt", "width", "height") or (
            name == "src" and value.startswith("data:image/")
        )
    if tag == "a":
        return name in ("title", "class", "name") or (
            name == "href" and not value.lower().startswith("data:")
        )
    return name in ("class", "id", "align", "colspan", "rowspan")
