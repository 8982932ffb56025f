"""The chapters of a book: the MyST notebooks that its table of contents lists."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from nbformat import NotebookNode
from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml

from course_utils.errors import CourseError

# Where a code cell starts depends on these two: a cell nested in a ``:::`` block or in display
# mathematics is no cell. Execution and pages read a chapter with this one configuration.
_BLOCKS = MdParserConfig(enable_extensions={"colon_fence", "dollarmath"})


@dataclass(frozen=True)
class Chapter:
    """A page of the book that holds code.

    Attributes:
        docname: what Sphinx calls it, ``chapters/03-backpropagation``.
        path: its MyST source.
        notebook: that source as a notebook, without outputs; its metadata hold ``source_map``,
            the line each cell starts at.
    """

    docname: str
    path: Path
    notebook: NotebookNode = field(compare=False, repr=False)

    @property
    def stem(self) -> str:
        """The short name, ``03-backpropagation``: of the published notebook, in messages."""
        return self.path.stem

    @property
    def code_cells(self) -> list[tuple[int, NotebookNode]]:
        """(index in the notebook, cell) of the cells that run, in order."""
        return [
            (index, cell)
            for index, cell in enumerate(self.notebook.cells)
            if cell.cell_type == "code" and cell.source.strip()
        ]

    def line(self, index: int) -> int:
        """The line of the source (from 1) at which cell ``index`` opens."""
        return self.notebook.metadata["source_map"][index]


def read_notebook(text: str, path: Path) -> NotebookNode:
    """MyST text to a notebook without outputs, with ``source_map`` in its metadata."""
    return read_myst_markdown_notebook(text, config=_BLOCKS, add_source_map=True, path=path)


def find_chapters(root: Path) -> list[Chapter]:
    """The chapters in the order of ``_toc.yml``; pages without a kernelspec are not among them.

    Raises:
        CourseError: the table of contents cannot be read, lists a page that does not exist, or
            two chapters share a file name (their published notebooks would overwrite each other).
    """
    toc = root / "_toc.yml"
    if not toc.is_file():
        raise CourseError(
            f"There is no book in {root}: _toc.yml is missing. Run `course build` in the folder "
            "that holds _config.yml and _toc.yml."
        )
    try:
        docnames = list(parse_toc_yaml(toc))
    except (MalformedError, yaml.YAMLError) as error:
        raise CourseError(f"{toc} cannot be read: {error}") from error

    chapters: dict[str, Chapter] = {}
    for docname in docnames:
        path = root / f"{docname}.md"
        if not path.is_file():
            raise CourseError(
                f"_toc.yml lists {docname}, but {path} does not exist. "
                "Add the page or take its line out of _toc.yml."
            )
        text = path.read_text(encoding="utf-8")
        if not is_myst_markdown_notebook(text):
            continue
        chapter = Chapter(docname, path, read_notebook(text, path))
        kernel = chapter.notebook.metadata.get("kernelspec", {}).get("name")
        if kernel is None:
            continue
        if kernel != "python3":
            raise CourseError(f"{path}: kernelspec {kernel!r}, but chapters run on 'python3' only.")
        if chapter.stem in chapters:
            raise CourseError(
                f"Two chapters are called {chapter.stem}: {chapters[chapter.stem].path} and "
                f"{path}. Rename one; their published notebooks would overwrite each other."
            )
        chapters[chapter.stem] = chapter
    return list(chapters.values())


def choose(chapters: list[Chapter], wanted: str) -> Chapter:
    """The one chapter called ``wanted``, or the one whose name starts with it.

    Raises:
        CourseError: none or several match.
    """
    exact = [chapter for chapter in chapters if chapter.stem == wanted]
    matching = exact or [chapter for chapter in chapters if chapter.stem.startswith(wanted)]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(chapter.stem for chapter in matching or chapters) or "none"
    what = "matches more than one chapter" if matching else "matches no chapter"
    raise CourseError(f"--only {wanted} {what}: {names}.")
