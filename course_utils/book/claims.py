"""The lectures' claims: what each says, on which page, and whether a cell checks it or a source.

A cell checks a claim by calling `course_utils.claim`. A claim that rests on a source is marked
where the text states it, ``… was trained in 1989 {cite}`lecun1989`.{cited}`C170` ``, and its words
are those of that sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from rich.console import Console
from rich.table import Table

from course_utils.book.chapters import read_notebook
from course_utils.book.plain_markdown import plain_markdown
from course_utils.claims import RECORD
from course_utils.errors import NEEDS_A_PERSON, CourseError

CLAIMS = 237  # in the lectures' ledger, C001 to C237
IDS = re.compile(r"C\d{3}")

_CITED = re.compile(r"\{cited\}`([^`]*)`")
_SOURCE = re.compile(r"\s*\{cite(?::p)?\}`[^`]*`")
_AUTHOR = re.compile(r"\{cite:t\}`([a-z]+)(\d{4})[^`]*`")  # the key is `lecun1989`
_MARK = "\N{INVISIBLE SEPARATOR}"  # where the role stood, while the sentence is looked for
_SENTENCE_ENDS = re.compile(rf"(?<=[.!?])(?:{_MARK})?\s+")


@dataclass(frozen=True)
class Statement:
    """A claim, where the book makes it.

    Attributes:
        id: its number in the ledger, ``C078``.
        text: what is claimed, as plain Markdown.
        value: what the cell measured; empty for a fact, or a citation.
        docname: the page, ``chapters/03-backpropagation``.
        checked: by a cell; else a source is cited.
    """

    id: str
    text: str
    value: str
    docname: str
    checked: bool


def statements(root: Path, executed: Mapping[str, str | None]) -> list[Statement]:
    """All claims of the pages in ``executed`` (docname → executed notebook), by number."""
    found = []
    for docname, stored in executed.items():
        found += _cited(docname, root / f"{docname}.md")
        if stored is not None:
            found += _checked(docname, Path(stored))
    return sorted(found, key=lambda one: (one.id, one.docname))


def _checked(docname: str, stored: Path) -> list[Statement]:
    return [
        Statement(record["id"], record["text"], record["value"], docname, checked=True)
        for cell in nbformat.read(stored, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if (record := output.get("metadata", {}).get(RECORD)) is not None
    ]


def _cited(docname: str, path: Path) -> list[Statement]:
    found = []
    for cell in read_notebook(path.read_text(encoding="utf-8"), path).cells:
        if cell.cell_type != "markdown":
            continue
        for paragraph in re.split(r"\n\s*\n|\n(?=\s*[-*|] )", cell.source):
            for sentence, ids in cited_sentences(paragraph):
                found += [Statement(i, sentence, "", docname, checked=False) for i in ids]
    return found


def cited_sentences(paragraph: str) -> list[tuple[str, list[str]]]:
    """The sentences of a paragraph that end in the role ``cited``, each with its claims."""
    ids = [IDS.findall(match) for match in _CITED.findall(paragraph)]
    if not ids:
        return []
    paragraph = _AUTHOR.sub(lambda key: f"{key[1].title()} ({key[2]})", paragraph)
    plain = plain_markdown(_CITED.sub(_MARK, _SOURCE.sub("", paragraph)))
    plain = " ".join(re.sub(r"[*_]{1,2}(\S.*?)[*_]{1,2}", r"\1", plain).split())
    plain = plain.strip("-*|> ").replace(" | ", ", ")
    # A sentence ends before the mark, or after it, as the author wrote the full stop.
    sentences = []
    for part in plain.split(_MARK)[: len(ids)]:
        last = _SENTENCE_ENDS.split(part.strip(" ."))[-1].strip(" .,;")
        sentences.append(f"{last.removeprefix('(').removesuffix(')').strip(' .')}.")
    return list(zip(sentences, ids, strict=True))


def claims(root: Path, executed: Mapping[str, str | None]) -> None:
    """Print every claim with its page, and which are missing.

    Raises:
        CourseError: a claim of the ledger is neither checked nor cited, or a page has not run.
    """
    console = Console()
    not_run = [docname for docname, stored in executed.items() if stored is None]
    if not_run:
        raise CourseError(
            f"{', '.join(Path(name).name for name in not_run)} has to be executed first: run "
            "`course build`."
        )
    found = statements(root, executed)
    table = Table("claim", "", "page", "what it says", box=None, header_style="bold")
    for one in found:
        how = "checked" if one.checked else "cited"
        table.add_row(one.id, how, Path(one.docname).name, one.text)
    console.print(table)
    checked = {one.id for one in found if one.checked}
    cited = {one.id for one in found} - checked
    missing = [i for i in (f"C{n:03}" for n in range(1, CLAIMS + 1)) if i not in checked | cited]
    console.print(f"{len(checked)} claims are checked by a cell, {len(cited)} rest on a source.")
    if missing:
        raise CourseError(
            f"{len(missing)} of {CLAIMS} claims are on no page: {', '.join(missing)}.",
            exit_code=NEEDS_A_PERSON,
        )
    console.print(f"None of {CLAIMS} is missing.")
