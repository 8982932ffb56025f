"""The small book, built once a session."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from tiny_book import BIBLIOGRAPHY, REPOSITORY, USES_ALPHA, USES_BETA, Book


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Two chapters that each use a module of their own, an introduction, the references."""
    book = Book(tmp_path_factory.mktemp("book"))
    for name in ("_config.yml", "constraints.txt", "chapters/appendix/references.md"):
        (book.root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, book.root / name)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(
        REPOSITORY / "course_utils", book.root / "package" / "course_utils", ignore=ignore
    )
    # Both are re-exported by nothing: what a new layer looks like before the package names it.
    book.write("package/course_utils/layers/alpha.py", "ANSWER = 41\n")
    book.write("package/course_utils/layers/beta.py", "ANSWER = 7\n")
    book.write("references.bib", BIBLIOGRAPHY)
    book.write("intro.md", "# The front page\n\nA quaternion.\n")
    book.write("chapters/01-alpha.md", USES_ALPHA)
    book.write("chapters/02-beta.md", USES_BETA)
    book.write(
        "_toc.yml",
        "format: jb-book\nroot: intro\nchapters:\n- file: chapters/01-alpha\n"
        "- file: chapters/02-beta\n- file: chapters/appendix/references\n",
    )
    return book


@pytest.fixture(scope="session")
def cold(book: Book) -> subprocess.CompletedProcess[str]:
    """The first build of that book, which has to succeed."""
    result = book.build()
    assert result.returncode == 0, result.stdout + result.stderr
    return result
