"""`course build`: execute what has changed, then make the pages."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import nbformat
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from course_utils.book.chapters import Chapter, choose, find_chapters
from course_utils.book.device import device as find_device
from course_utils.book.execute import Failure, Result, execute, side_by_side
from course_utils.book.fingerprint import fingerprint
from course_utils.book.site import make_pages
from course_utils.book.store import Store, run_facts
from course_utils.errors import NEEDS_A_PERSON, CourseError

console = Console()


def build(root: Path, *, only: str | None = None, force: bool = False) -> None:
    """Execute the chapters whose outputs are not kept, and build the book into ``_build/html``.

    Args:
        root: the folder of ``_config.yml`` and ``_toc.yml``.
        only: execute no chapter but this one (its name or the start of it). Others are shown with
            the outputs kept for them, if these are current, and without outputs if not.
        force: execute also where the outputs kept are current (with ``only``: that chapter).

    Raises:
        CourseError: a cell failed, or Sphinx warned (exit code 1); there is no such chapter or no
            book here (2). ``_build/html`` then keeps the last good build.
    """
    started = time.perf_counter()
    root = root.resolve()
    output = root / "_build"
    chapters = find_chapters(root)
    device = find_device()
    store = Store(output / "executed")
    prints = {chapter: fingerprint(chapter, root=root, device=device) for chapter in chapters}

    wanted = [choose(chapters, only)] if only else chapters
    current = [c for c in chapters if store.path(c, prints[c]).is_file()]
    to_run = [chapter for chapter in wanted if force or chapter not in current]
    _execute(to_run, prints, store, output, device)

    executed = _kept(chapters, prints, store)
    missing = [chapter for chapter in chapters if executed[chapter.docname] is None]
    site = output / "html"
    with console.status("Making the pages"):
        before = time.perf_counter()
        warnings = make_pages(
            root, work=output / "sphinx", site=site, executed=executed, tolerate=bool(missing)
        )
        pages_seconds = time.perf_counter() - before

    _report(chapters, executed, set(to_run))
    for warning in warnings:
        console.print(warning, style="yellow", markup=False, highlight=False)
    if missing:
        names = ", ".join(chapter.stem for chapter in missing)
        console.print(
            f"[yellow]A preview:[/] --only left out what {names} would have to run; "
            "shown without outputs. `course build` runs all.",
        )
    total = time.perf_counter() - started
    console.print(
        f"Pages {pages_seconds:.1f} s, in all {total:.1f} s. "
        f"{_megabytes(site):.1f} MB in {site.relative_to(root)}."
    )
    console.print(f"Read it: {site / 'index.html'}", soft_wrap=True)


def kept(root: Path) -> dict[str, str | None]:
    """Where the current result of each chapter is, by docname; None where it has to be run."""
    chapters, device = find_chapters(root), find_device()
    prints = {chapter: fingerprint(chapter, root=root, device=device) for chapter in chapters}
    return _kept(chapters, prints, Store(root / "_build" / "executed"))


def _kept(
    chapters: list[Chapter], prints: dict[Chapter, str], store: Store
) -> dict[str, str | None]:
    paths = {chapter: store.path(chapter, prints[chapter]) for chapter in chapters}
    return {c.docname: str(path) if path.is_file() else None for c, path in paths.items()}


def _execute(
    chapters: list[Chapter],
    prints: dict[Chapter, str],
    store: Store,
    output: Path,
    device: str,
) -> None:
    """Run chapters under a progress bar and keep what they give."""
    failed = output / "failed"
    shutil.rmtree(failed, ignore_errors=True)
    if not chapters:
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("cells"),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        rows = {c: bar.add_task(c.stem, total=len(c.code_cells), start=False) for c in chapters}

        def progress(chapter: Chapter, done: int, total: int) -> None:
            if done == 0:
                bar.start_task(rows[chapter])
            bar.update(rows[chapter], completed=done)

        def finished(result: Result) -> None:
            store.put(result.chapter, prints[result.chapter], result.notebook)

        failures = execute(
            chapters,
            private=output / "kernel",
            at_once=side_by_side(device),
            finished=finished,
            progress=progress,
        )
    if failures:
        raise CourseError(
            "\n\n".join(_describe(failure, failed, output.parent) for failure in failures)
            + "\n\nThe pages were not built.",
            exit_code=NEEDS_A_PERSON,
        )


def _describe(failure: Failure, folder: Path, root: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    notebook = folder / f"{failure.chapter.stem}.ipynb"
    nbformat.write(failure.notebook, notebook)
    notebook.with_suffix(".txt").write_text(failure.traceback, encoding="utf-8")
    return (
        f"Chapter {failure.chapter.stem}: code cell {failure.cell} failed "
        f"({failure.chapter.path.relative_to(root)}, line {failure.line}).\n"
        f"  {failure.first_line}\n"
        f"  {failure.error}\n"
        f"The traceback is in {notebook.with_suffix('.txt').relative_to(root)}; the notebook up to "
        f"that cell, to open in Jupyter, is {notebook.relative_to(root)}."
    )


def _report(chapters: list[Chapter], executed: dict[str, str | None], ran: set[Chapter]) -> None:
    table = Table("chapter", "", "run", "on", box=None, header_style="bold", pad_edge=False)
    for chapter in chapters:
        stored = executed[chapter.docname]
        if stored is None:
            table.add_row(chapter.stem, "not executed", "", "")
            continue
        facts = run_facts(Path(stored))
        state = "executed" if chapter in ran else "unchanged"
        table.add_row(chapter.stem, state, f"{facts['seconds']:.1f} s", facts["device"])
    console.print(table)


def _megabytes(folder: Path) -> float:
    files = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return sum(file.stat().st_size for file in files) / 1e6
