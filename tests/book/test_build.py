"""`course build` from the first time to failing and mended, each on a real book."""

from __future__ import annotations

import re

import nbformat
import pytest
from tiny_book import USES_ALPHA, USES_BETA, Book, states

pytestmark = pytest.mark.usefixtures("cold")


@pytest.fixture
def changed(book: Book):
    """Change files of the book for one test; afterwards they are as before."""
    before: dict[str, str] = {}

    def change(path: str, text: str) -> None:
        before.setdefault(path, (book.root / path).read_text(encoding="utf-8"))
        book.write(path, text)

    yield change
    for path, text in before.items():
        book.write(path, text)


def test_first_build_executes_every_chapter_and_prints_where_to_read(cold, book):
    assert states(cold) == {"01-alpha": "executed", "02-beta": "executed"}
    assert str(book.root / "_build" / "html" / "index.html") in cold.stdout
    assert re.search(r"\d\.\d MB in _build/html", cold.stdout)


def test_second_build_executes_nothing(book):
    result = book.build()
    assert states(result) == {"01-alpha": "unchanged", "02-beta": "unchanged"}


def test_changed_module_reaches_the_page_and_only_its_chapter_runs(book, changed):
    assert "the answer is 41" in book.page("chapters/01-alpha")
    changed("package/course_utils/layers/alpha.py", "ANSWER = 42\n")
    result = book.build()
    assert states(result) == {"01-alpha": "executed", "02-beta": "unchanged"}
    assert "the answer is 42" in book.page("chapters/01-alpha")
    assert "the answer is 41" not in book.page("chapters/01-alpha")


def test_changed_prose_reaches_the_page_without_executing(book, changed):
    changed("chapters/01-alpha.md", USES_ALPHA.replace("Known since", "Well known since"))
    result = book.build()
    assert set(states(result).values()) == {"unchanged"}
    assert "Well known since" in book.page("chapters/01-alpha")


def test_changed_title_and_style_reach_every_page(book, changed):
    changed("chapters/02-beta.md", USES_BETA.replace("# Beta", "# Betelgeuse"))
    style = "package/course_utils/book/static/course.css"
    changed(style, (book.root / style).read_text(encoding="utf-8") + "/* changed */")
    assert set(states(book.build()).values()) == {"unchanged"}
    assert "Betelgeuse" in book.page("intro")
    assert "/* changed */" in (book.root / "_build/html/_static/course.css").read_text()


def test_failing_cell_names_chapter_and_cell_and_others_still_run(book, changed):
    changed(
        "chapters/02-beta.md",
        USES_BETA + "\n```{code-cell}\n# too far\nnot_defined[0] + 1\n```\n",
    )
    changed("chapters/01-alpha.md", USES_ALPHA + "\n```{code-cell}\n1 + 1;\n```\n")
    page = book.page("chapters/01-alpha")

    result = book.build()
    assert result.returncode == 1
    message = " ".join(result.stderr.split())
    assert "02-beta: code cell 4 failed (chapters/02-beta.md, line 36)" in message
    assert "NameError: name 'not_defined' is not defined" in message
    assert "Traceback" not in message
    traceback = (book.root / "_build/failed/02-beta.txt").read_text(encoding="utf-8")
    assert "not_defined[0] + 1" in traceback
    assert book.page("chapters/01-alpha") == page, "a failing build must not touch the site"

    changed("chapters/02-beta.md", USES_BETA)
    result = book.build()
    assert result.returncode == 0
    # It was executed while the other one failed, and that was kept.
    assert states(result)["01-alpha"] == "unchanged"
    assert not (book.root / "_build" / "failed").exists()


def test_sphinx_warning_fails_every_time_until_it_is_mended(book, changed):
    page = book.page("chapters/02-beta")
    changed("chapters/02-beta.md", USES_BETA + "\nSee {ref}`no-such-place`.\n")
    for _ in range(2):
        result = book.build()
        assert result.returncode == 1
        assert "no-such-place" in result.stderr
        assert "02-beta.md" in result.stderr
        assert book.page("chapters/02-beta") == page
    changed("chapters/02-beta.md", USES_BETA)
    assert book.build().returncode == 0


def test_only_executes_that_chapter_and_says_that_the_rest_is_a_preview(book, changed):
    changed("package/course_utils/layers/alpha.py", "ANSWER = 43\n")
    changed("package/course_utils/layers/beta.py", "ANSWER = 8\n")
    result = book.build("--only", "02")
    assert result.returncode == 0
    assert states(result) == {"01-alpha": "not executed", "02-beta": "executed"}
    assert "A preview" in result.stdout
    assert "twice 16" in book.page("chapters/02-beta")
    assert not re.search(r"the answer is 4\d", book.page("chapters/01-alpha"))
    assert "not run in this build" in book.page("chapters/01-alpha")


def test_only_with_an_unknown_chapter_lists_the_chapters(book):
    result = book.build("--only", "09")
    assert result.returncode == 2
    assert "01-alpha, 02-beta" in result.stderr


def test_force_executes_what_is_current(book):
    assert book.build().returncode == 0
    assert states(book.build("--force"))["01-alpha"] == "executed"


def test_chapter_left_out_of_the_toc_leaves_no_page_and_no_warning(book, changed):
    toc = (book.root / "_toc.yml").read_text(encoding="utf-8")
    link = re.compile(r'<a [^>]*href="01-alpha.html"[^>]*><span class="[^"]*">the first chapter')
    assert link.search(book.page("chapters/02-beta"))
    changed("_toc.yml", toc.replace("- file: chapters/01-alpha\n", ""))
    result = book.build()
    assert result.returncode == 0, result.stderr
    assert not (book.root / "_build/html/chapters/01-alpha.html").exists()
    assert "the first chapter" in book.page("chapters/02-beta")
    assert "01-alpha.html" not in book.page("chapters/02-beta")
    assert not (book.root / "_build/html/notebooks/01-alpha.ipynb").exists()


def test_card_says_what_the_run_was_measured_to_take(book):
    assert book.build().returncode == 0
    page = book.page("chapters/01-alpha")
    assert "<dt>Execution</dt>" in page
    assert re.search(r"<dd>\d+(\.\d)? s, measured</dd>", page)
    assert re.search(r"<dd>[^<]+, 1 thread, torch \d", page)
    assert "<dd>0 bytes</dd>" in page


def test_published_notebook_is_valid_and_clean(book):
    assert book.build().returncode == 0
    path = book.root / "_build/html/notebooks/01-alpha.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[], [], [], []]
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert ":::" not in text
    assert "{cite}" not in text
    assert "After this chapter you can" in text
    assert 'href="../notebooks/01-alpha.ipynb"' in book.page("chapters/01-alpha")
    assert "pip install" not in code[0].source
    assert "colab" not in book.page("chapters/01-alpha")


def test_with_an_address_notebooks_install_from_it_and_pages_link_colab(book, changed):
    config = (book.root / "_config.yml").read_text(encoding="utf-8")
    address = "https://github.com/example/course"
    changed(
        "_config.yml",
        config.replace('course_repository_url: ""', f"course_repository_url: {address}"),
    )
    assert book.build().returncode == 0
    notebook = nbformat.read(book.root / "_build/html/notebooks/01-alpha.ipynb", as_version=4)
    assert notebook.cells[0].source == f'%pip install --quiet "course_utils @ git+{address}"'
    link = (
        "https://colab.research.google.com/github/example/course/blob/gh-pages/"
        "notebooks/01-alpha.ipynb"
    )
    assert link in book.page("chapters/01-alpha")
    assert "colab" not in book.page("intro")
