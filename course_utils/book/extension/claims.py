"""The list of all claims, with links, and the role that marks a claim resting on a source."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_utils.book.claims import IDS, Statement, statements


def cited(
    name: str, rawtext: str, text: str, lineno: int, inliner: Inliner, *_: object
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """A place that the list of claims links to; nothing is shown."""
    ids = IDS.findall(text)
    if not ids:
        message = inliner.reporter.error(f"cited: expected claims like C078, got {text!r}.")
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    anchors = "".join(f'<span class="cited" id="claim-{i}"></span>' for i in ids)
    return [nodes.raw("", anchors, format="html")], []


class CheckedClaims(SphinxDirective):
    """A table of every claim of the book: its words, its value or its source, and its place."""

    def run(self) -> list[nodes.Node]:
        """The table as HTML, made again in each build: any page may have changed."""
        self.env.note_reread()
        executed = self.config.course_executed or {}
        found = statements(Path(self.env.srcdir), executed)
        rows = "".join(self._row(one) for one in found)
        checked = len({one.id for one in found if one.checked})
        summary = nodes.paragraph(
            "",
            f"{len({one.id for one in found})} claims of the lectures, {checked} of them checked "
            "by a cell in this build, the others by the source that the page cites.",
        )
        head = "<th>Claim</th><th>What the book says</th><th>Found</th><th>Where</th>"
        table = (
            '<div class="pst-scrollable-table-container" tabindex="0" role="region" '
            'aria-label="All claims"><table class="table claims">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        )
        return [summary, nodes.raw("", table, format="html")]

    def _row(self, one: Statement) -> str:
        page = self.env.app.builder.get_relative_uri(self.env.docname, one.docname)
        found = escape(one.value) or ("true" if one.checked else "source cited")
        name = Path(one.docname).name
        return (
            f"<tr><th>{one.id}</th><td>{_with_formulas(one.text)}</td><td>{found}</td>"
            f'<td><a href="{page}#claim-{one.id}">{escape(name)}</a></td></tr>'
        )


def _with_formulas(text: str) -> str:
    """Formulas as Sphinx writes them into a page, for MathJax to find."""
    return re.sub(
        r"\$(.+?)\$", r'<span class="math notranslate nohighlight">\(\1\)</span>', escape(text)
    )


def setup(app: Sphinx) -> None:
    """Register the role ``cited`` and the directive ``checked-claims``."""
    app.add_role("cited", cited)
    app.add_directive("checked-claims", CheckedClaims)
