"""What holds for every chapter: it runs to its end, in silence, and its figures have words."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from course_utils.book.build import kept
from course_utils.book.chapters import Chapter, find_chapters
from course_utils.book.claims import claims, statements
from course_utils.book.device import device
from course_utils.book.fingerprint import fingerprint
from course_utils.book.store import Store

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = find_chapters(ROOT)
ASSIGNMENTS = sorted((ROOT / "assignments" / "source").glob("*/*.ipynb"))
PAGES = sorted((ROOT / "chapters").rglob("*.md"))

# The claims of the lectures that a cell must check; the others may rest on a source.
# fmt: off
COMPUTABLE = {
    4, 6, 8, 9, 19, 28, 30, 38, 39, 41, 43, 47, 48, 51, 55, 57, 58, 62, 65, 68, 76, 77, 78, 79, 80,
    86, 87, 88, 89, 94, 95, 98, 100, 102, 106, 107, 109, 110, 111, 114, 116, 118, 119, 122, 126,
    128, 129, 130, 131, 133, 136, 137, 139, 140, 141, 142, 144, 146, 149, 154, 156, 157, 158, 160,
    161, 163, 166, 169, 172, 173, 174, 180, 182, 183, 184, 186, 189, 193, 194, 196, 197, 198, 200,
    201, 203, 205, 206, 209, 214, 217, 218, 219, 222, 224, 226, 227, 228, 237,
}
# fmt: on

# How a page gives names to its places: a target, a figure or an exercise, a formula.
LABELS = (r"^\(([\w:.-]+)\)=", r"^\s*:?(?:name|label):\s*([\w:.-]+)", r"^\$\$\s*\(([\w:.-]+)\)")


def code_of(notebook: NotebookNode) -> ast.Module:
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return ast.parse("\n\n".join(cells))


@pytest.fixture(params=CHAPTERS, ids=lambda chapter: chapter.stem)
def chapter(request: pytest.FixtureRequest) -> Chapter:
    return request.param


@pytest.fixture(params=PAGES, ids=lambda page: page.stem)
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def executed(chapter: Chapter, site: Path, monkeypatch: pytest.MonkeyPatch) -> NotebookNode:
    """The chapter as `course build` executed it, for the code and device of now."""
    monkeypatch.delenv("COURSE_DATA", raising=False)  # as `site` was built
    now = fingerprint(chapter, root=ROOT, device=device())
    path = Store(ROOT / "_build" / "executed").path(chapter, now)
    return nbformat.read(path, as_version=4)


def test_every_cell_ran_without_error_or_warning(executed):
    for cell in executed.cells:
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        assert cell.execution_count, cell.source
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", f"{cell.source}\n{output.text}"


def test_every_picture_has_alt_text_and_every_claim_its_own_line(executed):
    claims = []
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if claim := output.get("metadata", {}).get("course_claim"):
                claims.append(claim["id"])
            if any(kind.startswith("image/") for kind in data):
                alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt) > 40, f"no alt text: {cell.source}"
    assert len(claims) == len(set(claims))


def test_no_claim_of_the_lectures_is_missing(site, monkeypatch, capsys):
    monkeypatch.delenv("COURSE_DATA", raising=False)  # as `site` was built
    executed = kept(ROOT)
    checked = {int(one.id[1:]) for one in statements(ROOT, executed) if one.checked}
    assert not COMPUTABLE - checked
    claims(ROOT, executed)
    assert capsys.readouterr().out.endswith("None of 237 is missing.\n")


def test_references_stay_on_their_page(page):
    """A teacher may leave out any page: between pages there is only the role ``chapter``."""
    text = page.read_text(encoding="utf-8")
    here = {label for pattern in LABELS for label in re.findall(pattern, text, re.MULTILINE)}
    for role, target in re.findall(r"\{(ref|numref|eq|doc)\}`(?:[^`<]*<)?([^`>]+)>?`", text):
        assert target in here, f"{{{role}}}`{target}`"
    for target in re.findall(r"\{chapter\}`[^`<]*<([^`>]+)>`", text):
        assert (ROOT / "chapters" / f"{target}.md").is_file(), f"there is no page {target}"
    for target in re.findall(r"\]\(([^)\s]+\.(?:md|html)[^)\s]*)\)", text):
        assert "://" in target, f"a link to {target}"


def test_chapter_opens_with_its_setup(chapter):
    first = chapter.code_cells[0][1].source
    assert "course_utils.setup(seed=" in first


@pytest.mark.parametrize(
    "notebook",
    [*(c.notebook for c in CHAPTERS), *(nbformat.read(a, as_version=4) for a in ASSIGNMENTS)],
    ids=[*(c.stem for c in CHAPTERS), *(a.stem for a in ASSIGNMENTS)],
)
def test_every_name_that_a_notebook_imports_from_the_package_is_there(notebook):
    imported = 0
    for node in ast.walk(code_of(notebook)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("course_utils"):
            module = importlib.import_module(node.module)
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")
                imported += 1
    assert imported
