"""The card at the top of a chapter: what it is for, and what its run was measured to take.

::

    :::{chapter-card}
    :prerequisites: Matrix products, the chain rule.

    - Derive the backward pass of a linear layer.
    - Check a gradient numerically.
    :::
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_utils.book.chapters import read_notebook
from course_utils.book.store import run_facts

WORDS_PER_MINUTE = 200  # technical prose with formulas, slower than a novel's 240


class ChapterCard(SphinxDirective):
    """Objectives (the body, a list) and prerequisites, with the facts of the chapter's run."""

    has_content = True
    option_spec = {"prerequisites": directives.unchanged_required}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """The card as nodes: objectives as written, facts as a description list."""
        executed = self.config.course_executed or {}
        if self.env.docname not in executed:
            raise self.error("chapter-card: this page runs no code, so there is nothing to report.")
        if not self.content:
            raise self.error("chapter-card: list the chapter's objectives in its body.")
        card = nodes.container(classes=["chapter-card"])
        card += nodes.paragraph("", "After this chapter you can", classes=["chapter-card-title"])
        self.state.nested_parse(self.content, self.content_offset, card)
        if "prerequisites" in self.options:
            title = nodes.strong("", "You need: ")
            text, messages = self.parse_inline(self.options["prerequisites"], lineno=self.lineno)
            card += nodes.paragraph("", "", title, *text, classes=["chapter-card-needs"])
            card += messages
        text = Path(self.env.doc2path(self.env.docname)).read_text(encoding="utf-8")
        stored = executed[self.env.docname]
        card += _facts(reading_minutes(text), run_facts(Path(stored)) if stored else None)
        return [card]


def reading_minutes(text: str) -> int:
    """Minutes to read a chapter's prose: words outside code, markup and formulas' insides."""
    prose = " ".join(
        cell.source for cell in read_notebook(text, Path()).cells if cell.cell_type == "markdown"
    )
    prose = re.sub(r"\$\$.*?\$\$", " formula ", prose, flags=re.DOTALL)
    prose = re.sub(r"\$[^$]+\$", " x ", prose)
    prose = re.sub(r"^\s*(?::{3,}|`{3,}|:\w[\w-]*:).*$", " ", prose, flags=re.MULTILINE)
    return max(1, round(len(re.findall(r"\w[\w’'-]*", prose)) / WORDS_PER_MINUTE))


def _facts(minutes: int, run: dict | None) -> nodes.raw:
    facts = [("Reading", f"{minutes} min")]
    if run is None:
        facts.append(("Execution", "not run in this build: outputs are missing"))
    else:
        threads = f"{run['threads']} thread" + ("s" if run["threads"] != 1 else "")
        facts += [
            ("Execution", f"{_duration(run['seconds'])}, measured"),
            ("Ran on", f"{run['device']}, {threads}, torch {run['torch']}"),
            ("Downloads", _bytes(run["downloaded_bytes"])),
        ]
    rows = "".join(f"<div><dt>{name}</dt><dd>{escape(text)}</dd></div>" for name, text in facts)
    return nodes.raw("", f'<dl class="chapter-facts">{rows}</dl>', format="html")


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def setup(app: Sphinx) -> None:
    """Register the directive ``chapter-card``."""
    app.add_directive("chapter-card", ChapterCard)
