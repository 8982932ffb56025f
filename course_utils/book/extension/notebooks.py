"""Publish every chapter as ``notebooks/<chapter>.ipynb``, with buttons that lead there.

The published notebooks hold no outputs: they open clean, they are small, and what a reader sees in
one is what that reader's machine computed. The outputs of our own run are on the page.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

from course_utils.book.chapters import read_notebook
from course_utils.book.plain_markdown import equation_numbers, plain_markdown

# The branch that the site is published on; its notebooks/ is this folder.
SITE_BRANCH = "gh-pages"
FOLDER = "notebooks"


def published(text: str, path: Path, repository_url: str) -> NotebookNode:
    """A chapter as a notebook for JupyterLab and Colab.

    Directives become plain Markdown, which both can show. With a public address, the first cell
    installs `course_utils` from there where it is missing: a fresh Colab machine.
    """
    notebook = read_notebook(text, path)
    numbers = equation_numbers(text)
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell = nbformat.v4.new_markdown_cell(plain_markdown(cell.source, numbers))
        elif cell.cell_type == "code":
            # Hidden on the page, folded in a notebook.
            tags = [tag for tag in cell.metadata.get("tags", [])]
            metadata = {"tags": tags} if tags else {}
            if {"hide-input", "remove-input", "hide-cell"} & set(tags):
                metadata["jupyter"] = {"source_hidden": True}
            cell = nbformat.v4.new_code_cell(cell.source, metadata=metadata)
        if cell.source.strip():
            cells.append(cell)
    if repository_url:
        install = f'%pip install --quiet "course_utils @ git+{repository_url}"'
        cells.insert(0, nbformat.v4.new_code_cell(install))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same source gives the same file
    return nbformat.v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )


def colab_url(repository_url: str, stem: str) -> str | None:
    """Where Colab opens a published notebook; None for a repository that it cannot read."""
    match = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", repository_url)
    if match is None:
        return None
    return (
        "https://colab.research.google.com/github/"
        f"{match[1]}/blob/{SITE_BRANCH}/{FOLDER}/{stem}.ipynb"
    )


def add_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object
) -> None:
    """The notebook among a chapter's downloads; Colab beside it once there is an address."""
    if pagename not in (app.config.course_executed or {}):
        return
    stem = pagename.rpartition("/")[2]
    buttons = context["header_buttons"]
    for group in buttons:
        if group.get("label") == "download-buttons":
            group["buttons"].insert(
                0,
                {
                    "type": "link",
                    "url": context["pathto"](f"{FOLDER}/{stem}.ipynb", 1),
                    "text": ".ipynb",
                    "icon": "fas fa-code",
                    "tooltip": "Download notebook",
                    "label": "download-notebook-button",
                },
            )
    colab = colab_url(app.config.course_repository_url, stem)
    if colab:
        buttons.insert(
            0,
            {
                "type": "link",
                "url": colab,
                "icon": "fas fa-rocket",
                "tooltip": "Open in Colab",
                "label": "colab-button",
            },
        )


def write_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Write all of them beside the pages, and take away those of chapters that are gone."""
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(exist_ok=True)
    wanted = set()
    for docname in app.config.course_executed or {}:
        path = Path(app.env.doc2path(docname))
        notebook = published(
            path.read_text(encoding="utf-8"), path, app.config.course_repository_url
        )
        target = folder / f"{path.stem}.ipynb"
        nbformat.write(notebook, target)
        wanted.add(target)
    for stale in set(folder.glob("*.ipynb")) - wanted:
        stale.unlink()


def setup(app: Sphinx) -> None:
    """Register; the buttons after the theme has made its own (priority 501)."""
    app.add_config_value("course_repository_url", "", "html", [str])
    app.connect("html-page-context", add_buttons, priority=600)
    app.connect("build-finished", write_notebooks)
