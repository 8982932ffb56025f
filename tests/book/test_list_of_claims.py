"""The list of claims: what a cell checked, what a page cites, and what is nowhere."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_utils.book import claims
from course_utils.book.claims import cited_sentences, statements
from course_utils.claims import RECORD
from course_utils.errors import CourseError

PAGE = """---
kernelspec: {name: python3}
---
# A page

An opening sentence. Zip codes were read in 1989 by {cite:t}`lecun1989`
and others.{cited}`C002` Another sentence.

- *Firmly* said {cite:p}`x2000`; and more.{cited}`C003, C004`

```{code-cell} ipython3
claim("C001", "one and one", 1 + 1, 2)
```
"""


@pytest.fixture
def book(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A page, and the notebook that its run left."""
    (tmp_path / "page.md").write_text(PAGE)
    record = {RECORD: {"id": "C001", "text": "one and one", "value": "2"}}
    shown = new_output("display_data", {"text/plain": "✓"}, metadata=record)
    stored = tmp_path / "run.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("claim()", outputs=[shown])]), stored)
    return tmp_path, {"page": str(stored)}


def test_claims_are_found_in_outputs_and_in_sentences(book):
    assert [(one.id, one.text, one.value, one.checked) for one in statements(*book)] == [
        ("C001", "one and one", "2", True),
        ("C002", "Zip codes were read in 1989 by Lecun (1989) and others.", "", False),
        ("C003", "Firmly said; and more.", "", False),
        ("C004", "Firmly said; and more.", "", False),
    ]


def test_a_table_row_is_a_sentence_too():
    row = "| two GPUs | twice the kernels | −1.7{cited}`C177` |"
    assert cited_sentences(row) == [("two GPUs, twice the kernels, −1.7.", ["C177"])]


def test_a_missing_claim_is_named(book, monkeypatch, capsys):
    monkeypatch.setattr(claims, "CLAIMS", 4)
    claims.claims(*book)
    assert "1 claims are checked by a cell, 3 rest on a source" in capsys.readouterr().out
    monkeypatch.setattr(claims, "CLAIMS", 6)
    with pytest.raises(CourseError, match="2 of 6 claims are on no page: C005, C006"):
        claims.claims(*book)


def test_a_page_that_has_not_run_is_named(book):
    root, executed = book
    with pytest.raises(CourseError, match="page has to be executed"):
        claims.claims(root, executed | {"page": None})
