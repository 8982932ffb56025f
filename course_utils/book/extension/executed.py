"""Give each chapter's page the outputs of its last run; Sphinx itself executes nothing.

`course build` hands over, as ``course_executed``, where the result of each chapter is kept. A
reader of our own puts those outputs into the notebook that myst-nb reads from the chapter's source.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import SphinxError
from sphinx.util import logging

from course_utils.book.chapters import read_notebook
from course_utils.book.extension.quizzes import without_cdn
from course_utils.book.extension.widgets import STATE, page_state

LOGGER = logging.getLogger(__name__)


def read_executed(text: str, path: str, stored: str | None) -> NotebookNode:
    """The chapter as a notebook, with the outputs kept in ``stored`` (None: without outputs).

    Raises:
        SphinxError: the kept notebook is of other code than ``text`` holds.
    """
    notebook = read_notebook(text, Path(path))
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    if stored is None:
        return notebook
    result = nbformat.read(stored, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kept = [cell for cell in result.cells if cell.cell_type == "code"]
    if [cell.source for cell in cells] != [cell.source for cell in kept]:
        raise SphinxError(f"{path} changed while the book was being built: build it again.")
    for cell, executed in zip(cells, kept, strict=True):
        cell["outputs"] = without_cdn(executed.outputs, path)
        cell["execution_count"] = executed.execution_count
    state = page_state(result)
    if state is not None:
        notebook.metadata["widgets"] = {STATE: state}
    return notebook


def register_readers(app: Sphinx) -> None:
    """Tell myst-nb, page by page, to read the chapters with `read_executed`."""
    if app.config.course_executed is None:
        LOGGER.warning("the chapters have no outputs: build the book with `course build`")
        return
    readers = {}
    for docname, stored in app.config.course_executed.items():
        path = str(Path(app.srcdir) / f"{docname}.md")
        arguments = {"path": path, "stored": stored}
        readers[path] = (f"{__name__}.{read_executed.__name__}", arguments, False)
    app.env.mystnb_config = app.env.mystnb_config.copy(custom_formats=readers)


def find_outdated(
    app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]
) -> list[str]:
    """Pages whose outputs changed although their source did not; Sphinx cannot see those."""
    results = {
        docname: hashlib.sha256(Path(stored).read_bytes()).hexdigest() if stored else None
        for docname, stored in (app.config.course_executed or {}).items()
    }
    before = getattr(env, "course_results", {})
    env.course_results = results
    return [
        docname
        for docname, result in results.items()
        if docname in env.found_docs and before.get(docname) != result
    ]


def setup(app: Sphinx) -> None:
    """Register; after myst-nb, which makes the configuration that we complete."""
    app.add_config_value("course_executed", None, "", [dict, type(None)])
    app.connect("builder-inited", register_readers, priority=900)
    app.connect("env-get-outdated", find_outdated)
